/* SPDX-License-Identifier: MIT */
/*
 * sign_pool.h - threads that sign envelopes
 *
 * Promise    Every outgoing that is posted comes out at the other end, signed. RSA is the dearest step
 *            of all; nothing else waits for it. At most as many wait here as there are slots.
 * Threads    Posting from any; on_signed runs on a signing thread.
 */
#ifndef REPOSTAL_DELIVERY_SIGN_POOL_H
#define REPOSTAL_DELIVERY_SIGN_POOL_H

#include "repostal/error.h"
#include "repostal/mailbox.h"
#include "repostal/outgoing.h"
#include "repostal/signer.h"

struct sign_pool;

enum status sign_pool_start(const struct signer *signer, int threads,
	void (*on_signed)(void *context, struct outgoing *outgoing), void *context,
	struct sign_pool **pool_out, struct error *err);
/* Waits until no thread uses the old one. A signer that is off signs nothing. */
void sign_pool_set_signer(struct sign_pool *pool, const struct signer *signer);
void sign_pool_post(struct sign_pool *pool, struct outgoing *outgoing);
void sign_pool_post_chain(struct sign_pool *pool, struct mailbox_chain *chain);
/* Signs what is left, then ends the threads. */
void sign_pool_stop(struct sign_pool **poolp);

#endif
