/* SPDX-License-Identifier: MIT */
#include "publish.h"

#include "health.h"
#include "repostal/clock.h"

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

/* What all types together make of the target: it fails when none that it was given gets through. */
static enum breaker_state types_state(const struct target *target)
{
	enum breaker_state state = BREAKER_CLOSED;

	for (size_t type = 0; type < STORE_TYPES; type++) {
		const struct lane *lane = &target->lanes[type];

		if (lane->is_used && lane->breaker.state == BREAKER_CLOSED)
			return BREAKER_CLOSED;
		if (lane->is_used && state != BREAKER_PROBING)
			state = lane->breaker.state;
	}
	return state;
}

static enum target_state state_of(const struct target *target)
{
	if (!target->is_configured)
		return target->is_disabled ? TARGET_DISABLED : TARGET_UNCONFIGURED;
	if (target->is_paused)
		return TARGET_PAUSED;
	switch (target->breaker.state == BREAKER_CLOSED ? types_state(target)
							: target->breaker.state) {
	case BREAKER_CLOSED:
		return TARGET_ACTIVE;
	case BREAKER_OPEN:
		return TARGET_OPEN;
	case BREAKER_PROBING:
		return TARGET_PROBING;
	}
	return TARGET_ACTIVE; /* not reached: -Wswitch guards the cases */
}

/* When a breaker next lets something through; 0: none holds anything back. */
static int64_t next_probe_ms(const struct target *target, int64_t now_ms)
{
	int64_t soonest_ms = INT64_MAX;

	if (target->breaker.state == BREAKER_OPEN)
		soonest_ms = target->breaker.open_until_ms;
	else
		for (size_t type = 0; type < STORE_TYPES; type++)
			soonest_ms =
				sooner(soonest_ms, breaker_wakes_ms(&target->lanes[type].breaker));
	return soonest_ms == INT64_MAX ? 0 : now_ms + soonest_ms - clock_monotonic_ms();
}

/* When something is attempted next, as far as it is known; 0: nothing waits, or nothing is to be sent. */
static int64_t next_try_ms(const struct target *target, int64_t now_ms)
{
	int64_t due_ms = INT64_MAX;
	int64_t backoff_ms;

	if (target->is_paused || !target->is_configured)
		return 0;
	if (state_of(target) == TARGET_OPEN)
		return next_probe_ms(target, now_ms);
	for (size_t type = 0; type < STORE_TYPES; type++)
		if (target->lanes[type].breaker.state != BREAKER_OPEN)
			due_ms = sooner(due_ms, target->lanes[type].disk_due_ms);
	if (target_ready_count(target) > 0 || due_ms < now_ms)
		due_ms = now_ms;
	if (due_ms == INT64_MAX)
		return 0;
	backoff_ms =
		target->backoff_until_ms == 0 ? 0 : target->backoff_until_ms - clock_monotonic_ms();
	return backoff_ms > 0 && due_ms < now_ms + backoff_ms ? now_ms + backoff_ms : due_ms;
}

void publish_state(struct target *target, int64_t now_ms)
{
	struct target_metrics *metrics = &target->metrics;
	enum target_state state = state_of(target);
	int64_t next_ms = next_try_ms(target, now_ms);

	if (gauge_read(&metrics->state) != (int64_t)state) {
		gauge_set(&metrics->since_ms, clock_unix_ms());
		gauge_set(&metrics->state, state);
	}
	gauge_set(&metrics->next_try_ms, next_ms);
	gauge_set(&metrics->next_probe_ms, state == TARGET_OPEN ? next_ms : 0);
	gauge_set(&metrics->types_failing, health_types_failing(target));
}

static int64_t oldest_of(int64_t a_us, const struct delivery_queue *queue)
{
	for (struct delivery *d = queue->first; d != NULL; d = d->next)
		if (a_us == 0 || d->outgoing->received_us < a_us)
			a_us = d->outgoing->received_us;
	return a_us;
}

void publish_oldest(struct target *target)
{
	int64_t oldest_us = oldest_of(0, &target->in_flight);

	for (size_t type = 0; type < STORE_TYPES; type++)
		oldest_us = oldest_of(oldest_of(oldest_us, &target->lanes[type].first_attempts),
			&target->lanes[type].retries);
	gauge_set(&target->metrics.oldest_memory_us, oldest_us);
}
