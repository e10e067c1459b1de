/* SPDX-License-Identifier: MIT */
#include "repostal/breaker.h"

#include <limits.h>

void breaker_init(struct breaker *breaker)
{
	*breaker = (struct breaker){ .state = BREAKER_CLOSED };
}

static void open_for(struct breaker *breaker, int64_t cooldown_ms, int64_t now_ms)
{
	if (cooldown_ms > BREAKER_COOLDOWN_MAX_MS)
		cooldown_ms = BREAKER_COOLDOWN_MAX_MS;
	*breaker = (struct breaker){
		.state = BREAKER_OPEN,
		.cooldown_ms = cooldown_ms,
		.open_until_ms = now_ms + cooldown_ms,
	};
}

int breaker_allows(struct breaker *breaker, int64_t now_ms, int concurrency)
{
	if (breaker->state == BREAKER_OPEN && now_ms >= breaker->open_until_ms)
		breaker->state = BREAKER_PROBING;
	switch (breaker->state) {
	case BREAKER_CLOSED:
		if (breaker->ramp > 0 && breaker->ramp < concurrency)
			return breaker->ramp;
		return concurrency;
	case BREAKER_OPEN:
		return 0;
	case BREAKER_PROBING:
		return 1;
	}
	return 0; /* not reached: -Wswitch guards the cases */
}

/* One more success since the healing: after a full round of them twice as many may fly. */
static void climb(struct breaker *breaker, int concurrency)
{
	if (breaker->ramp == 0)
		return;
	if (breaker->ramp >= concurrency) {
		breaker->ramp = 0;
		return;
	}
	breaker->ramp_successes++;
	if (breaker->ramp_successes < breaker->ramp)
		return;
	breaker->ramp_successes = 0;
	breaker->ramp = breaker->ramp >= concurrency - breaker->ramp ? 0 : breaker->ramp * 2;
}

bool breaker_success(struct breaker *breaker, int concurrency)
{
	switch (breaker->state) {
	case BREAKER_CLOSED:
		breaker->failures = 0;
		climb(breaker, concurrency);
		return false;
	case BREAKER_OPEN:
		/* A straggler from before the opening proves nothing about now. */
		return false;
	case BREAKER_PROBING:
		*breaker = (struct breaker){ .state = BREAKER_CLOSED, .ramp = 1 };
		return true;
	}
	return false; /* not reached: -Wswitch guards the cases */
}

bool breaker_failure(
	struct breaker *breaker, const struct breaker_settings *settings, int64_t now_ms)
{
	switch (breaker->state) {
	case BREAKER_CLOSED:
		breaker->ramp_successes = 0;
		if (breaker->failures < INT_MAX)
			breaker->failures++;
		if (settings->failures == 0 || breaker->failures < settings->failures)
			return false;
		open_for(breaker, settings->cooldown_ms, now_ms);
		return true;
	case BREAKER_OPEN:
		/* A straggler again: it must not lengthen the cooldown. */
		return false;
	case BREAKER_PROBING:
		open_for(breaker, breaker->cooldown_ms * 2, now_ms);
		return true;
	}
	return false; /* not reached: -Wswitch guards the cases */
}

int64_t breaker_wakes_ms(const struct breaker *breaker)
{
	return breaker->state == BREAKER_OPEN ? breaker->open_until_ms : INT64_MAX;
}
