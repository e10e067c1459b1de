/* SPDX-License-Identifier: MIT */
#include "repostal/rate.h"

/* So much may be missing from a whole token: sums of fractions are never quite exact. */
static const double TOKEN_TOLERANCE = 1e-9;

static double burst_of(const struct rate *rate)
{
	return rate->per_second > 1 ? rate->per_second : 1;
}

static double tokens_at(const struct rate *rate, int64_t now_us)
{
	double elapsed_us = now_us > rate->at_us ? (double)(now_us - rate->at_us) : 0;
	double tokens = rate->tokens + elapsed_us * rate->per_second / 1e6;
	double burst = burst_of(rate);

	return tokens < burst ? tokens : burst;
}

void rate_init(struct rate *rate, double per_second, int64_t now_us)
{
	*rate = (struct rate){ .per_second = per_second, .at_us = now_us };
	rate->tokens = burst_of(rate);
}

bool rate_take(struct rate *rate, int64_t now_us)
{
	double tokens;

	if (rate->per_second <= 0)
		return true;
	tokens = tokens_at(rate, now_us);
	if (tokens < 1 - TOKEN_TOLERANCE)
		return false;
	rate->tokens = tokens > 1 ? tokens - 1 : 0;
	if (now_us > rate->at_us)
		rate->at_us = now_us;
	return true;
}

int64_t rate_wait_us(const struct rate *rate, int64_t now_us)
{
	static const double wait_max_us = 9e18;
	double missing;
	double wait_us;
	int64_t whole_us;

	if (rate->per_second <= 0)
		return 0;
	missing = 1 - tokens_at(rate, now_us);
	if (missing <= TOKEN_TOLERANCE)
		return 0;
	wait_us = missing / rate->per_second * 1e6;
	if (wait_us > wait_max_us)
		return INT64_MAX;
	whole_us = (int64_t)wait_us;
	return (double)whole_us < wait_us ? whole_us + 1 : whole_us;
}
