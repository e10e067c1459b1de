/* SPDX-License-Identifier: MIT */
/*
 * Removal of what is old: sqlite/sweep.c has the rules. Here one process of many does it at a time;
 * the others find the lock taken and come again. Space is given back by autovacuum (for new rows) and
 * by dropping days of attempts and search keys.
 */

#include "repostal/memory.h"
#include "steps.h"

enum {
	SCAN_MAX = 1000, /* as PG_SWEEP_SCAN has it */
	REMOVED_MAX = 500,
	REMOVED_SIZE_MAX = 1024 * 1024, /* of raw bytes; the first event always goes */
};

static int64_t longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static enum status scan(
	struct postgres_store *pg, int64_t now_ms, struct postgres_rows *rows, struct error *err)
{
	const struct store_settings *settings = &pg->base.settings;
	struct postgres_params params;
	enum status status;

	postgres_params_init(&params);
	postgres_add_int8(&params, pg->sweep.cursor);
	postgres_add_int8(&params, (now_ms - sweep_age_min_ms(settings)) * 1000);
	postgres_add_int8(&params, now_ms - settings->keep_delivered_ms);
	postgres_add_int8(&params, now_ms - settings->keep_dead_ms);
	postgres_add_int8(&params, (now_ms - settings->keep_delivered_ms) * 1000);
	status = postgres_run(&pg->pipeline, PG_SWEEP_SCAN, &params, rows, err);
	postgres_params_free(&params);
	return status;
}

static enum status remove_events(
	struct postgres_store *pg, const int64_t *ids, size_t ids_count, struct error *err)
{
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	enum status status;

	postgres_params_init(&params);
	postgres_add_int8s(&params, ids, ids_count);
	status = postgres_run(&pg->pipeline, PG_SWEEP_DELIVERIES, &params, &rows, err);
	for (int i = 0; i < rows.count; i++)
		store_counters_add(&pg->base.counters, (uint16_t)postgres_int(&rows, i, 0),
			(struct store_target_counts){ .dead = -postgres_int(&rows, i, 1) });
	postgres_rows_free(&rows);
	if (status == STATUS_OK)
		status = postgres_run(&pg->pipeline, PG_SWEEP_EVENTS, &params, NULL, err);
	postgres_params_free(&params);
	return status;
}

static enum status sweep_events(
	struct postgres_store *pg, int64_t now_ms, bool *more_out, struct error *err)
{
	struct postgres_rows rows = { 0 };
	int64_t ids[REMOVED_MAX], size = 0;
	size_t ids_count = 0;
	int i;
	enum status status = scan(pg, now_ms, &rows, err);

	for (i = 0; i < rows.count; i++) {
		bool goes = postgres_int(&rows, i, 1) != 0;

		size += goes ? postgres_int(&rows, i, 2) : 0;
		if (goes &&
			(ids_count == REMOVED_MAX || (ids_count > 0 && size > REMOVED_SIZE_MAX)))
			break;
		pg->sweep.cursor = postgres_int(&rows, i, 0);
		if (goes)
			ids[ids_count++] = pg->sweep.cursor;
		else
			pg->sweep.kept_count++;
	}
	*more_out = ids_count > 0 || rows.count == SCAN_MAX;
	if (status == STATUS_OK && i < SCAN_MAX && i == rows.count)
		*more_out = sweep_round_end(&pg->sweep, now_ms) || *more_out;
	postgres_rows_free(&rows);
	if (status == STATUS_OK && ids_count > 0)
		status = remove_events(pg, ids, ids_count, err);
	return status;
}

static enum status sweep_quarantine(
	struct postgres_store *pg, int64_t now_ms, bool *more_out, struct error *err)
{
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	enum status status;

	postgres_params_init(&params);
	postgres_add_int8(&params, (now_ms - pg->base.settings.keep_quarantine_ms) * 1000);
	status = postgres_run(&pg->pipeline, PG_SWEEP_QUARANTINE, &params, &rows, err);
	if (status == STATUS_OK) {
		int64_t removed_count = postgres_int(&rows, 0, 0);

		pg->base.counters.quarantined_change -= removed_count;
		*more_out = removed_count > 0;
	}
	postgres_rows_free(&rows);
	postgres_params_free(&params);
	return status;
}

/* A day goes when everything that ended on it has had its time, and a day more. */
static enum status sweep_days(
	struct postgres_store *pg, int64_t now_ms, bool *more_out, struct error *err)
{
	const struct store_settings *settings = &pg->base.settings;
	int64_t kept_ms = longer(settings->dedup_window_ms,
		longer(settings->keep_delivered_ms, settings->keep_dead_ms));

	return postgres_drop_days(
		&pg->pipeline, (now_ms - kept_ms) / (PG_DAY_US / 1000) - 1, more_out, err);
}

static enum status try_lock(struct postgres_store *pg, bool *locked_out, struct error *err)
{
	struct postgres_rows rows = { 0 };
	enum status status = postgres_run(&pg->pipeline, PG_SWEEP_LOCK, NULL, &rows, err);

	*locked_out = status == STATUS_OK && postgres_int(&rows, 0, 0) != 0;
	postgres_rows_free(&rows);
	return status;
}

/* One kind of work a call, so that a call stays short. */
enum status postgres_sweep(struct store *store, int64_t now_ms, bool *more_out, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	bool locked = false;
	enum status status = postgres_ensure_begun(&pg->pipeline, err);

	if (status == STATUS_OK)
		status = try_lock(pg, &locked, err);
	if (status != STATUS_OK || !locked)
		return status;
	status = sweep_events(pg, now_ms, more_out, err);
	if (status == STATUS_OK && !*more_out)
		status = sweep_quarantine(pg, now_ms, more_out, err);
	if (status == STATUS_OK && !*more_out)
		status = sweep_days(pg, now_ms, more_out, err);
	return status;
}
