/* SPDX-License-Identifier: MIT */
/*
 * dispatcher_parts.h - what the dispatcher is made of
 *
 * Promise    Data only: the files that share it are each told by a header of their own, and call downwards.
 *            dispatcher.c is above delivery_loop.c, this above reload.c, claimed.c, ready.c and target_test.c, these
 *            above handoff.c.
 * Threads    As said in each part.
 */
#ifndef REPOSTAL_DELIVERY_DISPATCHER_PARTS_H
#define REPOSTAL_DELIVERY_DISPATCHER_PARTS_H

#include "client/outbound.h"
#include "envelope_pool.h"
#include "repostal/delivery_status.h"
#include "repostal/dispatcher_settings.h"
#include "target/target_shared.h"
#include "target_table.h"

/* Tests that operators ask for. */
struct test_list {
	pthread_mutex_t mutex;
	bool is_closed;           /* no test is posted any more */
	struct test_order *first; /* under way; the delivery thread's */
};

struct dispatcher {
	/* any thread */
	struct target_table table;
	struct envelope_pool *_Atomic envelopes; /* NULL: before dispatcher_run() */
	_Atomic int64_t memory_size;             /* of outgoing in memory */
	_Atomic int unfinished;     /* outgoing between the store and the delivery thread */
	_Atomic int64_t stop_by_ms; /* monotonic; 0: not stopping */
	struct dispatcher_metrics metrics;
	struct test_list tests;

	/* the store thread's */
	struct mailbox_chain offered; /* until dispatcher_flush() */

	/* the delivery thread's */
	struct dispatcher_settings settings;
	struct outbound *outbound;
	struct target_shared shared;
	int64_t timer_ms; /* Unix; when the first target is to be served */
	int64_t oldest_noted_ms;

	/* the main thread's */
	pthread_t thread;
	bool is_running;
};

#endif
