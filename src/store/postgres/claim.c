/* SPDX-License-Identifier: MIT */
/*
 * Claims: a portion for one target, never for all at once, so that no target waits for another's.
 */
#include <string.h>

#include "backend/claimed.h"
#include "backend/names.h"
#include "backend/rows.h"
#include "parts.h"
#include "refresh.h"
#include "steps.h"

enum {
	TAKEN_BY_OTHERS_PAUSE_MS = 50 /* before asking again for what others are just claiming */
};

/* bytes_max is shared out: what one type takes is not known when the next one is asked for. */
static int64_t bytes_max(const struct store_claim *claim)
{
	size_t types_count = 0;

	for (int type = 0; type < STORE_TYPES; type++)
		types_count += claim->count_max[type] > 0;
	return (int64_t)(claim->bytes_max / (types_count > 0 ? types_count : 1));
}

static enum status send_claim(
	struct postgres_store *pg, const struct store_claim *claim, struct error *err)
{
	struct postgres_params params;
	enum status status = STATUS_OK;

	postgres_params_init(&params);
	for (int type = 0; status == STATUS_OK && type < STORE_TYPES; type++) {
		if (claim->count_max[type] == 0)
			continue;
		postgres_params_reset(&params);
		postgres_add_int4(&params, claim->target);
		postgres_add_int8(&params, postgres_server_ms(pg, pg->batch.claim_now_ms));
		postgres_add_int4(&params, (int32_t)claim->count_max[type]);
		postgres_add_int8(&params, bytes_max(claim));
		postgres_add_int8(&params, pg->batch.lease);
		postgres_add_int4(&params, type);
		status = postgres_send(&pg->pipeline, PG_CLAIM, &params, err);
	}
	postgres_params_reset(&params);
	postgres_add_int4(&params, claim->target);
	if (status == STATUS_OK)
		status = postgres_send(&pg->pipeline, PG_NEXT_DUE, &params, err);
	postgres_params_free(&params);
	return status;
}

enum status postgres_send_claims(struct postgres_store *pg, struct error *err)
{
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < pg->batch.claims_count; i++)
		status = send_claim(pg, pg->batch.claims[i], err);
	return status;
}

static struct store_claimed *claimed_new(const struct postgres_store *pg,
	const struct postgres_rows *rows, int row, uint16_t target, int type)
{
	struct slice content_type = postgres_is_null(rows, row, 5) ? store_content_type_usual
								   : postgres_bytes(rows, row, 5);
	const struct store_claimed head = {
		.event = postgres_int(rows, row, 0),
		.lease = pg->batch.lease,
		.received_us = postgres_int(rows, row, 1),
		.attempts = (int)postgres_int(rows, row, 2),
		.is_replay = postgres_int(rows, row, 8) != 0,
		.as_new = (int)postgres_int(rows, row, 9),
		.target = target,
		.source = (uint16_t)postgres_int(rows, row, 3),
		.kind = (uint8_t)postgres_int(rows, row, 4),
		.type = (uint8_t)type,
	};

	return store_claimed_new(&head, content_type, postgres_bytes(rows, row, 6));
}

/* Another process may have brought sources that this one has not heard of. */
static enum status name_sources(
	struct postgres_store *pg, const struct store_claim *claim, struct error *err)
{
	bool is_new = false;
	enum status status = STATUS_OK;

	for (struct store_claimed *c = claim->list; c != NULL; c = c->next)
		is_new = is_new || c->source >= store_sources_count(&pg->base);
	if (is_new)
		status = postgres_refresh_names(pg, NULL, err);
	for (struct store_claimed *c = claim->list; c != NULL; c = c->next)
		c->source_name = store_known_source_name(&pg->base, c->source);
	return status;
}

/* Adds to the list at *tailp. */
static enum status take_claimed(struct postgres_store *pg, struct store_claim *claim, int type,
	struct store_claimed ***tailp, struct error *err)
{
	struct store_claimed **tail = *tailp;
	struct postgres_rows rows = { 0 };
	enum status status = postgres_take(&pg->pipeline, &rows, err);

	for (int row = 0; row < rows.count; row++) {
		struct store_claimed *claimed = claimed_new(pg, &rows, row, claim->target, type);

		if (postgres_int(&rows, row, 7) != 0)
			pg->is_ordered[claim->target] = true;
		if (claimed->attempts > 1)
			store_counters_add(&pg->base.counters, claim->target,
				(struct store_target_counts){ .retrying = -1 });
		*tail = claimed;
		tail = &claimed->next;
		claim->count++;
	}
	*tailp = tail;
	postgres_rows_free(&rows);
	return status;
}

static enum status take_next_due(struct postgres_store *pg, struct store_claim *claim,
	const bool given[STORE_TYPES], struct error *err)
{
	int64_t soonest_ms = pg->batch.claim_now_ms + TAKEN_BY_OTHERS_PAUSE_MS;
	struct postgres_rows rows = { 0 };
	enum status status = postgres_take(&pg->pipeline, &rows, err);

	for (int row = 0; row < rows.count; row++) {
		int type = (int)postgres_int(&rows, row, 0);
		int64_t *due_ms = &claim->next_due_ms[type];

		if (claim->count_max[type] == 0 || postgres_int(&rows, row, 1) == PG_DUE_HELD)
			continue;
		*due_ms = postgres_int(&rows, row, 1) - pg->clock_ahead_ms;
		/* Due, and yet not given: another process holds it. */
		if (!given[type] && *due_ms < soonest_ms)
			*due_ms = soonest_ms;
	}
	postgres_rows_free(&rows);
	return status;
}

static enum status take_claim(
	struct postgres_store *pg, struct store_claim *claim, struct error *err)
{
	struct store_claimed **tail = &claim->list;
	bool given[STORE_TYPES] = { false };
	enum status status = STATUS_OK;

	for (int type = 0; status == STATUS_OK && type < STORE_TYPES; type++) {
		size_t before = claim->count;

		if (claim->count_max[type] > 0)
			status = take_claimed(pg, claim, type, &tail, err);
		given[type] = claim->count > before;
	}
	return status == STATUS_OK ? take_next_due(pg, claim, given, err) : status;
}

enum status postgres_take_claims(struct postgres_store *pg, struct error *err)
{
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < pg->batch.claims_count; i++)
		status = take_claim(pg, pg->batch.claims[i], err);
	return status;
}

enum status postgres_name_sources(struct postgres_store *pg, struct error *err)
{
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < pg->batch.claims_count; i++)
		status = name_sources(pg, pg->batch.claims[i], err);
	return status;
}

int64_t postgres_oldest_waiting_us(struct store *store, uint16_t target)
{
	struct postgres_store *pg = postgres_store_of(store);
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	int64_t received_us = 0;

	/* Not worth a round trip for each target while nothing waits. */
	if (!postgres_has_session(&pg->pipeline) || store->counters.committed[target].open == 0)
		return 0;
	postgres_params_init(&params);
	postgres_add_int4(&params, target);
	if (postgres_run(&pg->pipeline, PG_OLDEST, &params, &rows, NULL) == STATUS_OK &&
		rows.count > 0)
		received_us = postgres_int(&rows, 0, 0);
	postgres_rows_free(&rows);
	postgres_params_free(&params);
	return received_us;
}
