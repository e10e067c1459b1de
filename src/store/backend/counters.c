/* SPDX-License-Identifier: MIT */
#include "counters.h"

#include <string.h>

static void counts_add(struct store_target_counts *counts, struct store_target_counts change)
{
	counts->open += change.open;
	counts->retrying += change.retrying;
	counts->dead += change.dead;
}

static void touch(struct store_counters *counters, uint16_t target)
{
	if (counters->is_touched[target])
		return;
	counters->is_touched[target] = true;
	counters->touched[counters->touched_count++] = target;
}

void store_counters_discard(struct store_counters *counters, uint16_t target)
{
	if (target >= STORE_TARGETS_MAX)
		return;
	touch(counters, target);
	counters->discarded_change[target]++;
}

void store_counters_add(
	struct store_counters *counters, uint16_t target, struct store_target_counts change)
{
	if (target >= STORE_TARGETS_MAX)
		return;
	touch(counters, target);
	counts_add(&counters->change[target], change);
	counters->backlog_change += change.open;
}

void store_counters_add_source(struct store_counters *counters, uint16_t source, int64_t open)
{
	if (source >= STORE_SOURCES_MAX || open == 0)
		return;
	if (!counters->is_source_touched[source]) {
		counters->is_source_touched[source] = true;
		counters->sources_touched[counters->sources_touched_count++] = source;
	}
	counters->source_change[source] += open;
}

static void forget_changes(struct store_counters *counters)
{
	for (size_t i = 0; i < counters->touched_count; i++) {
		uint16_t target = counters->touched[i];

		counters->is_touched[target] = false;
		memset(&counters->change[target], 0, sizeof(counters->change[target]));
		counters->discarded_change[target] = 0;
	}
	for (size_t i = 0; i < counters->sources_touched_count; i++) {
		counters->is_source_touched[counters->sources_touched[i]] = false;
		counters->source_change[counters->sources_touched[i]] = 0;
	}
	counters->touched_count = 0;
	counters->sources_touched_count = 0;
	counters->backlog_change = 0;
	counters->quarantined_change = 0;
}

void store_counters_commit(struct store_counters *counters)
{
	for (size_t i = 0; i < counters->touched_count; i++) {
		uint16_t target = counters->touched[i];

		counts_add(&counters->committed[target], counters->change[target]);
		counters->discarded[target] += counters->discarded_change[target];
	}
	for (size_t i = 0; i < counters->sources_touched_count; i++)
		counters->source_open[counters->sources_touched[i]] +=
			counters->source_change[counters->sources_touched[i]];
	counters->backlog += counters->backlog_change;
	counters->quarantined += counters->quarantined_change;
	forget_changes(counters);
}

void store_counters_rollback(struct store_counters *counters)
{
	forget_changes(counters);
}
