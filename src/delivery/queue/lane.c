/* SPDX-License-Identifier: MIT */
#include "lane.h"

void delivery_queue_init(struct delivery_queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
	queue->count = 0;
}

void delivery_queue_add(struct delivery_queue *queue, struct delivery *delivery)
{
	delivery->next = NULL;
	delivery->previous = queue->end;
	*queue->end = delivery;
	queue->end = &delivery->next;
	queue->count++;
}

void delivery_queue_remove(struct delivery_queue *queue, struct delivery *delivery)
{
	*delivery->previous = delivery->next;
	if (delivery->next != NULL)
		delivery->next->previous = delivery->previous;
	else
		queue->end = delivery->previous;
	queue->count--;
}

uint8_t lane_number(uint8_t type)
{
	return type < STORE_TYPES ? type : STORE_TYPES - 1;
}

void lane_init(struct lane *lane)
{
	*lane = (struct lane){ .disk_due_ms = 0 };
	breaker_init(&lane->breaker);
	delivery_queue_init(&lane->first_attempts);
	delivery_queue_init(&lane->retries);
}

static struct delivery_queue *queue_of(struct lane *lane, const struct delivery *delivery)
{
	return delivery->attempts > 1 ? &lane->retries : &lane->first_attempts;
}

void lane_add(struct lane *lane, struct delivery *delivery)
{
	delivery_queue_add(queue_of(lane, delivery), delivery);
}

void lane_remove(struct lane *lane, struct delivery *delivery)
{
	delivery_queue_remove(queue_of(lane, delivery), delivery);
	if (delivery->claimed)
		lane->claimed_ready--;
}

int lane_ready_count(const struct lane *lane)
{
	return lane->first_attempts.count + lane->retries.count;
}

bool lane_note_answer(struct lane *lane, int http_status)
{
	bool is_refusal = http_status >= 400 && http_status <= 499;

	lane->is_used = true;
	lane->was_taken = lane->was_taken || (http_status >= 200 && http_status <= 299);
	lane->refused_count = is_refusal ? lane->refused_count + 1 : 0;
	return !lane->was_taken && lane->refused_count == LANE_REFUSED_WARN;
}
