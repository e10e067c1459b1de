/* SPDX-License-Identifier: MIT */
/*
 * What is done once a second, or when a notification hints at it: leases renewed, those of processes that
 * are gone ended, news read. And the beginning and the end of a process.
 */
#include "batch.h"
#include "lease.h"
#include "refresh.h"
#include "repostal/clock.h"
#include "repostal/log.h"
#include "repostal/memory.h"
#include "steps.h"

enum {
	UNOWNED_INTERVAL_MS = 30 * 1000,
	DAYS_INTERVAL_MS = 10 * 60 * 1000,
	BYTES_INTERVAL_MS = 10 * 1000,
	IN_DOUBT_MS = 60 * 60 * 1000, /* a commit may wait for its standby for long */
	CLOCK_SLACK_MS = 100,         /* less is the noise of asking */
};

/* What was leased has had its attempt counted: it waits for another one now. */
static void count_ended(struct postgres_store *pg, const struct postgres_rows *rows, bool expired)
{
	for (int i = 0; i < rows->count; i++)
		store_counters_add(&pg->base.counters, (uint16_t)postgres_int(rows, i, 0),
			(struct store_target_counts){ .retrying = 1 });
	if (expired)
		pg->base.takeovers.leases_expired += rows->count;
	if (rows->count > 0)
		pg->batch.wrote_waiting = true;
}

static enum status end_leases(
	struct postgres_store *pg, int64_t first, int64_t last, bool expired, struct error *err)
{
	struct postgres_rows rows = { 0 };
	enum status status = postgres_run_numbers(
		&pg->pipeline, PG_LEASES_END, (int64_t[]){ first, last }, 2, &rows, err);

	count_ended(pg, &rows, expired);
	postgres_rows_free(&rows);
	return status;
}

static enum status end_leases_of(struct postgres_store *pg, int64_t instance, struct error *err)
{
	return end_leases(pg, instance << PG_LEASE_BITS, (instance << PG_LEASE_BITS) + UINT32_MAX,
		instance != pg->instance, err);
}

static enum status reap(struct postgres_store *pg, void *argument, struct error *err)
{
	struct postgres_rows gone = { 0 };
	enum status status =
		postgres_run_numbers(&pg->pipeline, PG_INSTANCE_REAP, NULL, 0, &gone, err);

	(void)argument;
	for (int i = 0; status == STATUS_OK && i < gone.count; i++) {
		int64_t instance = postgres_int(&gone, i, 0);

		status = end_leases_of(pg, instance, err);
		log_event(LOG_LEVEL_WARN, "store.instance_expired", LOG_INT("instance", instance),
			LOG_INT("leases_expired", pg->base.takeovers.leases_expired));
	}
	if (status == STATUS_OK && gone.count > 0)
		status = postgres_run_numbers(&pg->pipeline, PG_COUNTERS_FOLD, NULL, 0, NULL, err);
	postgres_rows_free(&gone);
	return status;
}

static enum status end_in_doubt(struct postgres_store *pg, void *argument, struct error *err)
{
	enum status status = STATUS_OK;

	(void)argument;
	for (size_t i = 0; status == STATUS_OK && i < pg->in_doubt_count; i++)
		status = end_leases(pg, pg->in_doubt[i].lease, pg->in_doubt[i].lease, false, err);
	return status;
}

static enum status end_unowned(struct postgres_store *pg, void *argument, struct error *err)
{
	struct postgres_rows rows = { 0 };
	enum status status =
		postgres_run_numbers(&pg->pipeline, PG_LEASES_OF_NOBODY, NULL, 0, &rows, err);

	(void)argument;
	count_ended(pg, &rows, true);
	postgres_rows_free(&rows);
	return status;
}

static enum status deregister(struct postgres_store *pg, void *argument, struct error *err)
{
	enum status status = end_leases_of(pg, pg->instance, err);

	(void)argument;
	if (status == STATUS_OK)
		status = postgres_run_numbers(
			&pg->pipeline, PG_INSTANCE_END, (int64_t[]){ pg->instance }, 1, NULL, err);
	if (status == STATUS_OK)
		status = postgres_run_numbers(&pg->pipeline, PG_COUNTERS_FOLD, NULL, 0, NULL, err);
	return status;
}

void postgres_deregister(struct postgres_store *pg)
{
	if (!postgres_has_session(&pg->pipeline) || pg->instance == 0)
		return;
	(void)postgres_transaction(pg, deregister, NULL, NULL);
	pg->instance = 0;
}

/* In the front's transaction. */
enum status postgres_recover(struct store *store, int64_t now_ms, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	enum status status = postgres_ensure_begun(&pg->pipeline, err);

	(void)now_ms; /* what was leased was due when it was: it is due now */
	if (status == STATUS_OK)
		status = reap(pg, NULL, err);
	return status;
}

static enum status read_clock(struct postgres_store *pg, struct error *err)
{
	int64_t before_ms = clock_schedule_ms(), after_ms, ahead_ms, change_ms;
	struct postgres_rows rows = { 0 };
	enum status status = postgres_run_numbers(&pg->pipeline, PG_CLOCK, NULL, 0, &rows, err);

	if (status == STATUS_OK) {
		after_ms = clock_schedule_ms();
		ahead_ms = postgres_int(&rows, 0, 0) - (before_ms + after_ms) / 2;
		change_ms = ahead_ms - pg->clock_ahead_ms;
		if (change_ms > CLOCK_SLACK_MS || change_ms < -CLOCK_SLACK_MS)
			pg->clock_ahead_ms = ahead_ms;
	}
	postgres_rows_free(&rows);
	return status;
}

static enum status look_for_dead(struct postgres_store *pg, bool *dead_out, struct error *err)
{
	struct postgres_rows rows = { 0 };
	enum status status = postgres_run_numbers(
		&pg->pipeline, PG_INSTANCE_COUNT, &pg->base.config_mark, 1, &rows, err);

	if (status == STATUS_OK) {
		pg->instances_count = postgres_int(&rows, 0, 0);
		*dead_out = postgres_int(&rows, 0, 1) > 0;
		pg->base.differing = pg->base.config_mark == 0 ? 0 : postgres_int(&rows, 0, 2);
	}
	postgres_rows_free(&rows);
	return status;
}

static enum status tell_due(
	struct postgres_store *pg, int64_t now_ms, const struct store_news *news, struct error *err)
{
	int64_t server_ms = postgres_server_ms(pg, now_ms);
	struct postgres_rows rows = { 0 };
	enum status status =
		postgres_run_numbers(&pg->pipeline, PG_DUE_TARGETS, &server_ms, 1, &rows, err);

	for (int i = 0; news->on_due != NULL && i < rows.count; i++)
		news->on_due(news->context, (uint16_t)postgres_int(&rows, i, 0));
	postgres_rows_free(&rows);
	return status;
}

static bool is_time(int64_t *at_ms, int64_t now_ms, int64_t interval_ms)
{
	if (now_ms < *at_ms)
		return false;
	*at_ms = now_ms + interval_ms;
	return true;
}

/* Tomorrow's partitions are there before midnight, so that no event waits for them. */
static enum status prepare_days(struct postgres_store *pg, int64_t now_ms, struct error *err)
{
	int64_t today = now_ms / (PG_DAY_US / 1000);
	enum status status = postgres_ensure_day(&pg->partitions, &pg->pipeline, today, err);

	return status == STATUS_OK
		       ? postgres_ensure_day(&pg->partitions, &pg->pipeline, today + 1, err)
		       : status;
}

static void forget_old_in_doubt(struct postgres_store *pg, int64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < pg->in_doubt_count; i++)
		if (now_ms - pg->in_doubt[i].since_ms < IN_DOUBT_MS)
			pg->in_doubt[kept++] = pg->in_doubt[i];
	pg->in_doubt_count = kept;
}

static enum status end_void_leases(struct postgres_store *pg, struct error *err)
{
	int64_t now_ms = clock_monotonic_ms();
	bool dead = false;
	enum status status = look_for_dead(pg, &dead, err);

	if (status == STATUS_OK && dead)
		status = postgres_transaction(pg, reap, NULL, err);
	if (status == STATUS_OK && pg->in_doubt_count > 0) {
		status = postgres_transaction(pg, end_in_doubt, NULL, err);
		forget_old_in_doubt(pg, now_ms);
	}
	if (status == STATUS_OK && is_time(&pg->unowned_at_ms, now_ms, UNOWNED_INTERVAL_MS))
		status = postgres_transaction(pg, end_unowned, NULL, err);
	return status;
}

static enum status measure(struct postgres_store *pg, struct error *err)
{
	struct postgres_rows rows = { 0 };
	enum status status = postgres_run_numbers(&pg->pipeline, PG_BYTES, NULL, 0, &rows, err);

	if (status == STATUS_OK)
		pg->bytes = postgres_int(&rows, 0, 0);
	postgres_rows_free(&rows);
	return status;
}

enum status postgres_poll(
	struct store *store, int64_t now_ms, const struct store_news *news, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	int64_t mono_ms = clock_monotonic_ms();
	enum status status = postgres_ensure_alive(pg, err);

	if (status == STATUS_OK &&
		(mono_ms >= pg->renew_at_ms || pg->renewed_for_ms != pg->base.lease_ms ||
			pg->renewed_mark != pg->base.config_mark))
		status = postgres_renew(pg, err);
	if (status == STATUS_OK)
		status = read_clock(pg, err);
	if (status == STATUS_OK)
		status = end_void_leases(pg, err);
	if (status == STATUS_OK)
		status = postgres_refresh_names(pg, news, err);
	if (status == STATUS_OK)
		status = postgres_refresh_counters(pg, err);
	if (status == STATUS_OK && is_time(&pg->days_at_ms, mono_ms, DAYS_INTERVAL_MS))
		status = prepare_days(pg, now_ms, err);
	if (status == STATUS_OK && is_time(&pg->bytes_at_ms, mono_ms, BYTES_INTERVAL_MS))
		status = measure(pg, err);
	if (status == STATUS_OK)
		status = tell_due(pg, now_ms, news, err);
	return status;
}
