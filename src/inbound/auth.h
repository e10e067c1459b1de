/* SPDX-License-Identifier: MIT */
/*
 * auth.h - is this request from whom the source expects?
 *
 * Promise    Everything that the settings ask for must hold. Secrets are compared in a time that does
 *            not depend on how much of a guess is right.
 * Threads    Pure; any.
 */
#ifndef REPOSTAL_INBOUND_AUTH_H
#define REPOSTAL_INBOUND_AUTH_H

#include "repostal/http.h"
#include "repostal/source_settings.h"

enum auth_result {
	AUTH_OK,
	AUTH_UNAUTHORIZED,
	AUTH_FORBIDDEN
};

/* The last path segment where a token may stand, still percent-encoded; empty: there is none. */
enum auth_result auth_check(const struct auth_settings *settings,
	const struct address_ranges *trusted_proxies, const struct http_request *request,
	struct slice path_token);

enum {
	AUTH_PROXIES_MAX = 32
};

/*
 * Who really asks: the connection's peer, or, while that is a trusted proxy, the next address to the
 * left in X-Forwarded-For. What is not an address ends the walk at the proxy that said so, and so do
 * AUTH_PROXIES_MAX proxies: what is written further to the left costs nothing.
 */
struct address auth_client_address(const struct address_ranges *trusted_proxies,
	const struct address *peer, struct http_lines forwarded_for);

/* The WWW-Authenticate value of a 401. */
const char *auth_challenge(const struct auth_settings *settings);

#endif
