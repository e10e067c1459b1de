/* SPDX-License-Identifier: MIT */
/*
 * The PostgreSQL backend: many processes, one database. postgres_backend.h has the plan.
 */
#include "backend.h"

#include <stdlib.h>
#include <string.h>

#include "repostal/memory.h"
#include "store.h"

/*
 * Measured with 64 connections: in this time those that have just had their answer come again, and one
 * transaction takes them all instead of two that take half each.
 */
enum {
	GATHER_US = 300
};

static void backend_close(struct store *store)
{
	struct postgres_store *pg = postgres_store_of(store);

	postgres_sign_off(pg);
	postgres_session_close(&pg->session);
	postgres_link_close(&pg->link);
	postgres_batch_free(&pg->batch);
	store_free_names(store);
	free(pg->dsn);
	free(pg);
}

/* On the link's thread. */
static void on_hint(void *context)
{
	struct store *store = context;
	void (*hint)(void *hint_context) = atomic_load(&store->hint);

	if (hint != NULL)
		hint(store->hint_context);
}

static enum status backend_open(
	const struct store_settings *settings, struct store **store_out, struct error *err)
{
	struct postgres_store *pg = memory_zalloc(sizeof(*pg));
	enum status status;

	pg->base.lease_ms = STORE_LEASE_MS;
	postgres_forget_days(pg);
	pg->dsn = memory_copy_text(settings->dsn == NULL ? "" : settings->dsn);
	status = postgres_link_open(pg->dsn, on_hint, &pg->base, &pg->link, err);
	if (status == STATUS_OK)
		status = postgres_ensure_alive(pg, err);
	if (status == STATUS_OK)
		status = postgres_refresh_names(pg, NULL, err);
	if (status == STATUS_OK)
		status = postgres_refresh_counters(pg, err);
	if (status != STATUS_OK) {
		backend_close(&pg->base);
		return status;
	}
	*store_out = &pg->base;
	return STATUS_OK;
}

static void keep_name(struct postgres_store *pg, enum store_name_kind kind, struct slice name)
{
	char *text = memory_copy_bytes(name.data, name.size);

	store_keep_name(&pg->base, kind, text);
	free(text);
}

/* By another process, or here in a transaction that did not come to its end. */
static void take_changed_name(
	struct postgres_store *pg, enum store_name_kind kind, uint16_t number, struct slice name)
{
	char *text;

	if (slice_is(name, pg->base.names[kind][number]))
		return;
	text = memory_copy_bytes(name.data, name.size);
	store_rename(&pg->base, kind, number, text);
	free(text);
}

/* Names are numbered without a gap; anything else was not written by us. */
static enum status keep_new_names(struct postgres_store *pg, enum store_name_kind kind,
	const struct postgres_rows *rows, struct error *err)
{
	for (int i = 0; i < rows->count; i++) {
		if (postgres_int(rows, i, 0) != i) {
			error_set(err,
				"store: PostgreSQL: the tables are damaged: a name has "
				"number %lld",
				(long long)postgres_int(rows, i, 0));
			return STATUS_INVALID;
		}
		if ((size_t)i < pg->base.names_count[kind]) {
			take_changed_name(pg, kind, (uint16_t)i, postgres_bytes(rows, i, 1));
			continue;
		}
		if (store_check_room(&pg->base, kind, "another process's", err) != STATUS_OK)
			return STATUS_FULL;
		keep_name(pg, kind, postgres_bytes(rows, i, 1));
	}
	return STATUS_OK;
}

static void take_pause(struct postgres_store *pg, uint16_t number, const struct postgres_rows *rows,
	const struct store_news *news)
{
	bool paused = postgres_int(rows, number, 2) != 0;
	struct slice reason = postgres_bytes(rows, number, 3);
	const char *known = NULL;

	if (pauses_read(&pg->base.pauses, number, &known) == paused && slice_is(reason, known))
		return;
	pauses_add(&pg->base.pauses, number, paused, reason);
	pauses_commit(&pg->base.pauses);
	if (news != NULL && news->on_pause != NULL)
		news->on_pause(news->context, number, paused);
}

static enum status refresh_targets(
	struct postgres_store *pg, const struct store_news *news, struct error *err)
{
	struct postgres_rows rows = { 0 };
	enum status status = postgres_run(pg, PG_TARGET_LIST, NULL, &rows, err);

	if (status == STATUS_OK)
		status = keep_new_names(pg, STORE_NAME_TARGET, &rows, err);
	for (int i = 0; status == STATUS_OK && i < rows.count; i++)
		take_pause(pg, (uint16_t)i, &rows, news);
	postgres_rows_free(&rows);
	return status;
}

static enum status refresh_sources(struct postgres_store *pg, struct error *err)
{
	struct postgres_rows rows = { 0 };
	enum status status = postgres_run(pg, PG_SOURCE_LIST, NULL, &rows, err);

	if (status == STATUS_OK)
		status = keep_new_names(pg, STORE_NAME_SOURCE, &rows, err);
	postgres_rows_free(&rows);
	return status;
}

enum status postgres_refresh_names(
	struct postgres_store *pg, const struct store_news *news, struct error *err)
{
	enum status status = refresh_targets(pg, news, err);

	return status == STATUS_OK ? refresh_sources(pg, err) : status;
}

/* Outside a transaction: what this process has committed is in the sums. */
enum status postgres_refresh_counters(struct postgres_store *pg, struct error *err)
{
	struct store_counters *counters = &pg->base.counters;
	struct postgres_rows rows = { 0 };
	enum status status = postgres_run(pg, PG_COUNTERS_READ, NULL, &rows, err);

	if (status == STATUS_OK)
		counters->backlog = 0;
	for (int i = 0; i < rows.count; i++) {
		int64_t target = postgres_int(&rows, i, 0);

		if (target == -1)
			counters->quarantined = postgres_int(&rows, i, 1);
		if (target <= PG_COUNTERS_SOURCES &&
			target > PG_COUNTERS_SOURCES - STORE_SOURCES_MAX)
			counters->source_open[PG_COUNTERS_SOURCES - target] =
				postgres_int(&rows, i, 1);
		if (target < 0 || target >= STORE_TARGETS_MAX)
			continue;
		counters->committed[target] = (struct store_target_counts){
			.open = postgres_int(&rows, i, 1),
			.retrying = postgres_int(&rows, i, 2),
			.dead = postgres_int(&rows, i, 3),
		};
		counters->backlog += counters->committed[target].open;
	}
	postgres_rows_free(&rows);
	return status;
}

static enum status find_known_name(
	struct store *store, enum store_name_kind kind, const char *name, uint16_t *number_out)
{
	for (size_t i = 0; i < store->names_count[kind]; i++)
		if (strcmp(store->names[kind][i], name) == 0) {
			*number_out = (uint16_t)i;
			return STATUS_OK;
		}
	return STATUS_NOT_FOUND;
}

static enum status find_name(struct store *store, enum store_name_kind kind, const char *name,
	uint16_t *number_out, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	enum status status = find_known_name(store, kind, name, number_out);

	if (status == STATUS_OK)
		return STATUS_OK;
	status = postgres_refresh_names(pg, NULL, err);
	return status == STATUS_OK ? find_known_name(store, kind, name, number_out) : status;
}

static enum status insert_name(struct postgres_store *pg, enum store_name_kind kind,
	const char *name, uint16_t number, struct error *err)
{
	struct postgres_params params;
	enum status status;

	postgres_params_init(&params);
	postgres_add_int4(&params, number);
	postgres_add_bytes(&params, slice_text(name));
	status = postgres_run(
		pg, kind == STORE_NAME_TARGET ? PG_TARGET_ADD : PG_SOURCE_ADD, &params, NULL, err);
	postgres_params_free(&params);
	return status;
}

static enum status reuse_number(struct postgres_store *pg, enum store_name_kind kind,
	const char *name, uint16_t *number_out, struct error *err)
{
	int number = store_find_free(&pg->base, kind);
	enum status status = STATUS_OK;

	if (number < 0) {
		status = postgres_free_unused(pg, kind, err);
		number = store_find_free(&pg->base, kind);
	}
	if (status == STATUS_OK && number < 0)
		return store_check_room(&pg->base, kind, name, err);
	if (status == STATUS_OK)
		status = postgres_rename(&pg->base, kind, (uint16_t)number, name, err);
	if (status == STATUS_OK)
		*number_out = (uint16_t)number;
	return status;
}

/* Under the lock of names, with all that there are. */
static enum status add_under_lock(struct postgres_store *pg, enum store_name_kind kind,
	const char *name, uint16_t *number_out, bool *added_out, struct error *err)
{
	enum status status = postgres_ensure_begun(pg, err);

	*added_out = false;
	if (status == STATUS_OK)
		status = postgres_run(pg, PG_NAMES_LOCK, NULL, NULL, err);
	if (status == STATUS_OK)
		status = find_name(&pg->base, kind, name, number_out, err);
	if (status != STATUS_NOT_FOUND)
		return status;
	if (store_check_room(&pg->base, kind, name, err) != STATUS_OK)
		return reuse_number(pg, kind, name, number_out, err);
	*number_out = (uint16_t)pg->base.names_count[kind];
	*added_out = true;
	return insert_name(pg, kind, name, *number_out, err);
}

static enum status add_name(struct store *store, enum store_name_kind kind, const char *name,
	uint16_t *number_out, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	bool added = false;
	enum status status = postgres_begin(store, err);

	if (status == STATUS_OK)
		status = add_under_lock(pg, kind, name, number_out, &added, err);
	if (status == STATUS_OK)
		status = postgres_commit(store, err);
	if (status != STATUS_OK)
		postgres_rollback(store);
	else if (added)
		store_keep_name(store, kind, name);
	return status;
}

static enum status backend_pause(
	struct store *store, uint16_t target, bool paused, struct slice reason, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	struct postgres_params params;
	enum status status = postgres_ensure_begun(pg, err);

	postgres_params_init(&params);
	postgres_add_int4(&params, target);
	postgres_add_int4(&params, paused ? 1 : 0);
	postgres_add_bytes(&params, reason);
	if (status == STATUS_OK)
		status = postgres_run(pg, PG_TARGET_PAUSE, &params, NULL, err);
	pg->batch.wrote_pause = true;
	postgres_params_free(&params);
	return status;
}

static int64_t backend_bytes(struct store *store)
{
	return postgres_store_of(store)->bytes;
}

static enum status backend_check(const struct store_settings *settings, struct error *err)
{
	return postgres_session_check(settings->dsn == NULL ? "" : settings->dsn, err);
}

const struct store_ops store_postgres_ops = {
	.gather_us = GATHER_US,
	.check = backend_check,
	.open = backend_open,
	.close = backend_close,
	.find_name = find_name,
	.add_name = add_name,
	.rename = postgres_rename,
	.forget = postgres_forget,
	.begin = postgres_begin,
	.commit = postgres_commit,
	.rollback = postgres_rollback,
	.flush = postgres_flush,
	.recover = postgres_recover,
	.append = postgres_append,
	.quarantine = postgres_quarantine,
	.record = postgres_record,
	.claim = postgres_claim,
	.change = postgres_change,
	.pause = backend_pause,
	.number_anew = postgres_number_anew,
	.add_search_key = postgres_add_search_key,
	.unquarantine = postgres_unquarantine,
	.sweep = postgres_sweep,
	.poll = postgres_poll,
	.oldest_waiting_us = postgres_oldest_waiting_us,
	.bytes = backend_bytes,
};
