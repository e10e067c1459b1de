/* SPDX-License-Identifier: MIT */
#include "run_queue.h"

#include <stddef.h>

void run_queue_init(struct run_queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

void run_queue_add(struct run_queue *queue, struct run_entry *entry)
{
	if (entry->is_queued)
		return;
	entry->is_queued = true;
	entry->next = NULL;
	*queue->end = entry;
	queue->end = &entry->next;
}

struct run_entry *run_queue_take(struct run_queue *queue)
{
	struct run_entry *entry = queue->first;

	if (entry == NULL)
		return NULL;
	queue->first = entry->next;
	if (queue->first == NULL)
		queue->end = &queue->first;
	entry->is_queued = false;
	return entry;
}

bool run_queue_is_empty(const struct run_queue *queue)
{
	return queue->first == NULL;
}
