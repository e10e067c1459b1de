/* SPDX-License-Identifier: MIT */
/*
 * refresh.h - what other processes have committed: names, pauses, counts
 *
 * Threads    The store's, outside a transaction of the front's.
 */
#ifndef REPOSTAL_STORE_POSTGRES_REFRESH_H
#define REPOSTAL_STORE_POSTGRES_REFRESH_H

#include "store.h"

/* Names that they have added, and pauses that they have changed; news may be NULL. */
enum status postgres_refresh_names(
	struct postgres_store *pg, const struct store_news *news, struct error *err);
enum status postgres_refresh_counters(struct postgres_store *pg, struct error *err);

#endif
