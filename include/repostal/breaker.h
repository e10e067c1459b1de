/* SPDX-License-Identifier: MIT */
/*
 * breaker.h - leaves a failing receiver alone
 *
 * Promise    Pure state machine; the time is an argument. Closed: attempts flow. Open: nothing is
 *            attempted until the cooldown ends. Probing: one attempt at a time decides; a success
 *            closes, a failure opens again with twice the cooldown, at most
 *            BREAKER_COOLDOWN_MAX_MS. After closing, the allowed concurrency starts at one and
 *            doubles with each full round of successes, so that a healed receiver is not knocked
 *            over.
 * Threads    One owner.
 */
#ifndef REPOSTAL_BREAKER_H
#define REPOSTAL_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum {
	BREAKER_COOLDOWN_MAX_MS = 5 * 60 * 1000
};

struct breaker_settings {
	int failures; /* consecutive; 0: the breaker never opens */
	int64_t cooldown_ms;
};

enum breaker_state {
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_PROBING
};

struct breaker {
	enum breaker_state state;
	int failures;        /* consecutive so far */
	int64_t cooldown_ms; /* of the present opening */
	int64_t open_until_ms;
	int ramp; /* concurrency allowed after healing; 0: no limit */
	int ramp_successes;
};

void breaker_init(struct breaker *breaker);
/* At most so many attempts may be in flight now, of at most concurrency; 0 while open. Moves OPEN
 * to PROBING when the cooldown is over. */
int breaker_allows(struct breaker *breaker, int64_t now_ms, int concurrency);
/* Returns true when the state changed. */
bool breaker_success(struct breaker *breaker, int concurrency);
bool breaker_failure(
	struct breaker *breaker, const struct breaker_settings *settings, int64_t now_ms);
/* When breaker_allows() may change by itself; INT64_MAX when never. */
int64_t breaker_wakes_ms(const struct breaker *breaker);

#endif
