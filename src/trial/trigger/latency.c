/* SPDX-License-Identifier: MIT */
#include "latency.h"

static size_t bucket_of(int64_t duration_us)
{
	int shift = 0;

	while (duration_us >> shift >= LATENCY_EXACT_COUNT)
		shift++;
	if (shift > LATENCY_DOUBLINGS)
		return LATENCY_BUCKET_COUNT - 1;
	/* Values with a shift keep their upper half of the exact range: 1024..2047. */
	return (size_t)(duration_us >> shift) + (size_t)shift * LATENCY_STEP_COUNT;
}

/* The largest duration that falls into the bucket. */
static int64_t bucket_top_us(size_t bucket)
{
	size_t shift = 0;

	if (bucket >= LATENCY_EXACT_COUNT)
		shift = (bucket - LATENCY_STEP_COUNT) / LATENCY_STEP_COUNT;
	return ((int64_t)(bucket - shift * LATENCY_STEP_COUNT + 1) << shift) - 1;
}

void latency_record(struct latency *latency, int64_t duration_us)
{
	if (duration_us < 0)
		duration_us = 0;
	latency->count++;
	latency->buckets[bucket_of(duration_us)]++;
	if (duration_us > latency->max_us)
		latency->max_us = duration_us;
}

int64_t latency_quantile_us(const struct latency *latency, double share)
{
	double wanted = share * (double)latency->count;
	uint64_t below = 0;

	for (size_t i = 0; i < LATENCY_BUCKET_COUNT - 1; i++) {
		below += latency->buckets[i];
		if (below > 0 && (double)below >= wanted) {
			int64_t top_us = bucket_top_us(i);

			return top_us < latency->max_us ? top_us : latency->max_us;
		}
	}
	return latency->max_us;
}
