/* SPDX-License-Identifier: MIT */
/*
 * access.h - who may use the admin API
 *
 * Promise    Pure. Tokens are compared in constant time.
 * Threads    Any.
 */
#ifndef REPOSTAL_ADMIN_ACCESS_H
#define REPOSTAL_ADMIN_ACCESS_H

#include <stdbool.h>

#include "repostal/slice.h"

/* False also when there is no token at all. */
bool access_has_token(const char *token, struct slice authorization);

struct access_headers {
	struct slice host;
	struct slice origin;
	struct slice fetch_site; /* Sec-Fetch-Site */
};

/* Of a request without a token: NULL, or why it is not taken. */
const char *access_refuse_browser(const struct access_headers *headers);

bool access_is_json(struct slice content_type);

#endif
