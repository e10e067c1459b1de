/* SPDX-License-Identifier: MIT */
/*
 * counters.h - how many deliveries each target has in which state, and each source open, without asking the
 *           database
 *
 * Promise    Reads give the numbers of the last commit. Changes of the open transaction are kept
 *            apart until store_counters_commit(), so a rollback costs nothing and leaves nothing.
 * Threads    The store's.
 */
#ifndef REPOSTAL_STORE_COUNTERS_H
#define REPOSTAL_STORE_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/store.h"

struct store_counters {
	struct store_target_counts committed[STORE_TARGETS_MAX];
	struct store_target_counts change[STORE_TARGETS_MAX];
	uint16_t touched[STORE_TARGETS_MAX]; /* targets with a change, each once */
	size_t touched_count;
	bool is_touched[STORE_TARGETS_MAX];
	int64_t discarded[STORE_TARGETS_MAX]; /* since the start */
	int64_t discarded_change[STORE_TARGETS_MAX];
	int64_t source_open[STORE_SOURCES_MAX]; /* of deliveries of its events */
	int64_t source_change[STORE_SOURCES_MAX];
	uint16_t sources_touched[STORE_SOURCES_MAX];
	size_t sources_touched_count;
	bool is_source_touched[STORE_SOURCES_MAX];
	int64_t backlog; /* sum of committed[].open */
	int64_t backlog_change;
	int64_t quarantined;
	int64_t quarantined_change;
};

/* A number out of range can only come from a damaged file; it is not counted. */
void store_counters_add(
	struct store_counters *counters, uint16_t target, struct store_target_counts change);
/* The same open ones, by the source of their events. */
void store_counters_add_source(struct store_counters *counters, uint16_t source, int64_t open);
/* One that is counted as gone by store_counters_add(), too. */
void store_counters_discard(struct store_counters *counters, uint16_t target);
void store_counters_commit(struct store_counters *counters);
void store_counters_rollback(struct store_counters *counters);

#endif
