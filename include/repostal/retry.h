/* SPDX-License-Identifier: MIT */
/*
 * retry.h - when to try again
 *
 * Promise    Pure: chance is an argument (jitter, 0 <= jitter < 1, what random_unit() gives). It only adds.
 * Threads    Values.
 */
#ifndef REPOSTAL_RETRY_H
#define REPOSTAL_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/slice.h"

enum {
	RETRY_DELAYS_MAX = 64
};

struct retry_settings {
	int64_t delays_ms[RETRY_DELAYS_MAX]; /* [n-1]: wait after failed attempt n */
	size_t delays_count;                 /* attempts = delays_count + 1 */
	double jitter;                       /* 0 .. 1: at most this share of the delay is added */
	int64_t retry_after_max_ms;
};

/*
 * Milliseconds from now until the attempt after attempts_done failed ones, or -1 when that was the
 * last. retry_after_ms is what the receiver asked for, or -1: the wait is then at least
 * min(retry_after_ms, retry_after_max_ms), jitter added to the schedule only.
 */
int64_t retry_delay_ms(const struct retry_settings *settings, int attempts_done,
	int64_t retry_after_ms, double jitter);

/*
 * Fills delays from a preset: "postal" (Postal's own, 6 attempts), "postal-extended" (13),
 * "standard-webhooks" (10). False when there is none of that name.
 */
bool retry_preset(struct slice name, struct retry_settings *settings);

#endif
