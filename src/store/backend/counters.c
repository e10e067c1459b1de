/* SPDX-License-Identifier: MIT */
#include "counters.h"

#include <string.h>

static void counts_add(struct store_target_counts *counts, struct store_target_counts change)
{
	counts->open += change.open;
	counts->retrying += change.retrying;
	counts->dead += change.dead;
}

static void touch(struct tally *tally, uint16_t target)
{
	if (tally->is_touched[target])
		return;
	tally->is_touched[target] = true;
	tally->touched[tally->touched_count++] = target;
}

void tally_discard(struct tally *tally, uint16_t target)
{
	if (target >= STORE_TARGETS_MAX)
		return;
	touch(tally, target);
	tally->discarded_change[target]++;
}

void tally_add(struct tally *tally, uint16_t target, struct store_target_counts change)
{
	if (target >= STORE_TARGETS_MAX)
		return;
	touch(tally, target);
	counts_add(&tally->change[target], change);
	tally->backlog_change += change.open;
}

void tally_add_source(struct tally *tally, uint16_t source, int64_t open)
{
	if (source >= STORE_SOURCES_MAX || open == 0)
		return;
	if (!tally->is_source_touched[source]) {
		tally->is_source_touched[source] = true;
		tally->sources_touched[tally->sources_touched_count++] = source;
	}
	tally->source_change[source] += open;
}

static void forget_changes(struct tally *tally)
{
	for (size_t i = 0; i < tally->touched_count; i++) {
		uint16_t target = tally->touched[i];

		tally->is_touched[target] = false;
		memset(&tally->change[target], 0, sizeof(tally->change[target]));
		tally->discarded_change[target] = 0;
	}
	for (size_t i = 0; i < tally->sources_touched_count; i++) {
		tally->is_source_touched[tally->sources_touched[i]] = false;
		tally->source_change[tally->sources_touched[i]] = 0;
	}
	tally->touched_count = 0;
	tally->sources_touched_count = 0;
	tally->backlog_change = 0;
	tally->quarantined_change = 0;
}

void tally_commit(struct tally *tally)
{
	for (size_t i = 0; i < tally->touched_count; i++) {
		uint16_t target = tally->touched[i];

		counts_add(&tally->committed[target], tally->change[target]);
		tally->discarded[target] += tally->discarded_change[target];
	}
	for (size_t i = 0; i < tally->sources_touched_count; i++)
		tally->source_open[tally->sources_touched[i]] +=
			tally->source_change[tally->sources_touched[i]];
	tally->backlog += tally->backlog_change;
	tally->quarantined += tally->quarantined_change;
	forget_changes(tally);
}

void tally_rollback(struct tally *tally)
{
	forget_changes(tally);
}
