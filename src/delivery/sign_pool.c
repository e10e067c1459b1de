/* SPDX-License-Identifier: MIT */
#include "sign_pool.h"

#include "repostal/log.h"
#include "repostal/memory.h"

struct sign_pool {
	pthread_rwlock_t signer_lock; /* held for reading while signing */
	const struct signer *signer;
	void (*on_signed)(void *context, struct outgoing *outgoing);
	void *context;
	struct mailbox mailbox;
	size_t threads_count;
	pthread_t threads[];
};

static void sign(struct sign_pool *pool, struct outgoing *outgoing)
{
	struct error err;

	pthread_rwlock_rdlock(&pool->signer_lock);
	if (signer_is_on(pool->signer)) {
		outgoing->signature = signer_sign(pool->signer, outgoing->body, &err);
		/* An unsigned envelope would be refused by whoever checks. OpenSSL fails on a loaded
		 * key only when it is out of memory. */
		if (outgoing->signature == NULL) {
			log_event(LOG_LEVEL_ERROR, "sign.failed", LOG_STR("error", err.text));
			REPOSTAL_ASSERT(outgoing->signature != NULL);
		}
	}
	pthread_rwlock_unlock(&pool->signer_lock);
}

static void *sign_main(void *data)
{
	struct sign_pool *pool = data;
	struct mailbox_item *item;

	while ((item = mailbox_wait_one(&pool->mailbox)) != NULL) {
		struct outgoing *outgoing = MAILBOX_ENTRY(item, struct outgoing, item);

		sign(pool, outgoing);
		pool->on_signed(pool->context, outgoing);
	}
	return NULL;
}

void sign_pool_set_signer(struct sign_pool *pool, const struct signer *signer)
{
	pthread_rwlock_wrlock(&pool->signer_lock);
	pool->signer = signer;
	pthread_rwlock_unlock(&pool->signer_lock);
}

enum status sign_pool_start(const struct signer *signer, int threads,
	void (*on_signed)(void *context, struct outgoing *outgoing), void *context,
	struct sign_pool **pool_out, struct error *err)
{
	struct sign_pool *pool =
		memory_zalloc(sizeof(*pool) + (size_t)threads * sizeof(pool->threads[0]));

	pthread_rwlock_init(&pool->signer_lock, NULL);
	pool->signer = signer;
	pool->on_signed = on_signed;
	pool->context = context;
	mailbox_init(&pool->mailbox, NULL, NULL);
	for (int i = 0; i < threads; i++) {
		if (pthread_create(&pool->threads[i], NULL, sign_main, pool) != 0) {
			error_set(err, "cannot start a signing thread");
			sign_pool_stop(&pool);
			return STATUS_IO;
		}
		pool->threads_count++;
	}
	*pool_out = pool;
	return STATUS_OK;
}

void sign_pool_post(struct sign_pool *pool, struct outgoing *outgoing)
{
	mailbox_post(&pool->mailbox, &outgoing->item);
}

void sign_pool_post_chain(struct sign_pool *pool, struct mailbox_chain *chain)
{
	mailbox_post_chain(&pool->mailbox, chain);
}

void sign_pool_stop(struct sign_pool **poolp)
{
	struct sign_pool *pool = *poolp;

	if (pool == NULL)
		return;
	*poolp = NULL;
	mailbox_close(&pool->mailbox);
	for (size_t i = 0; i < pool->threads_count; i++)
		pthread_join(pool->threads[i], NULL);
	mailbox_destroy(&pool->mailbox);
	pthread_rwlock_destroy(&pool->signer_lock);
	free(pool);
}
