/* SPDX-License-Identifier: MIT */
/*
 * What operators do; sqlite/change.c says what it means. A portion is found, locked, changed and
 * counted in a few statements, whatever its size.
 */
#include "backend/rows.h"
#include "batch.h"
#include "connection/filter.h"
#include "steps.h"

enum {
	PORTION_MAX = 4096
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

struct portion {
	int64_t ids[PORTION_MAX];
	size_t count;
};

/* One delivery by its name, as jobs and people say it: no text is made and planned for it. */
static bool is_one(const struct store_filter *filter)
{
	return filter->event != 0 && filter->target >= 0 && filter->type < 0 &&
	       filter->since_us == 0 && filter->until_us == 0 && filter->search_key == 0;
}

static enum status find_one(struct postgres_store *pg, struct store_change *change,
	struct portion *portion, struct error *err)
{
	const struct store_filter *filter = &change->filter;
	int64_t id = store_delivery_id(filter->event, (uint16_t)filter->target);
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	enum status status;

	postgres_params_init(&params);
	postgres_add_int8(&params, id);
	postgres_add_int4(&params, (int32_t)store_change_states(change));
	status = postgres_run(&pg->pipeline, PG_CHANGE_FIND_ONE, &params, &rows, err);
	if (rows.count > 0 && id > change->after)
		portion->ids[portion->count++] = id;
	change->done = status == STATUS_OK;
	postgres_rows_free(&rows);
	postgres_params_free(&params);
	return status;
}

/* Moves the change past what was found. */
static enum status find(struct postgres_store *pg, struct store_change *change,
	struct portion *portion, struct error *err)
{
	struct postgres_page page = {
		.filter = change->filter,
		.from = change->after,
		.scan_limit = smaller(change->scan_limit, 20000),
		.count_max = smaller(change->count_max, PORTION_MAX),
	};
	struct postgres_rows rows = { 0 };
	struct buf sql;
	enum status status;

	page.filter.states = store_change_states(change);
	buf_init(&sql, POSTGRES_FILTER_SIZE_MAX);
	postgres_filter_sql(&sql, &page);
	buf_append_text(&sql, " ORDER BY hits.id");
	status = postgres_run_text(&pg->pipeline, sql.data, &rows, err);
	buf_free(&sql);
	for (int i = 0; i < rows.count; i++)
		if (!postgres_is_null(&rows, i, 0))
			portion->ids[portion->count++] = postgres_int(&rows, i, 0);
	if (status == STATUS_OK && portion->count == page.count_max)
		change->after = portion->ids[portion->count - 1];
	else if (status == STATUS_OK && (size_t)postgres_int(&rows, 0, 1) >= page.scan_limit)
		change->after = postgres_int(&rows, 0, 2);
	else
		change->done = status == STATUS_OK;
	postgres_rows_free(&rows);
	return status;
}

static enum status on_ids(struct postgres_store *pg, enum postgres_statement which,
	const struct portion *portion, int64_t number, struct postgres_rows *rows,
	struct error *err)
{
	struct postgres_params params;
	enum status status;

	postgres_params_init(&params);
	postgres_add_int8s(&params, portion->ids, portion->count);
	if (which == PG_CHANGE_KEEP_ATTEMPTS)
		postgres_add_int4(&params, (int32_t)number);
	else
		postgres_add_int8(&params, number);
	status = postgres_run(&pg->pipeline, which, &params, rows, err);
	postgres_params_free(&params);
	return status;
}

static enum status lock_orders(
	struct postgres_store *pg, const struct portion *portion, struct error *err)
{
	struct postgres_params params;
	enum status status;

	postgres_params_init(&params);
	postgres_add_int8s(&params, portion->ids, portion->count);
	postgres_add_int8s(&params, NULL, 0);
	status = postgres_run(&pg->pipeline, PG_ORDER_LOCK, &params, NULL, err);
	postgres_params_free(&params);
	return status;
}

/* Rows: id, target, state and attempts as they were, whether it is ordered, its event's source. */
static void count_changed(
	struct postgres_store *pg, struct store_change *change, const struct postgres_rows *rows)
{
	for (int i = 0; i < rows->count; i++) {
		uint16_t target = (uint16_t)postgres_int(rows, i, 1);
		bool was_waiting = postgres_int(rows, i, 2) == DELIVERY_WAITING;
		struct store_target_counts counts = {
			.open = was_waiting ? -1 : 0,
			.retrying = was_waiting && postgres_int(rows, i, 3) > 0 ? -1 : 0,
			.dead = postgres_int(rows, i, 2) == DELIVERY_DEAD ? -1 : 0,
		};

		counts.open += change->kind == STORE_CHANGE_RETRY;
		store_counters_add(&pg->base.counters, target, counts);
		store_counters_add_source(
			&pg->base.counters, (uint16_t)postgres_int(rows, i, 5), counts.open);
		if (change->kind == STORE_CHANGE_DISCARD)
			store_counters_discard(&pg->base.counters, target);
		if (change->kind == STORE_CHANGE_RETRY ||
			(was_waiting && postgres_int(rows, i, 4) != 0))
			store_change_touch(change, target);
		change->changed++;
	}
	if (rows->count > 0)
		pg->batch.wrote_waiting = true;
}

static enum status retry(struct postgres_store *pg, struct store_change *change,
	const struct portion *portion, struct error *err)
{
	int64_t day = change->now_ms / (PG_DAY_US / 1000);
	struct postgres_rows rows = { 0 };
	enum status status = postgres_ensure_day(&pg->partitions, &pg->pipeline, day, err);

	if (status == STATUS_OK)
		status = on_ids(pg, PG_CHANGE_KEEP_ATTEMPTS, portion, day, NULL, err);
	if (status == STATUS_OK)
		status = on_ids(pg, PG_CHANGE_RETRY, portion,
			postgres_server_ms(pg, change->now_ms), &rows, err);
	count_changed(pg, change, &rows);
	postgres_rows_free(&rows);
	return status;
}

static enum status discard(struct postgres_store *pg, struct store_change *change,
	const struct portion *portion, struct error *err)
{
	struct postgres_rows rows = { 0 };
	enum status status = on_ids(pg, PG_CHANGE_DISCARD, portion, change->now_ms, &rows, err);

	count_changed(pg, change, &rows);
	postgres_rows_free(&rows);
	if (status == STATUS_OK)
		status = on_ids(pg, PG_ORDER_RELEASE, portion,
			postgres_server_ms(pg, change->now_ms), NULL, err);
	return status;
}

/* What was gathered before is carried out before. */
static enum status begin_now(struct store *store, struct error *err)
{
	enum status status = postgres_flush(store, err);

	return status == STATUS_OK ? postgres_ensure_begun(&postgres_store_of(store)->pipeline, err)
				   : status;
}

enum status postgres_change(struct store *store, struct store_change *change, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	struct portion portion = { .count = 0 };
	enum status status;

	if (store_change_states(change) == 0) {
		change->done = true;
		return STATUS_OK;
	}
	status = begin_now(store, err);
	if (status == STATUS_OK)
		status = is_one(&change->filter) ? find_one(pg, change, &portion, err)
						 : find(pg, change, &portion, err);
	if (status != STATUS_OK || portion.count == 0)
		return status;
	status = lock_orders(pg, &portion, err);
	if (status != STATUS_OK)
		return status;
	switch (change->kind) {
	case STORE_CHANGE_RETRY:
		return retry(pg, change, &portion, err);
	case STORE_CHANGE_DISCARD:
		return discard(pg, change, &portion, err);
	}
	return STATUS_OK; /* not reached: -Wswitch guards the cases */
}

enum status postgres_number_anew(struct store *store, int64_t event, uint16_t target, int more,
	int *number_out, bool *found_out, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	enum status status = begin_now(store, err);

	postgres_params_init(&params);
	postgres_add_int8(&params, store_delivery_id(event, target));
	postgres_add_int4(&params, more);
	if (status == STATUS_OK)
		status = postgres_run(&pg->pipeline, PG_CHANGE_NUMBER_ANEW, &params, &rows, err);
	*found_out = rows.count > 0;
	*number_out = *found_out ? (int)postgres_int(&rows, 0, 0) : 0;
	postgres_rows_free(&rows);
	postgres_params_free(&params);
	return status;
}

/* Under the day of now: that of the event may be gone before what is sent again. */
enum status postgres_add_search_key(
	struct store *store, int64_t event, int64_t key, int64_t now_ms, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	int64_t day = now_ms / (PG_DAY_US / 1000);
	struct postgres_params params;
	enum status status = begin_now(store, err);

	if (status == STATUS_OK)
		status = postgres_ensure_day(&pg->partitions, &pg->pipeline, day, err);
	postgres_params_init(&params);
	postgres_array_begin(&params, POSTGRES_INT4);
	postgres_array_int4(&params, (int32_t)day);
	postgres_array_end(&params);
	postgres_add_int8s(&params, &key, 1);
	postgres_add_int8s(&params, &event, 1);
	if (status == STATUS_OK)
		status = postgres_run(&pg->pipeline, PG_SEARCH_INSERT, &params, NULL, err);
	postgres_params_free(&params);
	return status;
}

enum status postgres_pause(
	struct store *store, uint16_t target, bool paused, struct slice reason, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	struct postgres_params params;
	enum status status = postgres_ensure_begun(&pg->pipeline, err);

	postgres_params_init(&params);
	postgres_add_int4(&params, target);
	postgres_add_int4(&params, paused ? 1 : 0);
	postgres_add_bytes(&params, reason);
	if (status == STATUS_OK)
		status = postgres_run(&pg->pipeline, PG_TARGET_PAUSE, &params, NULL, err);
	pg->batch.wrote_pause = true;
	postgres_params_free(&params);
	return status;
}
