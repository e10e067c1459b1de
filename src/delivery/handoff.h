/* SPDX-License-Identifier: MIT */
/*
 * handoff.h - the other side of repostal/handoff.h: what delivery does with what it is handed
 *
 * Threads    The delivery thread, except handoff_start_signing(): the main thread.
 */
#ifndef REPOSTAL_DELIVERY_HANDOFF_H
#define REPOSTAL_DELIVERY_HANDOFF_H

#include "dispatcher_parts.h"
#include "repostal/handoff.h"

/* Delivery number index of outgoing is one to this target, and counts in the memory budget. */
void handoff_address(struct dispatcher *dispatcher, struct outgoing *outgoing, size_t index,
	struct target *target, uint8_t type);
/* Enqueues it, signed where signing is on. */
void handoff_sign(struct dispatcher *dispatcher, struct outgoing *outgoing);
void handoff_take_ready(struct dispatcher *dispatcher, struct mailbox_item *item);

/* Starts threads when signing is on and there are none yet; those that are there get the signer. */
enum status handoff_start_signing(
	struct dispatcher *dispatcher, const struct signer *signer, int threads, struct error *err);

#endif
