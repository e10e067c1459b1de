/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "backend/rows.h"
#include "parts.h"
#include "repostal/memory.h"

enum {
	DUPLICATE_ROUNDS_MAX = 4 /* a duplicate may come and go between two statements */
};

/* Places in the batch, in the order of arrival: a portion takes one block of ids. */
struct portion {
	size_t places[PG_EVENT_BLOCK];
	size_t count;
};

static struct store_event *event_at(
	const struct postgres_store *pg, const struct portion *portion, size_t n)
{
	return pg->batch.events[portion->places[n]].event;
}

struct sorted {
	int64_t occurred_ms;
	uint64_t identity;
	size_t n;
};

static int compare_sorted(const void *a, const void *b)
{
	const struct sorted *one = a, *other = b;

	if (one->occurred_ms != other->occurred_ms)
		return one->occurred_ms < other->occurred_ms ? -1 : 1;
	if (one->identity != other->identity)
		return one->identity < other->identity ? -1 : 1;
	return one->n < other->n ? -1 : one->n > other->n;
}

/* As the unique index has them: see PG_EVENT_INSERT. */
static void sort_portion(const struct postgres_store *pg, const struct portion *portion,
	struct sorted sorted[PG_EVENT_BLOCK])
{
	for (size_t n = 0; n < portion->count; n++) {
		const struct store_event *event = event_at(pg, portion, n);

		sorted[n] = (struct sorted){ event->occurred_ms, event->identity, n };
	}
	qsort(sorted, portion->count, sizeof(sorted[0]), compare_sorted);
}

static void add_numbers(struct postgres_params *params, const struct postgres_store *pg,
	const struct portion *portion, const struct sorted *sorted)
{
	postgres_array_begin(params, POSTGRES_INT4);
	for (size_t i = 0; i < portion->count; i++)
		postgres_array_int4(params, (int32_t)sorted[i].n);
	postgres_array_end(params);
	postgres_array_begin(params, POSTGRES_INT8);
	for (size_t i = 0; i < portion->count; i++)
		postgres_array_int8(params, sorted[i].occurred_ms);
	postgres_array_end(params);
	postgres_array_begin(params, POSTGRES_INT8);
	for (size_t i = 0; i < portion->count; i++)
		postgres_array_int8(params, (int64_t)sorted[i].identity);
	postgres_array_end(params);
	postgres_array_begin(params, POSTGRES_INT8);
	for (size_t i = 0; i < portion->count; i++)
		postgres_array_int8(params, event_at(pg, portion, sorted[i].n)->received_us);
	postgres_array_end(params);
}

static void add_kinds(struct postgres_params *params, const struct postgres_store *pg,
	const struct portion *portion, const struct sorted *sorted)
{
	for (int column = 0; column < 3; column++) {
		postgres_array_begin(params, POSTGRES_INT4);
		for (size_t i = 0; i < portion->count; i++) {
			const struct store_event *event = event_at(pg, portion, sorted[i].n);

			postgres_array_int4(params, column == 0   ? event->source
						    : column == 1 ? event->kind
								  : event->type);
		}
		postgres_array_end(params);
	}
}

static void add_content_type(struct postgres_params *params, struct slice content_type)
{
	if (slice_equal(content_type, store_content_type_usual))
		postgres_array_null(params);
	else
		postgres_array_bytes(params, content_type);
}

static void add_bodies(struct postgres_params *params, const struct postgres_store *pg,
	const struct portion *portion, const struct sorted *sorted)
{
	postgres_array_begin(params, POSTGRES_BYTEA);
	for (size_t i = 0; i < portion->count; i++)
		add_content_type(params, event_at(pg, portion, sorted[i].n)->content_type);
	postgres_array_end(params);
	postgres_array_begin(params, POSTGRES_BYTEA);
	for (size_t i = 0; i < portion->count; i++)
		postgres_array_bytes(params, event_at(pg, portion, sorted[i].n)->raw);
	postgres_array_end(params);
}

static enum status send_portion(
	struct postgres_store *pg, const struct portion *portion, struct error *err)
{
	struct sorted sorted[PG_EVENT_BLOCK];
	struct postgres_params params;
	enum status status;

	sort_portion(pg, portion, sorted);
	postgres_params_init(&params);
	add_numbers(&params, pg, portion, sorted);
	add_kinds(&params, pg, portion, sorted);
	add_bodies(&params, pg, portion, sorted);
	status = postgres_send(&pg->pipeline, PG_EVENT_INSERT, &params, err);
	postgres_params_free(&params);
	return status;
}

/* Those that were inserted come back, by their ids. */
static enum status take_portion(
	struct postgres_store *pg, const struct portion *portion, struct error *err)
{
	struct postgres_rows rows = { 0 };
	enum status status = postgres_take(&pg->pipeline, &rows, err);

	for (int i = 0; i < rows.count; i++) {
		int64_t id = postgres_int(&rows, i, 0);
		size_t n = (size_t)(id % PG_EVENT_BLOCK);
		struct store_event *event;

		REPOSTAL_ASSERT(n < portion->count);
		event = event_at(pg, portion, n);
		event->id = id;
		event->lease = pg->batch.lease;
		pg->batch.events[portion->places[n]].is_inserted = true;
	}
	postgres_rows_free(&rows);
	return status;
}

static bool next_portion(const struct postgres_batch *batch, size_t *at, struct portion *portion)
{
	portion->count = 0;
	while (*at < batch->events_count && portion->count < PG_EVENT_BLOCK)
		portion->places[portion->count++] = (*at)++;
	return portion->count > 0;
}

enum status postgres_send_events(struct postgres_store *pg, struct error *err)
{
	struct portion portion;
	size_t at = 0;
	enum status status = STATUS_OK;

	while (status == STATUS_OK && next_portion(&pg->batch, &at, &portion))
		status = send_portion(pg, &portion, err);
	return status;
}

enum status postgres_take_events(struct postgres_store *pg, struct error *err)
{
	struct portion portion;
	size_t at = 0;
	enum status status = STATUS_OK;

	while (status == STATUS_OK && next_portion(&pg->batch, &at, &portion))
		status = take_portion(pg, &portion, err);
	return status;
}

/* The next places whose events were neither inserted nor found to be duplicates. */
static bool next_open(const struct postgres_batch *batch, size_t *at, struct portion *portion)
{
	portion->count = 0;
	for (; *at < batch->events_count && portion->count < PG_EVENT_BLOCK; (*at)++)
		if (!batch->events[*at].is_inserted && !batch->events[*at].event->duplicate)
			portion->places[portion->count++] = *at;
	return portion->count > 0;
}

static enum status find_duplicates(struct postgres_store *pg, const struct portion *portion,
	struct postgres_rows *rows, struct error *err)
{
	struct postgres_params params;
	enum status status;

	postgres_params_init(&params);
	postgres_array_begin(&params, POSTGRES_INT4);
	for (size_t n = 0; n < portion->count; n++)
		postgres_array_int4(&params, (int32_t)n);
	postgres_array_end(&params);
	postgres_array_begin(&params, POSTGRES_INT8);
	for (size_t n = 0; n < portion->count; n++)
		postgres_array_int8(&params, event_at(pg, portion, n)->occurred_ms);
	postgres_array_end(&params);
	postgres_array_begin(&params, POSTGRES_INT8);
	for (size_t n = 0; n < portion->count; n++)
		postgres_array_int8(&params, (int64_t)event_at(pg, portion, n)->identity);
	postgres_array_end(&params);
	status = postgres_run(&pg->pipeline, PG_EVENT_DUPLICATES, &params, rows, err);
	postgres_params_free(&params);
	return status;
}

/*
 * The same event, received within dedup_window, makes this one a duplicate. An older one gives the identity
 * up and stays as it is.
 */
static enum status decide_duplicates(struct postgres_store *pg, const struct portion *portion,
	const struct postgres_rows *rows, struct error *err)
{
	int64_t too_old[PG_EVENT_BLOCK];
	size_t too_old_count = 0;
	struct postgres_params params;
	enum status status;

	for (int i = 0; i < rows->count; i++) {
		struct store_event *event = event_at(pg, portion, (size_t)postgres_int(rows, i, 0));
		int64_t age_us = event->received_us - postgres_int(rows, i, 2);

		if (age_us / 1000 < pg->base.settings.dedup_window_ms) {
			event->id = postgres_int(rows, i, 1);
			event->duplicate = true;
		} else {
			too_old[too_old_count++] = postgres_int(rows, i, 1);
		}
	}
	if (too_old_count == 0)
		return STATUS_OK;
	postgres_params_init(&params);
	postgres_add_int8s(&params, too_old, too_old_count);
	status = postgres_run(&pg->pipeline, PG_EVENT_FORGET_IDENTITY, &params, NULL, err);
	postgres_params_free(&params);
	return status;
}

static enum status resolve_portion(
	struct postgres_store *pg, const struct portion *portion, struct error *err)
{
	struct postgres_rows rows = { 0 };
	struct portion again;
	size_t at = portion->places[0];
	enum status status = find_duplicates(pg, portion, &rows, err);

	if (status == STATUS_OK)
		status = decide_duplicates(pg, portion, &rows, err);
	postgres_rows_free(&rows);
	if (status != STATUS_OK || !next_open(&pg->batch, &at, &again))
		return status;
	status = send_portion(pg, &again, err);
	if (status == STATUS_OK)
		status = postgres_go(&pg->pipeline, err);
	if (status == STATUS_OK)
		status = take_portion(pg, &again, err);
	return postgres_take_end(&pg->pipeline, status, err);
}

enum status postgres_resolve_duplicates(struct postgres_store *pg, struct error *err)
{
	struct portion portion;
	enum status status = STATUS_OK;

	for (int round = 0; round < DUPLICATE_ROUNDS_MAX; round++) {
		size_t at = 0;
		bool any = false;

		while (status == STATUS_OK && next_open(&pg->batch, &at, &portion)) {
			any = true;
			status = resolve_portion(pg, &portion, err);
		}
		if (status != STATUS_OK || !any)
			return status;
	}
	error_set(err, "store: PostgreSQL: a duplicate of an event comes and goes");
	return STATUS_IO;
}

static bool is_plain(const struct store_new_delivery *delivery)
{
	return delivery->order_key == 0 || delivery->is_refused;
}

/* One column of the new deliveries; each statement takes those of its kind. */
enum column {
	COLUMN_ID,
	COLUMN_STATE,
	COLUMN_ATTEMPTS,
	COLUMN_DUE,
	COLUMN_LEASE,
	COLUMN_ORDER_KEY,
	COLUMN_TYPE,
	COLUMN_TRANSPORT
};

/* Of a final one: when it ended, by our clock. */
static int64_t due_of_new(const struct postgres_store *pg, const struct store_event *event,
	const struct store_new_delivery *delivery)
{
	return delivery->is_refused ? event->received_us / 1000
				    : postgres_server_ms(pg, event->received_us / 1000);
}

static void add_cell(struct postgres_store *pg, struct postgres_params *params, enum column column,
	const struct store_event *event, const struct store_new_delivery *delivery)
{
	switch (column) {
	case COLUMN_ID:
		postgres_array_int8(params, store_delivery_id(event->id, delivery->target));
		break;
	case COLUMN_STATE:
		postgres_array_int4(params, store_state_of_new(delivery));
		break;
	case COLUMN_ATTEMPTS:
		postgres_array_int4(params, store_attempts_of_new(delivery));
		break;
	case COLUMN_DUE:
		postgres_array_int8(params, due_of_new(pg, event, delivery));
		break;
	case COLUMN_LEASE:
		postgres_array_int8(
			params, store_attempts_of_new(delivery) == 1 ? event->lease : 0);
		break;
	case COLUMN_ORDER_KEY:
		postgres_array_int8(params, delivery->order_key);
		break;
	case COLUMN_TYPE:
		postgres_array_int4(params, store_type(event->type));
		break;
	case COLUMN_TRANSPORT:
		postgres_array_int4(params, store_transport_of_new(delivery));
		break;
	}
}

static size_t add_column(
	struct postgres_store *pg, struct postgres_params *params, enum column column, bool plain)
{
	bool is_int4 = column == COLUMN_STATE || column == COLUMN_ATTEMPTS ||
		       column == COLUMN_TYPE || column == COLUMN_TRANSPORT;
	size_t count = 0;

	postgres_array_begin(params, is_int4 ? POSTGRES_INT4 : POSTGRES_INT8);
	for (size_t i = 0; i < pg->batch.events_count; i++) {
		const struct store_event *event = pg->batch.events[i].event;

		if (!pg->batch.events[i].is_inserted)
			continue;
		for (size_t d = 0; d < event->deliveries_count; d++)
			if (is_plain(&event->deliveries[d]) == plain) {
				add_cell(pg, params, column, event, &event->deliveries[d]);
				count++;
			}
	}
	postgres_array_end(params);
	return count;
}

static enum status send_columns(struct postgres_store *pg, enum postgres_statement which,
	bool plain, const enum column *columns, size_t columns_count, struct error *err)
{
	struct postgres_params params;
	size_t count = 0;
	enum status status = STATUS_OK;

	postgres_params_init(&params);
	for (size_t i = 0; i < columns_count; i++)
		count = add_column(pg, &params, columns[i], plain);
	if (count > 0)
		status = postgres_send(&pg->pipeline, which, &params, err);
	postgres_params_free(&params);
	return status;
}

static enum status send_search_keys(struct postgres_store *pg, struct error *err)
{
	struct postgres_params params;
	size_t count = 0;
	enum status status = STATUS_OK;

	postgres_params_init(&params);
	for (int column = 0; column < 3; column++) {
		postgres_array_begin(&params, column == 0 ? POSTGRES_INT4 : POSTGRES_INT8);
		for (size_t i = 0; i < pg->batch.events_count; i++) {
			const struct store_event *event = pg->batch.events[i].event;

			if (!pg->batch.events[i].is_inserted)
				continue;
			for (size_t k = 0; k < STORE_SEARCH_KEYS; k++) {
				if (event->search_keys[k] == 0)
					continue;
				count++;
				if (column == 0)
					postgres_array_int4(
						&params, (int32_t)(event->received_us / PG_DAY_US));
				else
					postgres_array_int8(&params,
						column == 1 ? event->search_keys[k] : event->id);
			}
		}
		postgres_array_end(&params);
	}
	if (count > 0)
		status = postgres_send(&pg->pipeline, PG_SEARCH_INSERT, &params, err);
	postgres_params_free(&params);
	return status;
}

/* Counted before they are written: max_backlog holds within a transaction too. */
void postgres_count_new(struct postgres_store *pg, const struct store_event *event, int64_t sign)
{
	for (size_t d = 0; d < event->deliveries_count; d++)
		store_count_new(&pg->base, event, &event->deliveries[d], sign);
}

static void note_deliveries(struct postgres_store *pg)
{
	for (size_t i = 0; i < pg->batch.events_count; i++) {
		const struct store_event *event = pg->batch.events[i].event;

		if (!pg->batch.events[i].is_inserted) {
			postgres_count_new(pg, event, -1);
			continue;
		}
		for (size_t d = 0; d < event->deliveries_count; d++) {
			if (store_state_of_new(&event->deliveries[d]) == DELIVERY_WAITING)
				pg->batch.wrote_waiting = true;
			if (!is_plain(&event->deliveries[d]))
				pg->is_ordered[event->deliveries[d].target] = true;
		}
	}
}

enum status postgres_send_deliveries(struct postgres_store *pg, struct error *err)
{
	static const enum column plain[] = { COLUMN_ID, COLUMN_STATE, COLUMN_ATTEMPTS, COLUMN_DUE,
		COLUMN_LEASE, COLUMN_TYPE, COLUMN_TRANSPORT };
	static const enum column ordered[] = { COLUMN_ID, COLUMN_DUE, COLUMN_ORDER_KEY,
		COLUMN_TYPE };
	enum status status;

	if (pg->batch.events_count == 0)
		return STATUS_OK;
	note_deliveries(pg);
	status = send_columns(pg, PG_DELIVERY_INSERT, true, plain, ARRAY_COUNT(plain), err);
	if (status == STATUS_OK)
		status = send_columns(
			pg, PG_DELIVERY_INSERT_ORDERED, false, ordered, ARRAY_COUNT(ordered), err);
	if (status == STATUS_OK)
		status = send_search_keys(pg, err);
	return status;
}
