/* SPDX-License-Identifier: MIT */
#include "repostal/retry.h"

#include "repostal/memory.h"

#define SECONDS(n) (INT64_C(1000) * (n))
#define MINUTES(n) (60 * SECONDS(n))
#define HOURS(n) (60 * MINUTES(n))

struct preset {
	const char *name;
	size_t delays_count;
	int64_t delays_ms[RETRY_DELAYS_MAX];
};

static const struct preset presets[] = {
	{ "postal", 5, { MINUTES(2), MINUTES(3), MINUTES(6), MINUTES(10), MINUTES(15) } },
	{ "postal-extended", 12,
		{ MINUTES(2), MINUTES(3), MINUTES(6), MINUTES(10), MINUTES(15), MINUTES(30),
			HOURS(1), HOURS(2), HOURS(4), HOURS(8), HOURS(12), HOURS(24) } },
	{ "standard-webhooks", 9,
		{ SECONDS(5), MINUTES(5), MINUTES(30), HOURS(2), HOURS(5), HOURS(10), HOURS(14),
			HOURS(20), HOURS(24) } },
};

bool retry_preset(struct slice name, struct retry_settings *settings)
{
	for (size_t i = 0; i < ARRAY_COUNT(presets); i++) {
		if (!slice_is(name, presets[i].name))
			continue;
		memcpy(settings->delays_ms, presets[i].delays_ms, sizeof(presets[i].delays_ms));
		settings->delays_count = presets[i].delays_count;
		return true;
	}
	return false;
}

/* The sum stops at the largest number instead of wrapping. */
static int64_t with_jitter(int64_t delay_ms, double share)
{
	double extra_ms = (double)delay_ms * share;
	int64_t sum_ms;

	/* As a double INT64_MAX is 2^63, one too many. */
	if (extra_ms >= (double)INT64_MAX ||
		__builtin_add_overflow(delay_ms, (int64_t)extra_ms, &sum_ms))
		return INT64_MAX;
	return sum_ms;
}

int64_t retry_delay_ms(const struct retry_settings *settings, int attempts_done,
	int64_t retry_after_ms, double jitter)
{
	int64_t delay_ms;
	int64_t asked_ms = retry_after_ms;

	REPOSTAL_ASSERT(attempts_done >= 1);
	REPOSTAL_ASSERT(jitter >= 0 && jitter < 1);
	if ((size_t)attempts_done > settings->delays_count)
		return -1;
	delay_ms = with_jitter(settings->delays_ms[attempts_done - 1], settings->jitter * jitter);
	if (asked_ms > settings->retry_after_max_ms)
		asked_ms = settings->retry_after_max_ms;
	return delay_ms > asked_ms ? delay_ms : asked_ms;
}
