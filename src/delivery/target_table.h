/* SPDX-License-Identifier: MIT */
/*
 * target_table.h - every target that there is or was, by the store's numbers
 *
 * Promise    Targets are added and changed, never taken away: what a number stands for, other threads may
 *            keep. A configuration is applied as a whole.
 * Threads    The delivery thread, or the main thread before it runs and after it has ended; what says so: any.
 * Ownership  Targets, and clients that still have a request under way.
 */
#ifndef REPOSTAL_DELIVERY_TARGET_TABLE_H
#define REPOSTAL_DELIVERY_TARGET_TABLE_H

#include "repostal/dispatcher_settings.h"
#include "repostal/store.h"
#include "target/target.h"

struct target_table {
	struct target_shared *shared;
	struct target *_Atomic by_number[STORE_TARGETS_MAX];
	_Atomic bool is_disabled[STORE_TARGETS_MAX]; /* configured, with enabled = false */
	struct target *targets[STORE_TARGETS_MAX];
	size_t count;
	int slots;                        /* of each target */
	struct outbound_target **retired; /* until their last request is back */
	size_t retired_count;
};

/* slots: decided once, by the number of targets at the start. */
void target_table_init(
	struct target_table *table, struct target_shared *shared, size_t targets_count);
void target_table_close(struct target_table *table);

/* One client for each enabled target of the settings, or nothing at all. Any one thread at a time. */
enum status target_table_open_clients(struct outbound *outbound,
	const struct dispatcher_settings *settings, struct outbound_target ***clients_out,
	struct error *err);
void target_table_close_clients(struct outbound_target **clients, size_t count);
/* The clients are the table's then, but for the array. */
void target_table_apply(struct target_table *table, const struct dispatcher_settings *settings,
	struct outbound_target *const *clients_taken);
void target_table_close_retired(struct target_table *table);

/* Any thread; NULL: there is none of this number. */
struct target *target_table_find(struct target_table *table, uint16_t number);
/* Any thread: of any number, whether or not there is such a target. */
enum target_state target_table_state(struct target_table *table, uint16_t number);
/* Any thread: no more slots. */
void target_table_stop_accepting(struct target_table *table);

bool target_table_is_in_flight(const struct target_table *table);
/* Everything that is ready, and not started, goes back to the disk. */
void target_table_release_ready(struct target_table *table, int64_t now_ms);
/* Cuts off what is in flight. */
void target_table_cancel(struct target_table *table);

#endif
