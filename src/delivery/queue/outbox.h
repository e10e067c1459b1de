/* SPDX-License-Identifier: MIT */
/*
 * outbox.h - what the delivery thread asks of the store
 *
 * Promise    Verdicts, claims and pauses go to the store thread in the order in which they were added, all of
 *            a turn at once: a retry that is due now was perhaps decided just now.
 * Threads    The delivery thread.
 * Ownership  A request is the outbox's until the flush, then the store thread's.
 */
#ifndef REPOSTAL_DELIVERY_OUTBOX_H
#define REPOSTAL_DELIVERY_OUTBOX_H

#include "repostal/store_thread.h"

struct outbox {
	struct store_thread *store;
	struct mailbox_chain requests;
};

void outbox_init(struct outbox *outbox, struct store_thread *store);
void outbox_add(struct outbox *outbox, struct store_request *request);
void outbox_flush(struct outbox *outbox);
/* Monotonic: until then no other process takes over what this process has leased. */
int64_t outbox_lease_until_ms(const struct outbox *outbox);

#endif
