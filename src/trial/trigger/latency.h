/* SPDX-License-Identifier: MIT */
/*
 * latency.h - a histogram of durations, for quantiles of any number of them
 *
 * Promise    Its size is fixed. A quantile is never below the true one and at most 0.1 % above it;
 *            below 2 ms, and at the maximum, it is exact to the microsecond.
 * Threads    One owner.
 *
 * Log-linear: the first 2048 buckets are one microsecond wide, each following 1024 twice as wide as
 * those before.
 */
#ifndef REPOSTAL_TRIAL_LATENCY_H
#define REPOSTAL_TRIAL_LATENCY_H

#include <stddef.h>
#include <stdint.h>

enum {
	LATENCY_EXACT_COUNT = 2048,
	LATENCY_STEP_COUNT = LATENCY_EXACT_COUNT / 2,
	LATENCY_DOUBLINGS = 25, /* up to 19 hours; longer ones share the last bucket */
	LATENCY_BUCKET_COUNT = LATENCY_EXACT_COUNT + LATENCY_DOUBLINGS * LATENCY_STEP_COUNT,
};

/* Value-initialise with { 0 }. */
struct latency {
	uint64_t count;
	int64_t max_us;
	uint64_t buckets[LATENCY_BUCKET_COUNT];
};

/* A negative duration counts as 0. */
void latency_record(struct latency *latency, int64_t duration_us);
/* The smallest duration that a share (0 < share <= 1) of all do not exceed; 0 when there are none.
 */
int64_t latency_quantile_us(const struct latency *latency, double share);

#endif
