/* SPDX-License-Identifier: MIT */
/*
 * lane.h - what a target has ready of one type of event
 *
 * Promise    Receivers refuse some types of event permanently (Mautic answers 404 to MessageSent) and
 *            want the others at once, so each type has a queue and a breaker of its own. Which
 *            answers count for the type, and which for the whole target, is outcome_blame()'s.
 * Threads    The delivery thread.
 * Ownership  Deliveries in a queue are the target's.
 */
#ifndef REPOSTAL_DELIVERY_LANE_H
#define REPOSTAL_DELIVERY_LANE_H

#include "repostal/breaker.h"
#include "repostal/outgoing.h"

enum {
	LANE_REFUSED_WARN =
		100, /* refusals in a row after which an operator is told what to write */
};

struct delivery_queue {
	struct delivery *first;
	struct delivery **end;
	int count;
};

struct lane {
	struct breaker breaker;
	struct delivery_queue first_attempts;
	struct delivery_queue retries;
	int in_flight;       /* attempts under way */
	int claimed_ready;   /* in the queues, or being signed */
	int64_t disk_due_ms; /* Unix; when something on disk is due; INT64_MAX: nothing is */
	bool is_used;        /* the receiver has answered one of this type */
	bool was_taken;      /* with 2xx, at least once */
	int refused_count;   /* 4xx in a row */
};

void delivery_queue_init(struct delivery_queue *queue);
void delivery_queue_add(struct delivery_queue *queue, struct delivery *delivery);
void delivery_queue_remove(struct delivery_queue *queue, struct delivery *delivery);

/* The lane of a type of event: larger ones count as the last. */
uint8_t lane_number(uint8_t type);
void lane_init(struct lane *lane);
void lane_add(struct lane *lane, struct delivery *delivery);
void lane_remove(struct lane *lane, struct delivery *delivery);
int lane_ready_count(const struct lane *lane);
/* An answer arrived. True, once: this type was never taken, and refused LANE_REFUSED_WARN times in a row. */
bool lane_note_answer(struct lane *lane, int http_status);

#endif
