/* SPDX-License-Identifier: MIT */
#include "refresh.h"

#include <stdlib.h>

#include "backend/names.h"
#include "repostal/memory.h"

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
	enum status status = postgres_run(&pg->pipeline, PG_TARGET_LIST, NULL, &rows, err);

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
	enum status status = postgres_run(&pg->pipeline, PG_SOURCE_LIST, NULL, &rows, err);

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
	enum status status = postgres_run(&pg->pipeline, PG_COUNTERS_READ, NULL, &rows, err);

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
