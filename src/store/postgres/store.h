/* SPDX-License-Identifier: MIT */
/*
 * store.h - an open PostgreSQL store, as its parts know it
 *
 * Threads    The store's.
 */
#ifndef REPOSTAL_STORE_POSTGRES_STORE_H
#define REPOSTAL_STORE_POSTGRES_STORE_H

#include "backend/backend.h"
#include "backend/sweep_round.h"
#include "connection/format.h"
#include "connection/partition.h"
#include "connection/pipeline.h"

struct postgres_event_item {
	struct store_event *event;
	bool is_inserted;
};

struct postgres_verdict_result {
	bool is_moved;
	bool is_ordered;
	int attempts; /* of the row, now */
	int earlier;
};

struct postgres_batch {
	bool wrote_waiting; /* something that others might take */
	bool wrote_pause;   /* something that they should know at once */
	bool has_order;     /* its locks were asked for */
	int64_t lease;
	struct postgres_event_item *events;
	size_t events_count, events_capacity;
	size_t events_size; /* of raw bytes */
	struct store_verdict *verdicts;
	size_t verdicts_count, verdicts_capacity;
	struct postgres_verdict_result *verdict_results;
	struct store_claim **claims;
	size_t claims_count, claims_capacity;
	int64_t claim_now_ms;
};

/* Leases of transactions whose end is not known: this process works on none of them. */
enum {
	POSTGRES_IN_DOUBT_MAX = 64,
};

struct postgres_store {
	struct store base; /* first: the front's pointer is this one's */
	char *dsn;
	struct postgres_pipeline pipeline;
	struct postgres_partitions partitions;
	struct postgres_batch batch;
	int64_t instance; /* this process's number; 0: it has none yet */
	uint32_t transactions;
	int64_t clock_ahead_ms; /* of the server, before ours */
	int64_t renewed_for_ms;
	int64_t renewed_mark;
	int64_t renew_at_ms; /* monotonic, as the next five */
	int64_t unowned_at_ms;
	int64_t bytes_at_ms;
	int64_t notify_at_ms;
	int64_t days_at_ms;
	int64_t bytes;
	int64_t instances_count;
	struct {
		int64_t lease;
		int64_t since_ms;
	} in_doubt[POSTGRES_IN_DOUBT_MAX];
	size_t in_doubt_count;
	struct sweep_round sweep, sweep_at_begin;
	/* Targets that have ordered deliveries: only their verdicts have to look for these. */
	bool is_ordered[STORE_TARGETS_MAX];
};

static inline struct postgres_store *postgres_store_of(struct store *store)
{
	return (struct postgres_store *)store;
}

/* Times of ours as the server's clock has them, and back; PG_DUE_HELD stays what it is. */
static inline int64_t postgres_server_ms(const struct postgres_store *pg, int64_t ms)
{
	return ms + pg->clock_ahead_ms;
}

#endif
