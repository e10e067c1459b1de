/* SPDX-License-Identifier: MIT */
/*
 * Verdicts, the attempts they leave, and deliveries of one order_key: one is due, the others are held
 * (sqlite/order.c says how). A transaction that adds to an order or ends one of it holds the order's lock.
 */
#include <stdlib.h>

#include "backend/rows.h"
#include "parts.h"
#include "repostal/memory.h"

static int64_t verdict_id(const struct store_verdict *verdict)
{
	return store_delivery_id(verdict->event, verdict->target);
}

static bool is_final(const struct store_verdict *verdict)
{
	return verdict->next != DELIVERY_WAITING;
}

/* The order's lock, as PG_ORDER_LOCK makes it from a row. */
static int64_t order_lock(uint16_t target, int64_t order_key)
{
	return order_key ^ target;
}

static size_t add_ended(struct postgres_store *pg, struct postgres_params *params)
{
	const struct postgres_batch *batch = &pg->batch;
	size_t count = 0;

	postgres_array_begin(params, POSTGRES_INT8);
	for (size_t i = 0; i < batch->verdicts_count; i++)
		if (is_final(&batch->verdicts[i]) && pg->is_ordered[batch->verdicts[i].target]) {
			postgres_array_int8(params, verdict_id(&batch->verdicts[i]));
			count++;
		}
	postgres_array_end(params);
	return count;
}

static size_t add_order_locks(struct postgres_store *pg, struct postgres_params *params)
{
	size_t count = 0;

	postgres_array_begin(params, POSTGRES_INT8);
	for (size_t i = 0; i < pg->batch.events_count; i++) {
		const struct store_event *event = pg->batch.events[i].event;

		for (size_t d = 0; d < event->deliveries_count; d++)
			if (event->deliveries[d].order_key != 0) {
				postgres_array_int8(
					params, order_lock(event->deliveries[d].target,
							event->deliveries[d].order_key));
				count++;
			}
	}
	postgres_array_end(params);
	return count;
}

enum status postgres_send_order_lock(struct postgres_store *pg, struct error *err)
{
	struct postgres_params params;
	size_t count;
	enum status status = STATUS_OK;

	postgres_params_init(&params);
	count = add_ended(pg, &params);
	count += add_order_locks(pg, &params);
	pg->batch.has_order = count > 0;
	if (pg->batch.has_order)
		status = postgres_send(&pg->pipeline, PG_ORDER_LOCK, &params, err);
	postgres_params_free(&params);
	return status;
}

enum status postgres_take_order_lock(struct postgres_store *pg, struct error *err)
{
	return pg->batch.has_order ? postgres_take(&pg->pipeline, NULL, err) : STATUS_OK;
}

enum column {
	COLUMN_N,
	COLUMN_ID,
	COLUMN_LEASE,
	COLUMN_STATE,
	COLUMN_RELEASED,
	COLUMN_DUE,
	COLUMN_CODE,
	COLUMN_TRANSPORT,
	COLUMN_DURATION,
	COLUMN_COUNT
};

static int64_t due_of(const struct postgres_store *pg, const struct store_verdict *verdict)
{
	return is_final(verdict) ? verdict->started_ms + verdict->duration_ms
				 : postgres_server_ms(pg, verdict->due_ms);
}

static int64_t cell(const struct postgres_store *pg, size_t n, enum column column)
{
	const struct store_verdict *verdict = &pg->batch.verdicts[n];

	switch (column) {
	case COLUMN_N:
		return (int64_t)n;
	case COLUMN_ID:
		return verdict_id(verdict);
	case COLUMN_LEASE:
		return verdict->lease;
	case COLUMN_STATE:
		return verdict->next;
	case COLUMN_RELEASED:
		return verdict->release ? 1 : 0;
	case COLUMN_DUE:
		return due_of(pg, verdict);
	case COLUMN_CODE:
		return verdict->http_status;
	case COLUMN_TRANSPORT:
		return verdict->transport;
	case COLUMN_DURATION:
		return verdict->duration_ms;
	case COLUMN_COUNT:
		break;
	}
	return 0; /* not reached */
}

static bool is_wide(enum column column)
{
	return column == COLUMN_ID || column == COLUMN_LEASE || column == COLUMN_DUE ||
	       column == COLUMN_DURATION;
}

enum status postgres_send_verdicts(struct postgres_store *pg, struct error *err)
{
	size_t count = pg->batch.verdicts_count;
	struct postgres_params params;
	enum status status;

	if (count == 0)
		return STATUS_OK;
	postgres_params_init(&params);
	for (int column = 0; column < COLUMN_COUNT; column++) {
		bool wide = is_wide((enum column)column);

		postgres_array_begin(&params, wide ? POSTGRES_INT8 : POSTGRES_INT4);
		for (size_t n = 0; n < count; n++) {
			int64_t value = cell(pg, n, (enum column)column);

			if (wide)
				postgres_array_int8(&params, value);
			else
				postgres_array_int4(&params, (int32_t)value);
		}
		postgres_array_end(&params);
	}
	status = postgres_send(&pg->pipeline, PG_VERDICT, &params, err);
	postgres_params_free(&params);
	return status;
}

static void count_verdict(struct postgres_store *pg, const struct store_verdict *verdict,
	const struct postgres_verdict_result *result)
{
	struct store_target_counts change = { 0 };

	if (!result->is_moved) {
		pg->base.takeovers.verdicts_late++;
		return;
	}
	if (is_final(verdict)) {
		store_counters_add_source(&pg->base.counters, verdict->source, -1);
		change.open = -1;
		change.dead = verdict->next == DELIVERY_DEAD ? 1 : 0;
	} else {
		change.retrying = result->attempts > 0 ? 1 : 0;
		pg->batch.wrote_waiting = true;
	}
	store_counters_add(&pg->base.counters, verdict->target, change);
}

enum status postgres_take_verdicts(struct postgres_store *pg, struct error *err)
{
	struct postgres_batch *batch = &pg->batch;
	struct postgres_rows rows = { 0 };
	enum status status;

	if (batch->verdicts_count == 0)
		return STATUS_OK;
	free(batch->verdict_results);
	batch->verdict_results =
		memory_array(batch->verdicts_count, sizeof(*batch->verdict_results));
	status = postgres_take(&pg->pipeline, &rows, err);
	for (int i = 0; i < rows.count; i++)
		batch->verdict_results[postgres_int(&rows, i, 0)] =
			(struct postgres_verdict_result){
				.is_moved = true,
				.attempts = (int)postgres_int(&rows, i, 1),
				.earlier = (int)postgres_int(&rows, i, 2),
				.is_ordered = postgres_int(&rows, i, 3) != 0,
			};
	postgres_rows_free(&rows);
	for (size_t n = 0; status == STATUS_OK && n < batch->verdicts_count; n++)
		count_verdict(pg, &batch->verdicts[n], &batch->verdict_results[n]);
	return status;
}

/* What went well at once leaves no attempt. */
static bool leaves_attempt(
	const struct store_verdict *verdict, const struct postgres_verdict_result *result)
{
	bool went_well = verdict->next == DELIVERY_DELIVERED && verdict->attempts == 1;

	return result->is_moved && !verdict->release && (!went_well || result->earlier > 0);
}

static int64_t attempt_cell(const struct store_verdict *verdict,
	const struct postgres_verdict_result *result, int column)
{
	const int64_t cells[] = {
		verdict->started_ms / (PG_DAY_US / 1000),
		verdict->event,
		verdict->target,
		result->earlier + verdict->attempts,
		verdict->started_ms,
		verdict->duration_ms,
		verdict->http_status,
		verdict->transport,
	};

	return cells[column];
}

static enum status send_attempt_rows(struct postgres_store *pg, struct error *err)
{
	static const bool wide[] = { false, true, false, false, true, true, false, false };
	const struct postgres_batch *batch = &pg->batch;
	struct postgres_params params;
	size_t count = 0;
	enum status status = STATUS_OK;

	postgres_params_init(&params);
	for (size_t column = 0; column <= ARRAY_COUNT(wide); column++) {
		bool is_answer = column == ARRAY_COUNT(wide);

		postgres_array_begin(&params, is_answer      ? POSTGRES_BYTEA
					      : wide[column] ? POSTGRES_INT8
							     : POSTGRES_INT4);
		for (size_t n = 0; n < batch->verdicts_count; n++) {
			const struct store_verdict *verdict = &batch->verdicts[n];
			const struct postgres_verdict_result *result = &batch->verdict_results[n];

			if (!leaves_attempt(verdict, result))
				continue;
			count++;
			if (is_answer)
				postgres_array_bytes(&params, verdict->answer);
			else if (wide[column])
				postgres_array_int8(
					&params, attempt_cell(verdict, result, (int)column));
			else
				postgres_array_int4(&params,
					(int32_t)attempt_cell(verdict, result, (int)column));
		}
		postgres_array_end(&params);
	}
	if (count > 0)
		status = postgres_send(&pg->pipeline, PG_ATTEMPT_INSERT, &params, err);
	postgres_params_free(&params);
	return status;
}

static enum status send_order_release(struct postgres_store *pg, const int64_t *ended,
	size_t ended_count, int64_t now_ms, struct error *err)
{
	struct postgres_params params;
	enum status status;

	postgres_params_init(&params);
	postgres_add_int8s(&params, ended, ended_count);
	postgres_add_int8(&params, postgres_server_ms(pg, now_ms));
	status = postgres_send(&pg->pipeline, PG_ORDER_RELEASE, &params, err);
	postgres_params_free(&params);
	return status;
}

static enum status release_followers(struct postgres_store *pg, struct error *err)
{
	const struct postgres_batch *batch = &pg->batch;
	int64_t *ended = memory_array(batch->verdicts_count, sizeof(*ended));
	size_t ended_count = 0;
	int64_t now_ms = 0;
	enum status status = STATUS_OK;

	for (size_t n = 0; n < batch->verdicts_count; n++) {
		const struct store_verdict *verdict = &batch->verdicts[n];

		if (!is_final(verdict) || !batch->verdict_results[n].is_moved ||
			!batch->verdict_results[n].is_ordered)
			continue;
		ended[ended_count++] = verdict_id(verdict);
		if (verdict->started_ms + verdict->duration_ms > now_ms)
			now_ms = verdict->started_ms + verdict->duration_ms;
	}
	if (ended_count > 0)
		status = send_order_release(pg, ended, ended_count, now_ms, err);
	free(ended);
	return status;
}

enum status postgres_send_attempts(struct postgres_store *pg, struct error *err)
{
	enum status status;

	if (pg->batch.verdicts_count == 0)
		return STATUS_OK;
	status = send_attempt_rows(pg, err);
	if (status == STATUS_OK)
		status = release_followers(pg, err);
	return status;
}
