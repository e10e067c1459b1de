/* SPDX-License-Identifier: MIT */
#include "envelope_pool.h"

#include "queue/inbox.h"
#include "repostal/log.h"
#include "repostal/memory.h"

enum {
	THREADS_MAX = 64
};

struct envelope_pool {
	pthread_rwlock_t settings_lock; /* held for reading while the next two are in use */
	struct event_rules rules;
	const struct signer *signer;
	struct mailbox *inbox;
	struct mailbox mailbox;
	int threads_count;
	pthread_t threads[THREADS_MAX];
};

static void sign(const struct signer *signer, struct outgoing *outgoing)
{
	struct error err;

	outgoing->signature = signer_sign(signer, outgoing->body, &err);
	if (outgoing->signature != NULL)
		return;
	/* An unsigned envelope would be refused by receivers that check. OpenSSL fails on a loaded key only when
	 * it is out of memory. */
	log_event(LOG_LEVEL_ERROR, "sign.failed", LOG_STR("error", err.text));
	REPOSTAL_ASSERT(outgoing->signature != NULL);
}

static void make(struct envelope_pool *pool, struct outgoing *outgoing)
{
	pthread_rwlock_rdlock(&pool->settings_lock);
	outgoing_make(outgoing, &pool->rules);
	if (outgoing->problem == NULL && signer_is_on(pool->signer))
		sign(pool->signer, outgoing);
	pthread_rwlock_unlock(&pool->settings_lock);
}

static void *pool_main(void *data)
{
	struct envelope_pool *pool = data;
	struct mailbox_item *item;

	pthread_setname_np(pthread_self(), "envelope");
	while ((item = mailbox_wait_one(&pool->mailbox)) != NULL) {
		make(pool, MAILBOX_ENTRY(item, struct outgoing, item));
		inbox_post(pool->inbox, INBOX_READY, item);
	}
	return NULL;
}

static enum status start_threads(
	struct envelope_pool *pool, const struct dispatcher_settings *settings, struct error *err)
{
	int wanted = signer_is_on(settings->signer) ? settings->signing_threads : 1;

	for (; pool->threads_count < wanted && pool->threads_count < THREADS_MAX;
		pool->threads_count++) {
		if (pthread_create(&pool->threads[pool->threads_count], NULL, pool_main, pool) == 0)
			continue;
		error_set(err, "cannot start a thread for envelopes");
		return STATUS_IO;
	}
	return STATUS_OK;
}

enum status envelope_pool_start(const struct dispatcher_settings *settings, struct mailbox *inbox,
	struct envelope_pool **pool_out, struct error *err)
{
	struct envelope_pool *pool = memory_zalloc(sizeof(*pool));

	pthread_rwlock_init(&pool->settings_lock, NULL);
	pool->rules = settings->rules;
	pool->signer = settings->signer;
	pool->inbox = inbox;
	mailbox_init(&pool->mailbox, NULL, NULL);
	if (start_threads(pool, settings, err) != STATUS_OK) {
		envelope_pool_stop(&pool);
		return STATUS_IO;
	}
	*pool_out = pool;
	return STATUS_OK;
}

enum status envelope_pool_set(
	struct envelope_pool *pool, const struct dispatcher_settings *settings, struct error *err)
{
	enum status status = start_threads(pool, settings, err);

	if (status != STATUS_OK)
		return status;
	pthread_rwlock_wrlock(&pool->settings_lock);
	pool->rules = settings->rules;
	pool->signer = settings->signer;
	pthread_rwlock_unlock(&pool->settings_lock);
	return STATUS_OK;
}

void envelope_pool_post(struct envelope_pool *pool, struct outgoing *outgoing)
{
	mailbox_post(&pool->mailbox, &outgoing->item);
}

void envelope_pool_post_chain(struct envelope_pool *pool, struct mailbox_chain *chain)
{
	mailbox_post_chain(&pool->mailbox, chain);
}

void envelope_pool_stop(struct envelope_pool **poolp)
{
	struct envelope_pool *pool = *poolp;

	if (pool == NULL)
		return;
	*poolp = NULL;
	mailbox_close(&pool->mailbox);
	for (int i = 0; i < pool->threads_count; i++)
		pthread_join(pool->threads[i], NULL);
	mailbox_destroy(&pool->mailbox);
	pthread_rwlock_destroy(&pool->settings_lock);
	free(pool);
}
