/* SPDX-License-Identifier: MIT */
/*
 * access.h - who may use the admin API
 *
 * Promise    Pure. Tokens are compared in constant time. Over the Unix socket comes who may open it: the
 *            service's user and root. Over TCP, admin.token opens everything and admin.read_token what only
 *            looks; where neither is set the listener is on loopback, and looking is free.
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

enum access_verdict {
	ACCESS_GRANTED,
	ACCESS_UNAUTHORIZED, /* no token, or a wrong one */
	ACCESS_FORBIDDEN,    /* not in this way: refusal says what to do */
};

struct access_rules {
	const char *token;      /* NULL: none */
	const char *read_token; /* NULL: none */
	bool is_loopback;       /* the TCP listener's address */
};

struct access_request {
	bool is_local;  /* came over the Unix socket */
	bool is_change; /* does more than looking */
	bool is_open;   /* on loopback no token is asked for (metrics) */
	struct slice authorization;
	struct access_headers headers;
};

enum access_verdict access_judge(const struct access_rules *rules,
	const struct access_request *request, const char **refusal_out);

/* GET and HEAD. */
bool access_only_looks(struct slice method);

/* Of a request without a token: NULL, or why it is not taken. */
const char *access_refuse_browser(const struct access_headers *headers);

bool access_is_json(struct slice content_type);

#endif
