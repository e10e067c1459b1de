/* SPDX-License-Identifier: MIT */
/*
 * rows.h - what the rows of every backend hold: how a delivery begins, its id, its body
 *
 * Promise    The same in every backend, so that a store can be copied into another one row by row.
 * Threads    The store's.
 */
#ifndef REPOSTAL_STORE_ROWS_H
#define REPOSTAL_STORE_ROWS_H

#include "backend.h"

/* An event's id and a target's number are one 64-bit key of a delivery. */
#define STORE_EVENT_ID_MAX (INT64_MAX >> 16)

static inline int64_t store_delivery_id(int64_t event, uint16_t target)
{
	return event << 16 | target;
}

/* The number that a delivery is queued under. */
static inline int store_type(uint8_t type)
{
	return type < STORE_TYPES ? type : STORE_TYPES - 1;
}

/* What a new delivery begins as. */
static inline enum delivery_state store_state_of_new(const struct store_new_delivery *delivery)
{
	return delivery->is_refused ? DELIVERY_DEAD
	       : delivery->leased   ? DELIVERY_LEASED
				    : DELIVERY_WAITING;
}
static inline int store_attempts_of_new(const struct store_new_delivery *delivery)
{
	return delivery->leased && !delivery->is_refused ? 1 : 0;
}
static inline int store_transport_of_new(const struct store_new_delivery *delivery)
{
	return delivery->is_refused ? STORE_TRANSPORT_BACKLOG_FULL : 0;
}
/* Counts it in the open transaction; sign: -1 takes it back. */
void store_count_new(struct store *store, const struct store_event *event,
	const struct store_new_delivery *delivery, int64_t sign);

/* The states that the change may touch; rows in the others need not be read. */
uint32_t store_change_states(const struct store_change *change);
/* Something of the target is due by the change. */
void store_change_touch(struct store_change *change, uint16_t target);

/* A content type that is stored as nothing: almost every event has it. */
extern const struct slice store_content_type_usual;
/*
 * Finds a quarantined body again, and the bytes are compared: with so many at most. More of one hash cannot
 * be made on purpose; rows of earlier versions have another hash.
 */
int64_t store_hash_body(uint16_t source, struct slice raw);
#define STORE_QUARANTINE_COMPARED 4

#endif
