/* SPDX-License-Identifier: MIT */
/*
 * client_guard.h - what one exchange may cost us, whatever a receiver or a proxy sends
 *
 * Promise    Every byte that is received counts: interim answers, heads, bodies, chunk sizes and their
 *            extensions, trailers, and what a proxy answers to CONNECT. Beyond GUARD_SIZE_MAX the
 *            exchange ends, and what libcurl keeps of it is bounded by the same number. libcurl reads
 *            a proxy's answer within one curl_multi_perform() as long as bytes arrive: that ends
 *            after GUARD_TURN_MAX of them, at the deadline of the attempt, or with the head of a refusal.
 * Threads    The thread of the multi handle.
 * Ownership  A guard must outlive the handle it is installed in, and the copies of that.
 */
#ifndef REPOSTAL_DELIVERY_CLIENT_GUARD_H
#define REPOSTAL_DELIVERY_CLIENT_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

enum {
	GUARD_SIZE_MAX = 256 * 1024,    /* received in one exchange */
	GUARD_TURN_MAX = 16 * 1024,     /* of a proxy's answer, in one curl_multi_perform() */
	GUARD_TRAILERS_MAX = 16 * 1024, /* what follows a body says nothing to us */
	GUARD_LINE_SIZE = 128, /* what libcurl needs to keep a header line, besides its bytes */
};

enum guard_verdict {
	GUARD_CONTENT,
	GUARD_TOO_LONG,
	GUARD_REFUSED, /* by the proxy: what it says besides is of no use */
	GUARD_TOO_LATE
};

struct client_guard {
	const uint64_t *turn; /* number of the curl_multi_perform() that runs */
	CURL *easy;
	enum guard_verdict verdict;
	size_t received;
	size_t trailers_size;
	bool through_proxy;
	bool is_asked; /* the request is on its way: what comes now is the receiver's */
	bool has_head; /* of an answer that is not interim */
	bool is_traced;
	uint64_t seen_turn;
	size_t calls;        /* of on_progress() in this turn */
	int64_t deadline_us; /* monotonic */
};

void client_guard_install(
	struct client_guard *guard, CURL *easy, const uint64_t *turn, bool through_proxy);
/* Before each use of easy, which may be another one than before. */
void client_guard_begin(struct client_guard *guard, CURL *easy, int64_t timeout_ms);
/* The connection stands, and the request is sent over it. */
void client_guard_ask(struct client_guard *guard);
bool client_guard_is_asked(const struct client_guard *guard);
/* Some of the body; false: too much. */
bool client_guard_take_body(struct client_guard *guard, size_t size);
/* What libcurl's code for the end of an exchange means when it was we who ended it. */
CURLcode client_guard_code(const struct client_guard *guard, CURLcode code);
/* Cut off, after the head of an answer: what the receiver says of the event is known. */
bool client_guard_has_answer(const struct client_guard *guard);

#endif
