/* SPDX-License-Identifier: MIT */
/*
 * rate.h - a token bucket
 *
 * Promise    Pure; time is an argument. At most rate_per_second on average, and bursts of at most
 *            one second's worth (at least one).
 * Threads    One owner.
 */
#ifndef REPOSTAL_RATE_H
#define REPOSTAL_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	double per_second; /* 0: no limit */
	double tokens;
	int64_t at_us; /* when tokens was right; monotonic */
};

void rate_init(struct rate *rate, double per_second, int64_t now_us);
/* Takes one token if there is one. */
bool rate_take(struct rate *rate, int64_t now_us);
/* Microseconds until the next token; 0 when there is one. */
int64_t rate_wait_us(const struct rate *rate, int64_t now_us);

#endif
