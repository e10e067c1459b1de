/* SPDX-License-Identifier: MIT */
/*
 * run_queue.h - whom the delivery thread has to serve
 *
 * Promise    First in, first out; one that is in the queue is not added a second time. Constant cost.
 * Threads    The delivery thread.
 * Ownership  An entry is part of what is served, and outlives its time in the queue.
 */
#ifndef REPOSTAL_DELIVERY_RUN_QUEUE_H
#define REPOSTAL_DELIVERY_RUN_QUEUE_H

#include <stdbool.h>

struct run_entry {
	struct run_entry *next;
	bool is_queued;
};

struct run_queue {
	struct run_entry *first;
	struct run_entry **end;
};

void run_queue_init(struct run_queue *queue);
void run_queue_add(struct run_queue *queue, struct run_entry *entry);
/* NULL: the queue is empty. */
struct run_entry *run_queue_take(struct run_queue *queue);
bool run_queue_is_empty(const struct run_queue *queue);

#endif
