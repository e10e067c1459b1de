/* SPDX-License-Identifier: MIT */
/*
 * mailbox.h - bounded hand-over between threads
 *
 * Promise    Items arrive in the order they were posted by each sender. A mailbox is an intrusive
 *            list: posting allocates nothing and cannot fail. The bound is the senders': every kind
 *            of item is limited where it is made (connections, slots of a target), and says so
 *            there.
 * Threads    Any thread posts; one thread takes.
 * Ownership  An item belongs to the mailbox from the post until it is taken.
 */
#ifndef REPOSTAL_MAILBOX_H
#define REPOSTAL_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Put it anywhere in the struct that travels; reach the struct with MAILBOX_ENTRY. */
struct mailbox_item {
	struct mailbox_item *next;
	int kind; /* the poster's, for a mailbox that takes structs of several kinds; elsewhere unused */
};

#define MAILBOX_ENTRY(item, type, member) ((type *)((char *)(item)-offsetof(type, member)))

/* A chain under construction: first in, first out. Value-initialise with { 0 }. */
struct mailbox_chain {
	struct mailbox_item *first;
	struct mailbox_item *last;
};

void mailbox_chain_add(struct mailbox_chain *chain, struct mailbox_item *item);
void mailbox_chain_join(struct mailbox_chain *chain, struct mailbox_chain *tail);
/* NULL when empty. */
struct mailbox_item *mailbox_chain_pop(struct mailbox_chain *chain);

struct mailbox {
	pthread_mutex_t mutex;
	pthread_cond_t arrived;
	struct mailbox_chain waiting;
	void (*wake)(void *context); /* instead of the condition, for threads that wait elsewhere */
	void *wake_context;
	bool closed;
};

/*
 * wake may be NULL: then the taking thread sleeps in mailbox_wait(). Otherwise wake is called,
 * outside the lock and on the posting thread, whenever an item reaches an empty mailbox.
 */
void mailbox_init(struct mailbox *box, void (*wake)(void *context), void *wake_context);
void mailbox_post(struct mailbox *box, struct mailbox_item *item);
/* Takes the whole chain (which is empty afterwards) with one lock; an empty chain is fine. */
void mailbox_post_chain(struct mailbox *box, struct mailbox_chain *chain);
/* Everything that is there, without waiting. */
struct mailbox_chain mailbox_take(struct mailbox *box);
/*
 * Waits until something is there, the mailbox is closed, or timeout_ms has passed (negative: no
 * limit), then takes everything.
 */
struct mailbox_chain mailbox_wait(struct mailbox *box, int64_t timeout_ms);
/* Takes at most one item; for several threads that share the work of one mailbox. NULL: closed. */
struct mailbox_item *mailbox_wait_one(struct mailbox *box);
/* Wakes every waiter; items already posted can still be taken. */
void mailbox_close(struct mailbox *box);
bool mailbox_is_closed(struct mailbox *box);
void mailbox_destroy(struct mailbox *box);

#endif
