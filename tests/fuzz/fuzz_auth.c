/* SPDX-License-Identifier: MIT */
/*
 * Who may post. Lines: Authorization, query, last path segment, X-Forwarded-For, again and again. Whoever is let in must
 * have known the secret, or come from an address that is allowed; nobody gets in by confusing a parser.
 */
#include <stdlib.h>

#include "auth.h"
#include "fuzz.h"
#include "repostal/base64.h"

static char token[] = "s3cret/%41+=";
static char basic[] = "user:p%ss:word";

static struct address_range range_of(const char *text)
{
	struct address_range range;

	REPOSTAL_ASSERT(address_range_parse(slice_text(text), &range));
	return range;
}

/* Percent-decoded, so that a token that was understood stands in it as it is. */
static bool holds(struct slice text, const char *secret)
{
	char *copy = memory_copy_bytes(text.data, text.size);
	size_t size = text_percent_decode(copy, text.size, false);
	bool found = fuzz_contains(text, slice_text(secret)) ||
		     fuzz_contains(slice_of(copy, size), slice_text(secret));

	free(copy);
	return found;
}

static void check_token(const struct http_request *request, struct slice segment)
{
	const struct auth_settings settings = { .token = token };
	struct address_ranges none = { .count = 0 };

	if (auth_check(&settings, &none, request, segment) != AUTH_OK)
		return;
	REPOSTAL_ASSERT(holds(request->authorization, token) || holds(request->query, token) ||
			holds(segment, token));
}

static void check_basic(const struct http_request *request, struct slice segment)
{
	const struct auth_settings settings = { .basic = basic };
	struct address_ranges none = { .count = 0 };
	char encoded[BASE64_SIZE(sizeof(basic))];
	size_t size =
		base64_encode(BASE64_STANDARD, (const uint8_t *)basic, sizeof(basic) - 1, encoded);

	/* Its padding may be left out. */
	while (encoded[size - 1] == '=')
		size--;
	if (auth_check(&settings, &none, request, segment) == AUTH_OK)
		REPOSTAL_ASSERT(fuzz_contains(request->authorization, slice_of(encoded, size)));
}

static void check_addresses(struct http_request *request, struct slice segment)
{
	struct address_range proxy = range_of("127.0.0.0/8"), friend = range_of("203.0.113.7");
	const struct address_ranges proxies = { .list = &proxy, .count = 1 };
	const struct address_ranges none = { .count = 0 };
	const struct auth_settings settings = { .allow = { .list = &friend, .count = 1 } };
	struct address client;

	/* A stranger may say what he likes. */
	REPOSTAL_ASSERT(address_parse(SLICE_LITERAL("198.51.100.1"), &request->peer));
	REPOSTAL_ASSERT(auth_check(&settings, &proxies, request, segment) == AUTH_FORBIDDEN);
	REPOSTAL_ASSERT(address_parse(SLICE_LITERAL("127.0.0.1"), &request->peer));
	REPOSTAL_ASSERT(auth_check(&settings, &none, request, segment) == AUTH_FORBIDDEN);
	client = auth_client_address(&proxies, &request->peer, request->forwarded_for);
	REPOSTAL_ASSERT((auth_check(&settings, &proxies, request, segment) == AUTH_OK) ==
			(memcmp(&client, &friend.base, sizeof(client)) == 0));
	if (request->forwarded_for.count == 0)
		REPOSTAL_ASSERT(memcmp(&client, &request->peer, sizeof(client)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = fuzz_input(data, size);
	struct http_request request = { .authorization = slice_cut(&rest, '\n') };
	struct slice segment, lines[8];

	request.query = slice_cut(&rest, '\n');
	segment = slice_cut(&rest, '\n');
	while (rest.size > 0 && request.forwarded_for.count < ARRAY_COUNT(lines))
		lines[request.forwarded_for.count++] = slice_cut(&rest, '\n');
	request.forwarded_for.list = lines;
	check_token(&request, segment);
	check_basic(&request, segment);
	check_addresses(&request, segment);
	return 0;
}
