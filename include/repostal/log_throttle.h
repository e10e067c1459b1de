/* SPDX-License-Identifier: MIT */
/*
 * log_throttle.h - at most so many lines a second, and how many that left out
 *
 * Promise    Pure: the time is an argument. What was left out is told once, at the end of its second
 *            at the earliest.
 * Threads    One owner.
 */
#ifndef REPOSTAL_LOG_THROTTLE_H
#define REPOSTAL_LOG_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	LOG_THROTTLE_LINES_PER_S = 10
};

/* Value-initialise with { 0 }. Times are monotonic milliseconds. */
struct log_throttle {
	int64_t second_began_ms;
	int64_t left_out;
	int32_t written; /* in this second */
};

/* False: this line is left out. */
bool log_throttle_pass(struct log_throttle *throttle, int64_t now_ms);
/* When log_throttle_take() has something to tell; INT64_MAX: nothing was left out. */
int64_t log_throttle_due_ms(const struct log_throttle *throttle);
/* How many lines were left out since the last call that told any; zero before it is due. */
int64_t log_throttle_take(struct log_throttle *throttle, int64_t now_ms);

#endif
