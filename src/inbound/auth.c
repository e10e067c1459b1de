/* SPDX-License-Identifier: MIT */
#include "auth.h"

#include "repostal/base64.h"
#include "repostal/text.h"

enum {
	SECRET_SIZE_MAX = 4096
};

static struct slice last_of_list(struct slice *list)
{
	size_t at = list->size;
	struct slice last;

	while (at > 0 && list->data[at - 1] != ',')
		at--;
	last = slice_of(list->data + at, list->size - at);
	list->size = at > 0 ? at - 1 : 0;
	return slice_trim(last);
}

struct address auth_client_address(const struct address_ranges *trusted_proxies,
	const struct address *peer, struct http_lines forwarded_for)
{
	struct address client = *peer;
	struct slice line = slice_of(NULL, 0);

	for (int i = 0; i < AUTH_PROXIES_MAX; i++) {
		struct address next;

		if (line.size == 0) {
			if (forwarded_for.count == 0)
				break;
			line = forwarded_for.list[--forwarded_for.count];
		}
		if (!address_in_ranges(&client, trusted_proxies) ||
			!address_parse_node(last_of_list(&line), &next))
			break;
		client = next;
	}
	return client;
}

/* The copy is decoded, because a URL cannot carry every token as it is. */
static bool encoded_token_matches(struct slice encoded, const char *token)
{
	char decoded[SECRET_SIZE_MAX];
	size_t size;

	if (encoded.size == 0 || encoded.size > sizeof(decoded))
		return false;
	memcpy(decoded, encoded.data, encoded.size);
	size = text_percent_decode(decoded, encoded.size, false);
	return slice_equal_constant_time(slice_of(decoded, size), slice_text(token));
}

static bool query_token_matches(struct slice query, const char *token)
{
	bool matches = false;

	while (query.size > 0) {
		struct slice pair = slice_cut(&query, '&');
		struct slice name = slice_cut(&pair, '=');

		if (slice_is(name, "token"))
			matches |= encoded_token_matches(pair, token);
	}
	return matches;
}

/* "Bearer abc" for scheme "bearer": *credentials_out is "abc". */
static bool split_authorization(
	struct slice authorization, const char *scheme, struct slice *credentials_out)
{
	struct slice rest = slice_trim(authorization);
	struct slice name = slice_cut(&rest, ' ');

	*credentials_out = slice_trim(rest);
	return slice_is_nocase(name, scheme);
}

static bool token_matches(
	const struct http_request *request, struct slice path_token, const char *token)
{
	struct slice bearer;
	bool matches = query_token_matches(request->query, token);

	matches |= encoded_token_matches(path_token, token);
	if (split_authorization(request->authorization, "bearer", &bearer))
		matches |= slice_equal_constant_time(bearer, slice_text(token));
	return matches;
}

static bool basic_matches(const struct http_request *request, const char *basic)
{
	uint8_t decoded[SECRET_SIZE_MAX];
	struct slice credentials;
	size_t size;

	if (!split_authorization(request->authorization, "basic", &credentials) ||
		!base64_decode(BASE64_STANDARD, credentials, decoded, sizeof(decoded), &size))
		return false;
	return slice_equal_constant_time(slice_of((char *)decoded, size), slice_text(basic));
}

enum auth_result auth_check(const struct auth_settings *settings,
	const struct address_ranges *trusted_proxies, const struct http_request *request,
	struct slice path_token)
{
	if (settings->allow.count > 0) {
		struct address client = auth_client_address(
			trusted_proxies, &request->peer, request->forwarded_for);

		if (!address_in_ranges(&client, &settings->allow))
			return AUTH_FORBIDDEN;
	}
	if (settings->token != NULL && !token_matches(request, path_token, settings->token))
		return AUTH_UNAUTHORIZED;
	if (settings->basic != NULL && !basic_matches(request, settings->basic))
		return AUTH_UNAUTHORIZED;
	return AUTH_OK;
}

const char *auth_challenge(const struct auth_settings *settings)
{
	return settings->basic != NULL ? "Basic realm=\"repostal\", charset=\"UTF-8\""
				       : "Bearer realm=\"repostal\"";
}
