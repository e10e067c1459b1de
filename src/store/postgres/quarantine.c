/* SPDX-License-Identifier: MIT */
/* Bodies that could not be read. Seldom enough for round trips of their own. */
#include "backend/rows.h"
#include "steps.h"

static enum status find_quarantined(struct postgres_store *pg, int64_t hash,
	struct store_quarantined *quarantined, bool *found_out, struct error *err)
{
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	enum status status;

	postgres_params_init(&params);
	postgres_add_int8(&params, hash);
	/* Two processes with the same body: the second waits, and finds the first one's. */
	status = postgres_run(&pg->pipeline, PG_QUARANTINE_LOCK, &params, NULL, err);
	postgres_add_int4(&params, quarantined->source);
	postgres_add_bytes(&params, quarantined->raw);
	if (status == STATUS_OK)
		status = postgres_run(&pg->pipeline, PG_QUARANTINE_FIND, &params, &rows, err);
	*found_out = rows.count > 0;
	if (*found_out)
		quarantined->id = postgres_int(&rows, 0, 0);
	postgres_rows_free(&rows);
	postgres_params_free(&params);
	return status;
}

static enum status quarantine_again(
	struct postgres_store *pg, const struct store_quarantined *quarantined, struct error *err)
{
	struct postgres_params params;
	enum status status;

	postgres_params_init(&params);
	postgres_add_int8(&params, quarantined->id);
	postgres_add_int8(&params, quarantined->received_us);
	status = postgres_run(&pg->pipeline, PG_QUARANTINE_REPEAT, &params, NULL, err);
	postgres_params_free(&params);
	return status;
}

static enum status quarantine_new(struct postgres_store *pg, int64_t hash,
	struct store_quarantined *quarantined, struct error *err)
{
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	enum status status;

	postgres_params_init(&params);
	postgres_add_int8(&params, quarantined->received_us);
	postgres_add_int4(&params, quarantined->source);
	postgres_add_int4(&params, quarantined->kind);
	postgres_add_bytes(&params, slice_text(quarantined->reason));
	if (slice_equal(quarantined->content_type, store_content_type_usual))
		postgres_add_null(&params);
	else
		postgres_add_bytes(&params, quarantined->content_type);
	postgres_add_int8(&params, hash);
	postgres_add_bytes(&params, quarantined->raw);
	status = postgres_run(&pg->pipeline, PG_QUARANTINE_INSERT, &params, &rows, err);
	if (status == STATUS_OK) {
		quarantined->id = postgres_int(&rows, 0, 0);
		pg->base.counters.quarantined_change++;
	}
	postgres_rows_free(&rows);
	postgres_params_free(&params);
	return status;
}

enum status postgres_quarantine(
	struct store *store, struct store_quarantined *quarantined, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	int64_t hash = store_hash_body(quarantined->source, quarantined->raw);
	bool found = false;
	enum status status = postgres_ensure_begun(&pg->pipeline, err);

	if (status == STATUS_OK)
		status = find_quarantined(pg, hash, quarantined, &found, err);
	if (status != STATUS_OK)
		return status;
	return found ? quarantine_again(pg, quarantined, err)
		     : quarantine_new(pg, hash, quarantined, err);
}

enum status postgres_unquarantine(
	struct store *store, int64_t id, bool *found_out, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	enum status status = postgres_ensure_begun(&pg->pipeline, err);

	postgres_params_init(&params);
	postgres_add_int8(&params, id);
	if (status == STATUS_OK)
		status = postgres_run(&pg->pipeline, PG_UNQUARANTINE, &params, &rows, err);
	*found_out = rows.count > 0;
	if (*found_out)
		pg->base.counters.quarantined_change--;
	postgres_rows_free(&rows);
	postgres_params_free(&params);
	return status;
}
