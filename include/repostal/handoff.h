/* SPDX-License-Identifier: MIT */
/*
 * handoff.h - how events get from the store's side to delivery
 *
 * Promise    A target has a fixed number of slots for events straight from intake, so that memory does not
 *            grow with the backlog; what has no slot waits on the disk, and delivery claims it from there.
 *            Nothing here blocks.
 * Threads    dispatcher_reserve(), _release(), _address() and the _wake() functions: any. The others: the
 *            store thread.
 * Ownership  An offered outgoing is the dispatcher's.
 */
#ifndef REPOSTAL_HANDOFF_H
#define REPOSTAL_HANDOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/outgoing.h"

struct dispatcher;

/*
 * Asks for a slot, so that an event may continue from memory once it is committed. False: it has to
 * wait on disk (no slot, or the target is paused, failing, refuses the type, or is not configured).
 * type is that of struct store_event.
 */
bool dispatcher_reserve(struct dispatcher *dispatcher, uint16_t target, uint8_t type);
/* Gives an unused slot back. */
void dispatcher_release(struct dispatcher *dispatcher, uint16_t target);
/* Makes delivery number index of outgoing one for this target, whose slot is reserved. */
void dispatcher_address(struct dispatcher *dispatcher, struct outgoing *outgoing, size_t index,
	uint16_t target, uint8_t type);

/* One for this target was stored as dead, for it has max_backlog open ones. */
void dispatcher_note_refused(struct dispatcher *dispatcher, uint16_t target, int64_t event);

/* A committed event continues; _flush() hands over all that were offered since the last. */
void dispatcher_offer(struct dispatcher *dispatcher, struct outgoing *outgoing_taken);
void dispatcher_flush(struct dispatcher *dispatcher);

/* Something for this target waits on disk, of this type or of any. */
void dispatcher_wake(struct dispatcher *dispatcher, uint16_t target, uint8_t type);
void dispatcher_wake_all(struct dispatcher *dispatcher, uint16_t target);

#endif
