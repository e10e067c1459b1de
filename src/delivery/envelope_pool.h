/* SPDX-License-Identifier: MIT */
/*
 * envelope_pool.h - threads that make envelopes, and sign them
 *
 * Promise    Every outgoing that is posted gets into the inbox, its envelope made, and signed where signing
 *            is on. RSA is the most expensive step of all; nothing else waits for it. At most as many wait here
 *            as there are slots, and as targets have claimed.
 * Threads    Posting: any. The others: the main thread.
 * Ownership  The inbox, and what signer and rules point to, outlive the pool; the latter until the next
 *            envelope_pool_set().
 */
#ifndef REPOSTAL_DELIVERY_ENVELOPE_POOL_H
#define REPOSTAL_DELIVERY_ENVELOPE_POOL_H

#include "repostal/dispatcher_settings.h"
#include "repostal/error.h"
#include "repostal/mailbox.h"
#include "repostal/outgoing.h"

struct envelope_pool;

/*
 * Of the settings, rules, signer and signing_threads are looked at. Without signing there is one thread: that
 * is enough for envelopes.
 */
enum status envelope_pool_start(const struct dispatcher_settings *settings, struct mailbox *inbox,
	struct envelope_pool **pool_out, struct error *err);
/*
 * Waits until no thread uses the old ones; threads that signing needs are started before. STATUS_IO: they cannot
 * be, and nothing has changed.
 */
enum status envelope_pool_set(
	struct envelope_pool *pool, const struct dispatcher_settings *settings, struct error *err);
void envelope_pool_post(struct envelope_pool *pool, struct outgoing *outgoing);
void envelope_pool_post_chain(struct envelope_pool *pool, struct mailbox_chain *chain);
/* Works off what is left, then ends the threads. */
void envelope_pool_stop(struct envelope_pool **poolp);

#endif
