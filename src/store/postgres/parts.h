/* SPDX-License-Identifier: MIT */
/*
 * parts.h - the parts of a batch
 *
 * What is sent in the first trip is taken in the same order; what follows from the answers is sent in the
 * second, and its answers say nothing but whether it went well.
 *
 * Threads    The store's, from batch.c.
 */
#ifndef REPOSTAL_STORE_POSTGRES_PARTS_H
#define REPOSTAL_STORE_POSTGRES_PARTS_H

#include "store.h"

/* event.c */
void postgres_count_new(struct postgres_store *pg, const struct store_event *event, int64_t sign);
enum status postgres_send_events(struct postgres_store *pg, struct error *err);
enum status postgres_take_events(struct postgres_store *pg, struct error *err);
/* Events that were there already; round trips of its own, rarely needed. */
enum status postgres_resolve_duplicates(struct postgres_store *pg, struct error *err);
/* Second trip: of the events that are new. */
enum status postgres_send_deliveries(struct postgres_store *pg, struct error *err);

/* verdict.c */
enum status postgres_send_order_lock(struct postgres_store *pg, struct error *err);
enum status postgres_take_order_lock(struct postgres_store *pg, struct error *err);
enum status postgres_send_verdicts(struct postgres_store *pg, struct error *err);
enum status postgres_take_verdicts(struct postgres_store *pg, struct error *err);
/* Second trip: attempts of the verdicts that counted, and what waited for these deliveries. */
enum status postgres_send_attempts(struct postgres_store *pg, struct error *err);

/* claim.c */
enum status postgres_send_claims(struct postgres_store *pg, struct error *err);
enum status postgres_take_claims(struct postgres_store *pg, struct error *err);
/* Between the trips; rarely one of its own. */
enum status postgres_name_sources(struct postgres_store *pg, struct error *err);

#endif
