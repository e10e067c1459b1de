/* SPDX-License-Identifier: MIT */
/*
 * claimed.h - what a target claimed from the disk becomes deliveries
 *
 * Promise    Their envelopes are made anew from the raw bytes; what cannot be translated any more is dead.
 * Threads    The delivery thread.
 */
#ifndef REPOSTAL_DELIVERY_CLAIMED_H
#define REPOSTAL_DELIVERY_CLAIMED_H

#include "dispatcher_parts.h"

/* item: INBOX_CLAIMED */
void claimed_take(struct dispatcher *dispatcher, struct mailbox_item *item, int64_t now_ms);

#endif
