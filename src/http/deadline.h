/* SPDX-License-Identifier: MIT */
/*
 * deadline.h - how long a connection may stay as it is
 *
 * Promise    Pure. Every state that a peer can prolong has an end; the one that only we can prolong, an
 *            answer that waits for the disk, has none.
 * Threads    Any.
 */
#ifndef REPOSTAL_HTTP_DEADLINE_H
#define REPOSTAL_HTTP_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

enum http_state {
	HTTP_READING,   /* the handshake, the next request or the rest of it */
	HTTP_WAITING,   /* for our answer */
	HTTP_WRITING,   /* that answer */
	HTTP_LINGERING, /* throwing away what still arrives after a refusal (linger.c) */
	HTTP_CLOSING    /* TLS says its farewell */
};

struct http_limits {
	int64_t request_ms; /* to read one request, or to write one answer */
	int64_t linger_ms;
};

/* Times are monotonic. */
bool http_is_overdue(
	enum http_state state, int64_t since_ms, int64_t now_ms, const struct http_limits *limits);

#endif
