/* SPDX-License-Identifier: MIT */
/*
 * The PostgreSQL backend: many processes, one database. batch.h has the plan of a transaction, lease.h that of
 * several processes.
 */
#include "backend.h"

#include <stdlib.h>

#include "backend/names.h"
#include "batch.h"
#include "connection/link.h"
#include "connection/schema.h"
#include "lease.h"
#include "refresh.h"
#include "repostal/memory.h"
#include "steps.h"

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

	postgres_deregister(pg);
	postgres_pipeline_close(&pg->pipeline);
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

/* On the link's thread too; the database may be another one by then, restored or emptied. */
static enum status prepare(struct postgres_session *session, struct error *err)
{
	enum status status = postgres_schema_open(session, err);

	if (status != STATUS_OK)
		return status;
	return postgres_session_prepare(session, &postgres_store_statements, err);
}

static enum status backend_open(
	const struct store_settings *settings, struct store **store_out, struct error *err)
{
	struct postgres_store *pg = memory_zalloc(sizeof(*pg));
	const struct postgres_link_calls calls = {
		.prepare = prepare, .hint = on_hint, .context = &pg->base
	};
	enum status status;

	pg->base.lease_ms = STORE_LEASE_MS;
	postgres_forget_days(&pg->partitions);
	pg->dsn = memory_copy_text(settings->dsn == NULL ? "" : settings->dsn);
	status = postgres_link_open(pg->dsn, &calls, &pg->pipeline.link, err);
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
	.find_name = postgres_find_name,
	.add_name = postgres_add_name,
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
	.pause = postgres_pause,
	.number_anew = postgres_number_anew,
	.add_search_key = postgres_add_search_key,
	.unquarantine = postgres_unquarantine,
	.sweep = postgres_sweep,
	.poll = postgres_poll,
	.oldest_waiting_us = postgres_oldest_waiting_us,
	.bytes = backend_bytes,
};
