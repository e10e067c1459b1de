/* SPDX-License-Identifier: MIT */
#include "repostal/mailbox.h"

#include <errno.h>
#include <time.h>

#include "repostal/clock.h"
#include "repostal/memory.h"

void mailbox_chain_add(struct mailbox_chain *chain, struct mailbox_item *item)
{
	item->next = NULL;
	if (chain->last == NULL)
		chain->first = item;
	else
		chain->last->next = item;
	chain->last = item;
}

void mailbox_chain_join(struct mailbox_chain *chain, struct mailbox_chain *tail)
{
	if (tail->first == NULL)
		return;
	if (chain->last == NULL)
		chain->first = tail->first;
	else
		chain->last->next = tail->first;
	chain->last = tail->last;
	*tail = (struct mailbox_chain){ 0 };
}

struct mailbox_item *mailbox_chain_pop(struct mailbox_chain *chain)
{
	struct mailbox_item *item = chain->first;

	if (item == NULL)
		return NULL;
	chain->first = item->next;
	if (chain->first == NULL)
		chain->last = NULL;
	item->next = NULL;
	return item;
}

static void lock(struct mailbox *box)
{
	REPOSTAL_ASSERT(pthread_mutex_lock(&box->mutex) == 0);
}

static void unlock(struct mailbox *box)
{
	REPOSTAL_ASSERT(pthread_mutex_unlock(&box->mutex) == 0);
}

void mailbox_init(struct mailbox *box, void (*wake)(void *context), void *wake_context)
{
	pthread_condattr_t attributes;

	*box = (struct mailbox){ .wake = wake, .wake_context = wake_context };
	REPOSTAL_ASSERT(pthread_mutex_init(&box->mutex, NULL) == 0);
	REPOSTAL_ASSERT(pthread_condattr_init(&attributes) == 0);
	/* A wall clock that jumps must not stretch a wait. */
	REPOSTAL_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	REPOSTAL_ASSERT(pthread_cond_init(&box->arrived, &attributes) == 0);
	pthread_condattr_destroy(&attributes);
}

void mailbox_post(struct mailbox *box, struct mailbox_item *item)
{
	struct mailbox_chain chain = { 0 };

	mailbox_chain_add(&chain, item);
	mailbox_post_chain(box, &chain);
}

void mailbox_post_chain(struct mailbox *box, struct mailbox_chain *chain)
{
	bool was_empty;
	bool is_single = chain->first == chain->last;

	if (chain->first == NULL)
		return;
	lock(box);
	was_empty = box->waiting.first == NULL;
	mailbox_chain_join(&box->waiting, chain);
	/*
	 * Also when something was there already: of several threads that share the mailbox, the one
	 * that was woken for the earlier item may take only that. And under the lock: the taker may
	 * destroy the mailbox as soon as it has the item.
	 */
	if (is_single)
		pthread_cond_signal(&box->arrived);
	else
		pthread_cond_broadcast(&box->arrived);
	unlock(box);
	if (was_empty && box->wake != NULL)
		box->wake(box->wake_context);
}

static struct mailbox_chain take_locked(struct mailbox *box)
{
	struct mailbox_chain chain = box->waiting;

	box->waiting = (struct mailbox_chain){ 0 };
	return chain;
}

struct mailbox_chain mailbox_take(struct mailbox *box)
{
	struct mailbox_chain chain;

	lock(box);
	chain = take_locked(box);
	unlock(box);
	return chain;
}

static struct timespec deadline_after(int64_t timeout_ms)
{
	int64_t now_us = clock_monotonic_us();
	int64_t seconds = timeout_ms / 1000;
	int64_t us = now_us % 1000000 + timeout_ms % 1000 * 1000;

	return (struct timespec){
		.tv_sec = (time_t)(now_us / 1000000 + seconds + us / 1000000),
		.tv_nsec = (long)(us % 1000000 * 1000),
	};
}

/* False: the deadline has passed. deadline may be NULL: then there is none. */
static bool wait_locked(struct mailbox *box, const struct timespec *deadline)
{
	int code = deadline == NULL ? pthread_cond_wait(&box->arrived, &box->mutex)
				    : pthread_cond_timedwait(&box->arrived, &box->mutex, deadline);

	REPOSTAL_ASSERT(code == 0 || code == ETIMEDOUT);
	return code == 0;
}

struct mailbox_chain mailbox_wait(struct mailbox *box, int64_t timeout_ms)
{
	struct mailbox_chain chain;
	struct timespec deadline;

	if (timeout_ms >= 0)
		deadline = deadline_after(timeout_ms);
	lock(box);
	while (box->waiting.first == NULL && !box->closed) {
		if (!wait_locked(box, timeout_ms >= 0 ? &deadline : NULL))
			break;
	}
	chain = take_locked(box);
	unlock(box);
	return chain;
}

struct mailbox_item *mailbox_wait_one(struct mailbox *box)
{
	struct mailbox_item *item;

	lock(box);
	while (box->waiting.first == NULL && !box->closed)
		wait_locked(box, NULL);
	item = mailbox_chain_pop(&box->waiting);
	unlock(box);
	return item;
}

void mailbox_close(struct mailbox *box)
{
	lock(box);
	box->closed = true;
	pthread_cond_broadcast(&box->arrived);
	unlock(box);
	if (box->wake != NULL)
		box->wake(box->wake_context);
}

bool mailbox_is_closed(struct mailbox *box)
{
	bool closed;

	lock(box);
	closed = box->closed;
	unlock(box);
	return closed;
}

void mailbox_destroy(struct mailbox *box)
{
	pthread_cond_destroy(&box->arrived);
	pthread_mutex_destroy(&box->mutex);
}
