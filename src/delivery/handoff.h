/* SPDX-License-Identifier: MIT */
/*
 * handoff.h - the other side of repostal/handoff.h
 *
 * Threads    The delivery thread, except handoff_set_envelopes(): the main thread.
 */
#ifndef REPOSTAL_DELIVERY_HANDOFF_H
#define REPOSTAL_DELIVERY_HANDOFF_H

#include "dispatcher_parts.h"
#include "repostal/handoff.h"

/* Delivery number index of outgoing is one to this target, and counts in the memory budget. */
void handoff_address(struct dispatcher *dispatcher, struct outgoing *outgoing, size_t index,
	struct target *target, uint8_t type);
/* Its envelope is made; then it comes back as INBOX_READY. */
void handoff_make(struct dispatcher *dispatcher, struct outgoing *outgoing);

/* What envelopes are made and signed by from now on; the first time, this starts the threads that do so. */
enum status handoff_set_envelopes(struct dispatcher *dispatcher,
	const struct dispatcher_settings *settings, struct error *err);

#endif
