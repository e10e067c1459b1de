/* SPDX-License-Identifier: MIT */
#include "serve.h"

#include "allowance.h"
#include "attempt.h"
#include "claim.h"
#include "health.h"
#include "publish.h"
#include "repostal/clock.h"
#include "verdict.h"

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

/* When there may be something to do of this type without anything having happened. */
static int64_t lane_serve_at_ms(
	const struct target *target, const struct lane *lane, int allowed, int64_t now_ms)
{
	int64_t open_until_ms = breaker_wakes_ms(&lane->breaker);

	if (open_until_ms != INT64_MAX)
		return now_ms + open_until_ms - clock_monotonic_ms();
	return claim_wakes_ms(target, lane, allowed, now_ms);
}

/* Until when nothing at all is sent, monotonic; INT64_MAX: nothing holds the target back. */
static int64_t held_back_until_ms(const struct target *target)
{
	if (target->backoff_until_ms > clock_monotonic_ms())
		return target->backoff_until_ms;
	return breaker_wakes_ms(&target->breaker);
}

static int64_t plan(const struct target *target, const struct allowance *allowance, int64_t now_ms)
{
	int64_t until_ms = held_back_until_ms(target);
	int64_t at_ms = INT64_MAX;

	if (target->is_paused || !target->is_configured)
		return INT64_MAX;
	if (until_ms != INT64_MAX) {
		int64_t wait_ms = until_ms - clock_monotonic_ms();

		return now_ms + (wait_ms > 0 ? wait_ms : 0);
	}
	for (size_t type = 0; type < STORE_TYPES; type++)
		at_ms = sooner(at_ms, lane_serve_at_ms(target, &target->lanes[type],
					      allowance->of_type[type], now_ms));
	if (at_ms < now_ms)
		at_ms = now_ms;
	if (target->in_flight.count < allowance->total && target_ready_count(target) > 0 &&
		!target->seat.is_waiting)
		at_ms = sooner(at_ms,
			now_ms + rate_wait_us(&target->rate, clock_monotonic_us()) / 1000 + 1);
	return at_ms;
}

/* What may continue from memory: nothing of a type that fails. */
static void note_accepting(struct target *target, const struct allowance *allowance)
{
	bool is_open = allowance->total > 0 && target->breaker.state == BREAKER_CLOSED;

	atomic_store(
		&target->accepting, is_open ? TARGET_TYPES_ALL & ~health_types_failing(target) : 0);
}

void target_serve(struct target *target, int64_t now_ms)
{
	struct allowance allowance = allowance_of(target);

	note_accepting(target, &allowance);
	for (size_t type = 0; type < STORE_TYPES; type++)
		if (allowance.of_type[type] == 0)
			verdict_release_lane(target, &target->lanes[type], now_ms);
	if (allowance.total > 0) {
		attempt_start_all(target, &allowance);
		claim_more(target, &allowance, now_ms);
	}
	target->serve_at_ms = plan(target, &allowance, now_ms);
	publish_state(target, now_ms);
}
