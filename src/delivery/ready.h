/* SPDX-License-Identifier: MIT */
/*
 * ready.h - an event whose envelope is made joins the queues of its targets
 *
 * Promise    Of what no envelope could be made, each delivery is dead, and says why.
 * Threads    The delivery thread.
 */
#ifndef REPOSTAL_DELIVERY_READY_H
#define REPOSTAL_DELIVERY_READY_H

#include "dispatcher_parts.h"

/* item: INBOX_READY */
void ready_take(struct dispatcher *dispatcher, struct mailbox_item *item);

#endif
