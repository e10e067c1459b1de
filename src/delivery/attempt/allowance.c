/* SPDX-License-Identifier: MIT */
#include "allowance.h"

#include "repostal/clock.h"

/*
 * What is started now has to end before another process may take it over: in a shared store that is when
 * this one could not renew its leases for too long.
 */
static bool is_lease_long_enough(const struct target *target, int64_t now_ms)
{
	return outbox_lease_until_ms(&target->shared->outbox) - target->settings.timeout_ms >
	       now_ms;
}

struct allowance allowance_of(struct target *target)
{
	int concurrency = target->settings.concurrency;
	int64_t now_ms = clock_monotonic_ms();
	struct allowance allowance = { 0 };

	if (!target->is_configured || target->is_paused || target->backoff_until_ms > now_ms ||
		!is_lease_long_enough(target, now_ms))
		return allowance;
	allowance.total = breaker_allows(&target->breaker, now_ms, concurrency);
	if (allowance.total > 0)
		for (size_t type = 0; type < STORE_TYPES; type++)
			allowance.of_type[type] =
				breaker_allows(&target->lanes[type].breaker, now_ms, concurrency);
	return allowance;
}
