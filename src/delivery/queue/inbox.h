/* SPDX-License-Identifier: MIT */
/*
 * inbox.h - what other threads tell the delivery thread
 *
 * Promise    One mailbox for everything, in the order of its arrival; the kind says which struct an item is
 *            part of.
 * Threads    Any thread posts; the delivery thread takes.
 * Ownership  As in mailbox.h.
 */
#ifndef REPOSTAL_DELIVERY_INBOX_H
#define REPOSTAL_DELIVERY_INBOX_H

#include "repostal/mailbox.h"

enum inbox_kind {
	INBOX_READY,   /* struct outgoing, item: committed, and its envelope made */
	INBOX_WAKE,    /* struct target, wake_item: something of it may be due on the disk */
	INBOX_CLAIMED, /* struct target, claim_item: its claim is back from the store */
	INBOX_PAUSE,   /* struct pause_order, item: target.c's */
	INBOX_RELOAD,  /* struct reload, item: reload.h's */
	INBOX_TEST,    /* struct test_order, item: target_test.h's */
};

static inline void inbox_post(
	struct mailbox *inbox, enum inbox_kind kind, struct mailbox_item *item)
{
	item->kind = kind;
	mailbox_post(inbox, item);
}

#endif
