/* SPDX-License-Identifier: MIT */
/*
 * lease.h - who is alive
 *
 * A process has a row with a time until which it counts as alive, and renews it long before. All its leases
 * hang on that row: renewing costs one small update, whatever it is working on. When the time is over, any
 * other process removes the row and lets its leases end (upkeep.c); a process that was only away for long
 * gets a new number when it is back, and its late verdicts change nothing.
 *
 * The time is the server's; this process measures its own part of it from before it asked, so it stops
 * before others begin.
 *
 * Threads    The store's.
 */
#ifndef REPOSTAL_STORE_POSTGRES_LEASE_H
#define REPOSTAL_STORE_POSTGRES_LEASE_H

#include "store.h"

/* A row for this process, or more time for the one that it has. */
enum status postgres_renew(struct postgres_store *pg, struct error *err);
/* After a pause of ours others may have taken over: asks before anything new is leased. */
enum status postgres_ensure_alive(struct postgres_store *pg, struct error *err);
/* The end of this transaction is not known: whatever it leased is to wait again. */
void postgres_lease_in_doubt(struct postgres_store *pg, int64_t lease);

#endif
