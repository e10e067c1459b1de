/* SPDX-License-Identifier: MIT */
/*
 * Linked in place of envelope_pool.c: an envelope is made as soon as it is posted, on the thread that posts, so that
 * nothing happens while the clock stands still. Nothing is signed.
 */
#include "envelope_pool.h"
#include "queue/inbox.h"
#include "repostal/memory.h"

struct envelope_pool {
	struct event_rules rules;
	struct mailbox *inbox;
};

enum status envelope_pool_start(const struct dispatcher_settings *settings, struct mailbox *inbox,
	struct envelope_pool **pool_out, struct error *err)
{
	struct envelope_pool *pool = memory_zalloc(sizeof(*pool));

	(void)err;
	*pool = (struct envelope_pool){ settings->rules, inbox };
	*pool_out = pool;
	return STATUS_OK;
}

enum status envelope_pool_set(
	struct envelope_pool *pool, const struct dispatcher_settings *settings, struct error *err)
{
	/* Those of a fixture stay the same. */
	(void)pool;
	(void)settings;
	(void)err;
	return STATUS_OK;
}

void envelope_pool_post(struct envelope_pool *pool, struct outgoing *outgoing)
{
	outgoing_make(outgoing, &pool->rules);
	inbox_post(pool->inbox, INBOX_READY, &outgoing->item);
}

void envelope_pool_post_chain(struct envelope_pool *pool, struct mailbox_chain *chain)
{
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(chain)) != NULL)
		envelope_pool_post(pool, MAILBOX_ENTRY(item, struct outgoing, item));
}

void envelope_pool_stop(struct envelope_pool **poolp)
{
	free(*poolp);
	*poolp = NULL;
}
