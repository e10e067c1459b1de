/* SPDX-License-Identifier: MIT */
/*
 * postgres_backend.h - what the postgres*.c files share
 *
 * Files      postgres.c            opening, names, steps outside the batch: the table of operations
 *            postgres_batch.c      the open transaction: what is gathered, and its two round trips
 *            postgres_event.c      events, their deliveries and search keys, quarantine
 *            postgres_verdict.c    verdicts, attempts, order
 *            postgres_claim.c      claims
 *            postgres_change.c     what operators do
 *            postgres_names.c      numbers given to other names, targets forgotten
 *            postgres_filter.c     which deliveries they mean, and readers: a text of SQL
 *            postgres_lease.c      who is alive, and what becomes of the leases of those who are not
 *            postgres_sweep.c      removal of what is old
 *            postgres_reader.c     looking from outside, with a connection of its own
 *            postgres_schema.c     tables, migrations, partitions
 *            postgres_statement.c  every statement of the store's connection
 *            postgres_session.c    one connection: settings, round trips, errors put into words
 *            postgres_link.c       the thread that connects again and listens for hints
 *            postgres_array.c      arrays and numbers in the server's binary form
 * Threads    The store's; postgres_link.c has one of its own.
 * Errors     A session that failed below SQL is gone: every call on it says STATUS_IO until the link
 *            has made another one.
 *
 * A transaction gathers what it is given and carries it to the server at its end, in two round trips
 * whatever the number of events: the first writes events and verdicts and takes claims, the second
 * writes what follows from the answers (deliveries of the events that were new, attempts of the
 * verdicts that counted) and commits.
 */
#ifndef REPOSTAL_STORE_POSTGRES_BACKEND_H
#define REPOSTAL_STORE_POSTGRES_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "postgres_array.h"
#include "postgres_link.h"
#include "postgres_session.h"
#include "store_backend.h"
#include "sweep_round.h"

/* All are part of the tables' format. */
#define PG_DUE_HELD 9223372036854775807
#define PG_TEXT_OF(number) PG_TEXT(number)
#define PG_TEXT(number) #number
#define PG_TALLY_SOURCES (-2) /* of the table tally: source 0 as a target; source 1 is one less */
#define PG_EVENT_BLOCK 256    /* ids that one number of the sequence stands for */
#define PG_LEASE_BITS 32      /* a lease is instance << 32 | number of the transaction */
#define PG_DAY_US (24 * INT64_C(3600) * 1000 * 1000)

enum postgres_statement {
	PG_BEGIN,
	PG_COMMIT,
	PG_ROLLBACK,
	PG_TARGET_LIST,
	PG_SOURCE_LIST,
	PG_NAMES_LOCK,
	PG_TARGET_ADD,
	PG_SOURCE_ADD,
	PG_TARGET_PAUSE,
	PG_TARGET_RENAME,
	PG_SOURCE_RENAME,
	PG_TARGET_UNUSED,
	PG_SOURCE_UNUSED,
	PG_TARGET_FORGET,
	PG_TALLY_READ,
	PG_TALLY_ADD,
	PG_ORDER_LOCK,
	PG_EVENT_INSERT,
	PG_EVENT_TWINS,
	PG_EVENT_FORGET_IDENTITY,
	PG_DELIVERY_INSERT,
	PG_DELIVERY_INSERT_ORDERED,
	PG_SEARCH_INSERT,
	PG_VERDICT,
	PG_ATTEMPT_INSERT,
	PG_ORDER_RELEASE,
	PG_CLAIM,
	PG_NEXT_DUE,
	PG_OLDEST,
	PG_QUARANTINE_LOCK,
	PG_QUARANTINE_FIND,
	PG_QUARANTINE_REPEAT,
	PG_QUARANTINE_INSERT,
	PG_UNQUARANTINE,
	PG_CHANGE_FIND, /* a text made for the occasion */
	PG_CHANGE_FIND_ONE,
	PG_CHANGE_KEEP_ATTEMPTS,
	PG_CHANGE_RETRY,
	PG_CHANGE_DISCARD,
	PG_CHANGE_NUMBER_ANEW,
	PG_INSTANCE_NEW,
	PG_INSTANCE_RENEW,
	PG_INSTANCE_END,
	PG_INSTANCE_COUNT,
	PG_INSTANCE_REAP,
	PG_LEASES_END,
	PG_LEASES_OF_NOBODY,
	PG_TALLY_FOLD,
	PG_DUE_TARGETS,
	PG_CLOCK,
	PG_NOTIFY,
	PG_BYTES,
	PG_SWEEP_LOCK,
	PG_SWEEP_SCAN,
	PG_SWEEP_DELIVERIES,
	PG_SWEEP_EVENTS,
	PG_SWEEP_QUARANTINE,
	PG_PARTITION_ADD,
	PG_PARTITION_DROP,
	PG_STATEMENT_COUNT,
};
extern const struct postgres_statements postgres_store_statements;

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

enum {
	POSTGRES_SERIES_MAX = 512, /* statements on their way at once */
};

struct postgres_batch {
	bool begun;         /* the server knows of the transaction */
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

/* Leases of transactions whose end we do not know: nobody here works on them. */
enum {
	POSTGRES_DOUBTFUL_MAX = 64,
	POSTGRES_DAYS_KNOWN = 16,
};

struct postgres_store {
	struct store base; /* first: the front's pointer is this one's */
	char *dsn;
	struct postgres_link *link;
	struct postgres_session *session;                  /* NULL: there is none at the moment */
	enum postgres_statement sent[POSTGRES_SERIES_MAX]; /* of the series on its way */
	size_t sent_count, taken_count;
	bool is_gone; /* the series is complete */
	struct postgres_batch batch;
	int64_t instance; /* this process's number; 0: it has none yet */
	uint32_t transactions;
	int64_t clock_ahead_ms; /* of the server, before ours */
	int64_t renewed_for_ms;
	int64_t renewed_mark;
	int64_t renew_at_ms; /* monotonic, as the next five */
	int64_t orphans_at_ms;
	int64_t bytes_at_ms;
	int64_t notify_at_ms;
	int64_t days_at_ms;
	int64_t bytes;
	int64_t instances_count;
	struct {
		int64_t lease;
		int64_t since_ms;
	} doubtful[POSTGRES_DOUBTFUL_MAX];
	size_t doubtful_count;
	int64_t days_known[POSTGRES_DAYS_KNOWN]; /* that have partitions */
	size_t days_next;
	struct sweep_round sweep, sweep_at_begin;
	/* Targets that have ordered deliveries: only their verdicts have to look for these. */
	bool is_ordered[STORE_TARGETS_MAX];
};

static inline struct postgres_store *postgres_store_of(struct store *store)
{
	return (struct postgres_store *)store;
}

static inline int64_t postgres_delivery_id(int64_t event, uint16_t target)
{
	return event << 16 | target;
}

/* Times of ours as the server's clock has them, and back; PG_DUE_HELD stays what it is. */
static inline int64_t postgres_server_ms(const struct postgres_store *pg, int64_t ms)
{
	return ms + pg->clock_ahead_ms;
}

/* postgres_statement.c: round trips of the store's session; a lost session is given up. */
/* One statement outside of the batch, in the open transaction or on its own. */
enum status postgres_run(struct postgres_store *pg, enum postgres_statement which,
	const struct postgres_params *params, struct postgres_rows *rows, struct error *err);
/* PG_CHANGE_FIND. */
enum status postgres_run_text(
	struct postgres_store *pg, const char *sql, struct postgres_rows *rows, struct error *err);
enum status postgres_send(struct postgres_store *pg, enum postgres_statement which,
	const struct postgres_params *params, struct error *err);
/* Ends a series of postgres_send(). */
enum status postgres_go(struct postgres_store *pg, struct error *err);
/* The answer to the first statement of the series that has not been taken yet; rows may be NULL. */
enum status postgres_take(struct postgres_store *pg, struct postgres_rows *rows, struct error *err);
/* At the end of a series, whatever became of it: gives its status back, or the failure of this. */
enum status postgres_take_end(struct postgres_store *pg, enum status status, struct error *err);
/* The session is of no use any more. */
void postgres_drop_session(struct postgres_store *pg);
/* STATUS_IO while there is none. */
enum status postgres_need_session(struct postgres_store *pg, struct error *err);

/* postgres_batch.c */
enum status postgres_begin(struct store *store, struct error *err);
enum status postgres_commit(struct store *store, struct error *err);
void postgres_rollback(struct store *store);
void postgres_batch_free(struct postgres_batch *batch);
/* Makes the server know of the transaction, before a step that goes to it at once. */
enum status postgres_ensure_begun(struct postgres_store *pg, struct error *err);
/* Carries over what was gathered, without committing. */
enum status postgres_flush(struct store *store, struct error *err);

/* The parts of the batch: what is sent in the first trip is taken in the same order. */
/* postgres_event.c */
enum status postgres_append(struct store *store, struct store_event *event, struct error *err);
enum status postgres_quarantine(
	struct store *store, struct store_quarantined *quarantined, struct error *err);
enum status postgres_unquarantine(
	struct store *store, int64_t id, bool *found_out, struct error *err);
void postgres_count_new(struct postgres_store *pg, const struct store_event *event, int64_t sign);
enum status postgres_send_events(struct postgres_store *pg, struct error *err);
enum status postgres_take_events(struct postgres_store *pg, struct error *err);
/* Events that were there already; round trips of its own, seldom needed. */
enum status postgres_resolve_twins(struct postgres_store *pg, struct error *err);
/* Of the events that are new. */
enum status postgres_send_deliveries(struct postgres_store *pg, struct error *err);

/* postgres_verdict.c */
enum status postgres_record(
	struct store *store, const struct store_verdict *verdict, struct error *err);
enum status postgres_send_order_lock(struct postgres_store *pg, struct error *err);
enum status postgres_take_order_lock(struct postgres_store *pg, struct error *err);
enum status postgres_send_verdicts(struct postgres_store *pg, struct error *err);
enum status postgres_take_verdicts(struct postgres_store *pg, struct error *err);
/* Of the verdicts that counted, and what they were waited for by. */
enum status postgres_send_attempts(struct postgres_store *pg, struct error *err);

/* After some have ended: sends what gives their followers a due time. */
enum status postgres_send_order_release(struct postgres_store *pg, const int64_t *ended,
	size_t ended_count, int64_t now_ms, struct error *err);

/* postgres_claim.c */
enum status postgres_claim(
	struct store *store, int64_t now_ms, struct store_claim *claim, struct error *err);
enum status postgres_send_claims(struct postgres_store *pg, struct error *err);
enum status postgres_take_claims(struct postgres_store *pg, struct error *err);
/* Between the trips; seldom one of its own. */
enum status postgres_name_sources(struct postgres_store *pg, struct error *err);
int64_t postgres_oldest_waiting_us(struct store *store, uint16_t target);

/* postgres_change.c */
enum status postgres_change(struct store *store, struct store_change *change, struct error *err);
enum status postgres_number_anew(struct store *store, int64_t event, uint16_t target, int more,
	int *number_out, bool *found_out, struct error *err);
enum status postgres_add_search_key(
	struct store *store, int64_t event, int64_t key, int64_t now_ms, struct error *err);

/* postgres_names.c */
enum status postgres_rename(struct store *store, enum store_name_kind kind, uint16_t number,
	const char *name, struct error *err);
/* Frees the numbers of names that nothing is left of, unless other processes may have them configured. */
enum status postgres_free_unused(
	struct postgres_store *pg, enum store_name_kind kind, struct error *err);
enum status postgres_forget(struct store *store, struct store_forget *forget, struct error *err);

/* postgres_lease.c */
/* A number for this process, unless it has one. */
enum status postgres_recover(struct store *store, int64_t now_ms, struct error *err);
enum status postgres_poll(
	struct store *store, int64_t now_ms, const struct store_news *news, struct error *err);
/* After a pause of ours others may have taken over: asks before anything new is leased. */
enum status postgres_ensure_alive(struct postgres_store *pg, struct error *err);
/* The end of this transaction is not known: whatever it leased is to wait again. */
void postgres_doubt(struct postgres_store *pg, int64_t lease);
/* At the end of the process: its leases end now, not later. */
void postgres_sign_off(struct postgres_store *pg);

/* postgres_sweep.c */
enum status postgres_sweep(struct store *store, int64_t now_ms, bool *more_out, struct error *err);

/* postgres_schema.c */
/* postgres_secret.c */
enum status postgres_secret_make(struct postgres_session *session, struct error *err);
enum status postgres_secret_read(
	struct postgres_session *session, uint8_t secret_out[STORE_SECRET_SIZE], struct error *err);

/* Makes or migrates the tables, on a connection without pipeline. */
enum status postgres_schema_open(struct postgres_session *session, struct error *err);
/* For readers: STATUS_NOT_FOUND without tables. */
enum status postgres_schema_check(struct postgres_session *session, struct error *err);
/* The same for what postgres_schema_open() would take: older tables and none are good, too. */
enum status postgres_schema_probe(struct postgres_session *session, struct error *err);
/* After a rollback, which takes new partitions with it. */
void postgres_forget_days(struct postgres_store *pg);
/* Partitions for a day, a number of PG_DAY_US since 1970. */
enum status postgres_ensure_day(struct postgres_store *pg, int64_t day, struct error *err);
/* Drops at most one day that ended before; *more_out: there may be another. */
enum status postgres_drop_days(
	struct postgres_store *pg, int64_t before_day, bool *more_out, struct error *err);

/* postgres.c */
/* Names that other processes have added, and pauses that they have changed; news may be NULL. */
enum status postgres_refresh_names(
	struct postgres_store *pg, const struct store_news *news, struct error *err);
enum status postgres_refresh_tally(struct postgres_store *pg, struct error *err);

#endif
