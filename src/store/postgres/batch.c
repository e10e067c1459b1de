/* SPDX-License-Identifier: MIT */
/*
 * The server learns of the transaction with the first statement that is sent. A commit goes out together with
 * what it commits: when the connection breaks after that, this process does not know whether it happened, and what
 * it leased is ended later (postgres_lease_in_doubt()), for it works on none of it.
 */
#include "batch.h"

#include <stdlib.h>

#include "lease.h"
#include "parts.h"
#include "repostal/clock.h"
#include "repostal/memory.h"
#include "steps.h"

enum {
	BATCH_EVENTS_MAX = 4096, /* then what was gathered goes over before the end */
	BATCH_VERDICTS_MAX = 4096,
	BATCH_CLAIMS_MAX = 64,
	BATCH_SIZE_MAX = 16 * 1024 * 1024, /* of raw bytes */
	NOTIFY_INTERVAL_MS = 200, /* notifying commits of all processes wait for one another */
};

static void *grown(void *list, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return list;
	*capacity = *capacity == 0 ? 64 : *capacity * 2;
	return memory_regrow(list, *capacity, size);
}

static void forget(struct postgres_batch *batch)
{
	batch->events_count = 0;
	batch->events_size = 0;
	batch->verdicts_count = 0;
	batch->claims_count = 0;
}

void postgres_batch_free(struct postgres_batch *batch)
{
	free(batch->events);
	free(batch->verdicts);
	free(batch->verdict_results);
	free(batch->claims);
	*batch = (struct postgres_batch){ 0 };
}

enum status postgres_begin(struct store *store, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	enum status status = postgres_ensure_alive(pg, err);

	if (status != STATUS_OK)
		return status;
	forget(&pg->batch);
	pg->pipeline.is_begun = false;
	pg->batch.wrote_waiting = false;
	pg->batch.wrote_pause = false;
	pg->batch.lease = pg->instance << PG_LEASE_BITS | ++pg->transactions;
	pg->sweep_at_begin = pg->sweep;
	return STATUS_OK;
}

enum status postgres_append(struct store *store, struct store_event *event, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	struct postgres_batch *batch = &pg->batch;

	batch->events = grown(batch->events, batch->events_count, &batch->events_capacity,
		sizeof(*batch->events));
	batch->events[batch->events_count++] = (struct postgres_event_item){ .event = event };
	batch->events_size += event->raw.size;
	postgres_count_new(pg, event, 1);
	if (batch->events_count < BATCH_EVENTS_MAX && batch->events_size < BATCH_SIZE_MAX)
		return STATUS_OK;
	return postgres_flush(store, err);
}

enum status postgres_record(
	struct store *store, const struct store_verdict *verdict, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	struct postgres_batch *batch = &pg->batch;

	batch->verdicts = grown(batch->verdicts, batch->verdicts_count, &batch->verdicts_capacity,
		sizeof(*batch->verdicts));
	batch->verdicts[batch->verdicts_count++] = *verdict;
	return batch->verdicts_count < BATCH_VERDICTS_MAX ? STATUS_OK : postgres_flush(store, err);
}

enum status postgres_claim(
	struct store *store, int64_t now_ms, struct store_claim *claim, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	struct postgres_batch *batch = &pg->batch;

	batch->claims = grown(batch->claims, batch->claims_count, &batch->claims_capacity,
		sizeof(*batch->claims));
	batch->claims[batch->claims_count++] = claim;
	batch->claim_now_ms = now_ms;
	return batch->claims_count < BATCH_CLAIMS_MAX ? STATUS_OK : postgres_flush(store, err);
}

/* Before the transaction if it can be, so that the tables' lock is not held until its end. */
static enum status ensure_days(struct postgres_store *pg, struct error *err)
{
	const struct postgres_batch *batch = &pg->batch;
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < batch->events_count; i++)
		status = postgres_ensure_day(&pg->partitions, &pg->pipeline,
			batch->events[i].event->received_us / PG_DAY_US, err);
	for (size_t i = 0; status == STATUS_OK && i < batch->verdicts_count; i++)
		if (!batch->verdicts[i].release)
			status = postgres_ensure_day(&pg->partitions, &pg->pipeline,
				batch->verdicts[i].started_ms / (PG_DAY_US / 1000), err);
	return status;
}

static enum status first_trip(struct postgres_store *pg, struct error *err)
{
	bool begins = !pg->pipeline.is_begun;
	enum status status = STATUS_OK;

	if (begins)
		status = postgres_send(&pg->pipeline, PG_BEGIN, NULL, err);
	if (status == STATUS_OK)
		status = postgres_send_order_lock(pg, err);
	if (status == STATUS_OK)
		status = postgres_send_verdicts(pg, err);
	if (status == STATUS_OK)
		status = postgres_send_events(pg, err);
	if (status == STATUS_OK)
		status = postgres_send_claims(pg, err);
	if (status == STATUS_OK)
		status = postgres_go(&pg->pipeline, err);
	if (status == STATUS_OK && begins)
		status = postgres_take(&pg->pipeline, NULL, err);
	pg->pipeline.is_begun = true;
	if (status == STATUS_OK)
		status = postgres_take_order_lock(pg, err);
	if (status == STATUS_OK)
		status = postgres_take_verdicts(pg, err);
	if (status == STATUS_OK)
		status = postgres_take_events(pg, err);
	if (status == STATUS_OK)
		status = postgres_take_claims(pg, err);
	return postgres_take_end(&pg->pipeline, status, err);
}

struct counters_row {
	int32_t target; /* -1: open is the rows of quarantine */
	struct store_target_counts counts;
};

/* Nothing is written for a target whose verdicts and new events made up for each other. */
static size_t changed_rows(const struct store_counters *counters, struct counters_row *rows)
{
	size_t count = 0;

	if (counters->quarantined_change != 0)
		rows[count++] =
			(struct counters_row){ -1, { .open = counters->quarantined_change } };
	for (size_t i = 0; i < counters->touched_count; i++) {
		const struct store_target_counts *change = &counters->change[counters->touched[i]];

		if (change->open != 0 || change->retrying != 0 || change->dead != 0)
			rows[count++] = (struct counters_row){ counters->touched[i], *change };
	}
	for (size_t i = 0; i < counters->sources_touched_count; i++) {
		uint16_t source = counters->sources_touched[i];

		if (counters->source_change[source] != 0)
			rows[count++] = (struct counters_row){ PG_COUNTERS_SOURCES - source,
				{ .open = counters->source_change[source] } };
	}
	return count;
}

static enum status send_counters(struct postgres_store *pg, struct error *err)
{
	struct counters_row rows[1 + STORE_TARGETS_MAX + STORE_SOURCES_MAX];
	size_t count = changed_rows(&pg->base.counters, rows);
	struct postgres_params params;
	enum status status;

	if (count == 0)
		return STATUS_OK;
	postgres_params_init(&params);
	postgres_add_int8(&params, pg->instance);
	postgres_array_begin(&params, POSTGRES_INT4);
	for (size_t i = 0; i < count; i++)
		postgres_array_int4(&params, rows[i].target);
	postgres_array_end(&params);
	for (int column = 0; column < 3; column++) {
		postgres_array_begin(&params, POSTGRES_INT8);
		for (size_t i = 0; i < count; i++)
			postgres_array_int8(&params, column == 0   ? rows[i].counts.open
						     : column == 1 ? rows[i].counts.retrying
								   : rows[i].counts.dead);
		postgres_array_end(&params);
	}
	status = postgres_send(&pg->pipeline, PG_COUNTERS_ADD, &params, err);
	postgres_params_free(&params);
	return status;
}

/* Others poll every second anyway; this makes it sooner. */
static enum status send_hint(struct postgres_store *pg, struct error *err)
{
	int64_t now_ms = clock_monotonic_ms();

	if (pg->instances_count < 2)
		return STATUS_OK;
	if (!pg->batch.wrote_pause && (!pg->batch.wrote_waiting || now_ms < pg->notify_at_ms))
		return STATUS_OK;
	pg->notify_at_ms = now_ms + NOTIFY_INTERVAL_MS;
	return postgres_send(&pg->pipeline, PG_NOTIFY, NULL, err);
}

/* What follows from the answers of the first. */
static enum status send_rest(struct postgres_store *pg, struct error *err)
{
	enum status status = postgres_send_deliveries(pg, err);

	if (status == STATUS_OK)
		status = postgres_send_attempts(pg, err);
	return status;
}

static enum status take_rest(struct postgres_store *pg, struct error *err)
{
	enum status status = STATUS_OK;

	while (status == STATUS_OK && pg->pipeline.taken_count < pg->pipeline.sent_count)
		status = postgres_take(&pg->pipeline, NULL, err);
	return postgres_take_end(&pg->pipeline, status, err);
}

static bool has_work(const struct postgres_batch *batch)
{
	return batch->events_count > 0 || batch->verdicts_count > 0 || batch->claims_count > 0;
}

/* As far as the second trip: what is sent then is not on its way yet. */
static enum status carry_over(struct postgres_store *pg, struct error *err)
{
	enum status status;

	if (!has_work(&pg->batch))
		return STATUS_OK;
	status = ensure_days(pg, err);
	if (status == STATUS_OK)
		status = first_trip(pg, err);
	if (status == STATUS_OK)
		status = postgres_resolve_duplicates(pg, err);
	if (status == STATUS_OK)
		status = postgres_name_sources(pg, err);
	if (status == STATUS_OK)
		status = send_rest(pg, err);
	forget(&pg->batch);
	return status;
}

enum status postgres_flush(struct store *store, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	enum status status = carry_over(pg, err);

	if (status == STATUS_OK && pg->pipeline.sent_count > 0)
		status = postgres_go(&pg->pipeline, err);
	if (status == STATUS_OK && pg->pipeline.sent_count > 0)
		status = take_rest(pg, err);
	return status;
}

/* The last answer: a transaction that failed before says ROLLBACK here, and no error. */
static enum status take_commit(struct postgres_store *pg, struct error *err)
{
	struct postgres_rows rows = { 0 };
	enum status status = STATUS_OK;
	bool is_committed;

	while (status == STATUS_OK && pg->pipeline.taken_count + 1 < pg->pipeline.sent_count)
		status = postgres_take(&pg->pipeline, NULL, err);
	if (status == STATUS_OK)
		status = postgres_take(&pg->pipeline, &rows, err);
	is_committed = status == STATUS_OK && postgres_is_commit(&rows);
	postgres_rows_free(&rows);
	if (status == STATUS_OK && !is_committed) {
		error_set(err, "store: PostgreSQL: commit: rolled back");
		status = STATUS_IO;
	}
	if (is_committed && postgres_take_committed_alone(&pg->pipeline)) {
		error_set(err, "store: PostgreSQL: commit: the standbys did not confirm it");
		status = STATUS_UNCERTAIN;
	}
	/* Once the answer is there, losing the connection changes nothing. */
	if (postgres_has_session(&pg->pipeline))
		(void)postgres_take_end(&pg->pipeline, STATUS_OK, NULL);
	return status;
}

/* From the moment it is handed to the connection, only an answer tells what became of it. */
static enum status send_commit(struct postgres_store *pg, struct error *err)
{
	enum status status = postgres_send(&pg->pipeline, PG_COMMIT, NULL, err);

	if (status == STATUS_OK)
		status = postgres_go(&pg->pipeline, err);
	if (status == STATUS_OK)
		status = take_commit(pg, err);
	return status == STATUS_IO && !postgres_has_session(&pg->pipeline) ? STATUS_UNCERTAIN
									   : status;
}

enum status postgres_commit(struct store *store, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	enum status status = carry_over(pg, err);

	if (status == STATUS_OK && !pg->pipeline.is_begun)
		return STATUS_OK;
	if (status == STATUS_OK)
		status = send_counters(pg, err);
	if (status == STATUS_OK)
		status = send_hint(pg, err);
	if (status == STATUS_OK)
		status = send_commit(pg, err);
	if (status == STATUS_UNCERTAIN)
		postgres_lease_in_doubt(pg, pg->batch.lease);
	if (status == STATUS_OK)
		pg->pipeline.is_begun = false;
	return status;
}

void postgres_rollback(struct store *store)
{
	struct postgres_store *pg = postgres_store_of(store);

	forget(&pg->batch);
	pg->sweep = pg->sweep_at_begin;
	if (pg->pipeline.sent_count > 0)
		(void)postgres_take_end(&pg->pipeline, STATUS_OK, NULL);
	if (pg->pipeline.is_begun && postgres_has_session(&pg->pipeline))
		(void)postgres_run(&pg->pipeline, PG_ROLLBACK, NULL, NULL, NULL);
	pg->pipeline.is_begun = false;
	/* Days that were added in it are gone with it. */
	postgres_forget_days(&pg->partitions);
}

enum status postgres_transaction(struct postgres_store *pg,
	enum status (*step)(struct postgres_store *pg, void *argument, struct error *err),
	void *argument, struct error *err)
{
	enum status status = postgres_begin(&pg->base, err);

	if (status == STATUS_OK)
		status = postgres_ensure_begun(&pg->pipeline, err);
	if (status == STATUS_OK)
		status = step(pg, argument, err);
	if (status == STATUS_OK)
		status = postgres_commit(&pg->base, err);
	if (status == STATUS_OK) {
		store_counters_commit(&pg->base.counters);
		return STATUS_OK;
	}
	postgres_rollback(&pg->base);
	store_counters_rollback(&pg->base.counters);
	return status;
}
