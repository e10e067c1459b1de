/* SPDX-License-Identifier: MIT */
#include "shares.h"

#include <inttypes.h>

/* As they will be when the open transaction is committed. */
static int64_t target_open(const struct store *store, uint16_t target)
{
	return store->counters.committed[target].open + store->counters.change[target].open;
}

static int64_t half_of_backlog(const struct store *store)
{
	return store->settings.max_backlog / 2 + store->settings.max_backlog % 2;
}

static int64_t max_open_of(const struct store *store, uint16_t target)
{
	return store->max_open[target] == 0 ? half_of_backlog(store) : store->max_open[target];
}

/* Marks what its target has no room for; returns how many are left. */
static int64_t refuse_beyond_shares(struct store *store, struct store_event *event)
{
	int64_t count = 0;

	for (size_t i = 0; i < event->deliveries_count; i++) {
		struct store_new_delivery *delivery = &event->deliveries[i];

		store->max_open[delivery->target] = delivery->max_open;
		delivery->is_refused = target_open(store, delivery->target) >=
				       max_open_of(store, delivery->target);
		count += !delivery->is_refused;
	}
	return count;
}

/*
 * What waits for a target that has used up its share is not held against the source: otherwise one dead
 * target would end in a refusal of everything after all, for most stores have one source. Of several
 * sources that is too generous; max_backlog holds all the same.
 */
static bool is_source_full(const struct store *store, uint16_t source)
{
	const struct store_counters *counters = &store->counters;
	int64_t backlog = counters->backlog + counters->backlog_change;
	int64_t open = counters->source_open[source] + counters->source_change[source];
	int64_t half = half_of_backlog(store);

	/* More than there are at all: a release that does not count them ran beside this one. */
	if (open > backlog)
		open = backlog;
	for (size_t i = 0; open >= half && i < store->names_count[STORE_NAME_TARGET]; i++)
		if (target_open(store, (uint16_t)i) >= max_open_of(store, (uint16_t)i))
			open -= target_open(store, (uint16_t)i);
	return open >= half;
}

enum status shares_take(struct store *store, struct store_event *event, struct error *err)
{
	int64_t count = refuse_beyond_shares(store, event);
	int64_t open = store->counters.backlog + store->counters.backlog_change;

	if (count == 0)
		return STATUS_OK;
	if (open + count > store->settings.max_backlog) {
		error_set(err,
			"store: %" PRId64 " deliveries are open, and max_backlog is %" PRId64, open,
			store->settings.max_backlog);
		return STATUS_FULL;
	}
	if (is_source_full(store, event->source)) {
		error_set(err,
			"store: of the source '%s' are %" PRId64
			" deliveries open, half of max_backlog",
			store->names[STORE_NAME_SOURCE][event->source],
			store->counters.source_open[event->source]);
		return STATUS_FULL;
	}
	return STATUS_OK;
}
