/* SPDX-License-Identifier: MIT */
/*
 * delivery_loop.h - what the delivery thread does
 *
 * Threads    The delivery thread.
 */
#ifndef REPOSTAL_DELIVERY_LOOP_H
#define REPOSTAL_DELIVERY_LOOP_H

#include "dispatcher_parts.h"

/* client_done: a request of an attempt, or of a test, is over. context: the dispatcher. */
void delivery_loop_on_result(void *context, void *request, const struct client_result *result);
/* Takes what has arrived. */
void delivery_loop_take_inbox(struct dispatcher *dispatcher);
/* Once round, without waiting; returns how long the next one may wait for what comes. */
int64_t delivery_loop_turn(struct dispatcher *dispatcher);
/* Round and round until stop_by_ms is set, then the end of everything. */
void delivery_loop_run(struct dispatcher *dispatcher);

#endif
