/* SPDX-License-Identifier: MIT */
/*
 * Without a token the TCP listener is on loopback, and everybody on the machine may look; but a browser on
 * it also carries the wishes of strange pages. Those are told by what browsers say of themselves (Origin,
 * Sec-Fetch-Site), and by a Host that is a name: a page's own name may be made to point to this machine
 * (DNS rebinding).
 */
#include "access.h"

#include "repostal/address.h"

bool access_has_token(const char *token, struct slice authorization)
{
	struct slice rest = slice_trim(authorization);
	struct slice scheme = slice_cut(&rest, ' ');

	return token != NULL && slice_is_nocase(scheme, "bearer") &&
	       slice_equal_constant_time(slice_trim(rest), slice_text(token));
}

static bool is_same_nocase(struct slice a, struct slice b)
{
	if (a.size != b.size)
		return false;
	for (size_t i = 0; i < a.size; i++) {
		char x = a.data[i], y = b.data[i];

		x = x >= 'A' && x <= 'Z' ? (char)(x | 0x20) : x;
		y = y >= 'A' && y <= 'Z' ? (char)(y | 0x20) : y;
		if (x != y)
			return false;
	}
	return true;
}

/* Without the port; an IPv6 address also without its brackets. */
static struct slice host_name(struct slice host)
{
	if (host.size > 0 && host.data[0] == '[') {
		host = slice_of(host.data + 1, host.size - 1);
		return slice_cut(&host, ']');
	}
	return slice_cut(&host, ':');
}

static bool is_own_host(struct slice host)
{
	struct slice name = host_name(host);
	struct address address;

	return slice_is_nocase(name, "localhost") || address_parse(name, &address);
}

static bool is_own_origin(struct slice origin, struct slice host)
{
	struct slice rest;

	if (slice_starts_nocase(origin, "http://"))
		rest = slice_of(origin.data + 7, origin.size - 7);
	else if (slice_starts_nocase(origin, "https://"))
		rest = slice_of(origin.data + 8, origin.size - 8);
	else
		return false;
	return is_same_nocase(rest, host);
}

const char *access_refuse_browser(const struct access_headers *headers)
{
	if (!is_own_host(headers->host))
		return "the Host is neither an address nor localhost; without admin.token no other "
		       "name is served";
	if (headers->origin.size > 0 && !is_own_origin(headers->origin, headers->host))
		return "a page from elsewhere may not use this";
	if (slice_is_nocase(headers->fetch_site, "cross-site") ||
		slice_is_nocase(headers->fetch_site, "same-site"))
		return "a page from elsewhere may not use this";
	return NULL;
}

/* A form, which pages may send anywhere, cannot have this type. */
bool access_is_json(struct slice content_type)
{
	return slice_is_nocase(slice_trim(slice_cut(&content_type, ';')), "application/json");
}

bool access_only_looks(struct slice method)
{
	return slice_is(method, "GET") || slice_is(method, "HEAD");
}

static enum access_verdict judge_stranger(const struct access_rules *rules,
	const struct access_request *request, const char **refusal_out)
{
	if (!rules->is_loopback ||
		(!request->is_open && (rules->token != NULL || rules->read_token != NULL)))
		return ACCESS_UNAUTHORIZED;
	*refusal_out = access_refuse_browser(&request->headers);
	if (*refusal_out == NULL && request->is_change)
		*refusal_out = "without admin.token nothing can be changed over TCP: use the "
			       "Unix socket (admin.socket), or set admin.token";
	return *refusal_out == NULL ? ACCESS_GRANTED : ACCESS_FORBIDDEN;
}

enum access_verdict access_judge(const struct access_rules *rules,
	const struct access_request *request, const char **refusal_out)
{
	*refusal_out = NULL;
	if (request->is_local || access_has_token(rules->token, request->authorization))
		return ACCESS_GRANTED;
	if (!access_has_token(rules->read_token, request->authorization))
		return judge_stranger(rules, request, refusal_out);
	if (!request->is_change)
		return ACCESS_GRANTED;
	*refusal_out = "admin.read_token may look, not change: this needs admin.token";
	return ACCESS_FORBIDDEN;
}
