/* SPDX-License-Identifier: MIT */
/*
 * store_copy.h - what one store holds, into another one
 *
 * Promise    Every delivery that waits in the source waits in the destination, or is there already;
 *            what is delivered, dead or discarded becomes so there, without being due in between,
 *            whenever the copying is cut short. The copy goes on where it was cut short when it is
 *            run again: events that the destination has are left as they are there. Nothing in
 *            either store is removed, and the source is not changed.
 *            A waiting delivery keeps when it is due, and begins its retries anew. Of its attempts the
 *            last one is copied. Events that no target wanted stay behind.
 * Threads    The caller's; blocks.
 * Errors     STATUS_NOT_FOUND, STATUS_INVALID: there is no store at from, or none that can be copied.
 *            STATUS_BUSY: one of both is in use. STATUS_FULL: max_backlog of the destination, or no
 *            more names. Else what a store refused. What was copied before stays.
 */
#ifndef REPOSTAL_STORE_COPY_H
#define REPOSTAL_STORE_COPY_H

#include <stddef.h>
#include <stdint.h>

#include "repostal/error.h"
#include "repostal/store.h"
#include "repostal/target_settings.h"

struct store_copy_counts {
	int64_t events;
	int64_t duplicates; /* events that the destination has: left out */
	int64_t deliveries[DELIVERY_STATE_COUNT];
	int64_t unreadable;  /* events that cannot be understood any more: put into quarantine */
	int64_t quarantined; /* bodies, the unreadable ones counted */
	int64_t quarantined_known; /* bodies that are in quarantine there: left out */
	int64_t paused;            /* targets that were not paused there */
};

struct store_copy {
	const char *from; /* an SQLite file; it is locked meanwhile */
	const struct store_settings *to;
	const struct target_settings *targets; /* which ones keep an order */
	size_t targets_count;
	/* After each transaction; may be NULL. */
	void (*on_progress)(void *context, const struct store_copy_counts *counts);
	void *context;
};

enum status store_copy(
	const struct store_copy *copy, struct store_copy_counts *counts_out, struct error *err);

#endif
