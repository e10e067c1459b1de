/* SPDX-License-Identifier: MIT */
/*
 * latency.h - a histogram of microseconds, and the clocks; for the tools of this folder
 *
 * Promise    A value is kept within 1.6 %: below 64 exactly, above with 64 steps for each power of two.
 * Threads    One.
 */
#ifndef REPOSTAL_BENCH_LATENCY_H
#define REPOSTAL_BENCH_LATENCY_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum {
	LATENCY_STEPS = 64,
	LATENCY_POWERS = 40
};

struct latency {
	uint64_t buckets[LATENCY_POWERS * LATENCY_STEPS];
	uint64_t count;
	uint64_t max_us;
};

static inline uint64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline size_t latency_bucket(uint64_t us)
{
	int power = 0;

	while (us >> power >= 2 * LATENCY_STEPS)
		power++;
	return us < LATENCY_STEPS ? (size_t)us
				  : (size_t)power * LATENCY_STEPS + (size_t)(us >> power);
}

static inline uint64_t latency_of_bucket(size_t bucket)
{
	size_t power = bucket / LATENCY_STEPS;

	if (bucket < 2 * LATENCY_STEPS)
		return bucket;
	return (uint64_t)(bucket - (power - 1) * LATENCY_STEPS) << (power - 1);
}

static inline void latency_add(struct latency *latency, uint64_t us)
{
	size_t bucket = latency_bucket(us);
	size_t last = LATENCY_POWERS * LATENCY_STEPS - 1;

	latency->buckets[bucket < last ? bucket : last]++;
	latency->count++;
	if (us > latency->max_us)
		latency->max_us = us;
}

static inline uint64_t latency_quantile(const struct latency *latency, double share)
{
	uint64_t wanted = (uint64_t)((double)latency->count * share), seen = 0;

	for (size_t i = 0; i < LATENCY_POWERS * LATENCY_STEPS; i++) {
		seen += latency->buckets[i];
		if (seen > wanted)
			return latency_of_bucket(i);
	}
	return latency->max_us;
}

static inline int latency_print(const struct latency *latency, char *out, size_t size)
{
	return snprintf(out, size,
		"\"p50_us\":%llu,\"p90_us\":%llu,\"p99_us\":%llu,\"max_us\":%llu",
		(unsigned long long)latency_quantile(latency, 0.5),
		(unsigned long long)latency_quantile(latency, 0.9),
		(unsigned long long)latency_quantile(latency, 0.99),
		(unsigned long long)latency->max_us);
}

#endif
