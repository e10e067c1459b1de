/* SPDX-License-Identifier: MIT */
/*
 * batch.h - the open transaction, gathered here and carried over at its end
 *
 * A transaction takes two round trips, whatever the number of events: the first writes events and verdicts
 * and takes claims, the second writes what follows from the answers (deliveries of the events that were new,
 * attempts of the verdicts that counted) and commits. parts.h has the parts of both.
 *
 * Threads    The store's.
 * Ownership  What the steps are given stays the caller's until the transaction ends.
 * Errors     STATUS_UNCERTAIN from postgres_commit() when the connection is lost after it was sent.
 */
#ifndef REPOSTAL_STORE_POSTGRES_BATCH_H
#define REPOSTAL_STORE_POSTGRES_BATCH_H

#include "store.h"

enum status postgres_begin(struct store *store, struct error *err);
enum status postgres_commit(struct store *store, struct error *err);
void postgres_rollback(struct store *store);
/* Carries over what was gathered, without committing. */
enum status postgres_flush(struct store *store, struct error *err);
/*
 * A transaction of the backend's own, of which the front does not know: commits when the step says STATUS_OK,
 * else rolls back.
 */
enum status postgres_transaction(struct postgres_store *pg,
	enum status (*step)(struct postgres_store *pg, void *argument, struct error *err),
	void *argument, struct error *err);
void postgres_batch_free(struct postgres_batch *batch);

#endif
