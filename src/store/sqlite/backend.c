/* SPDX-License-Identifier: MIT */
/*
 * The SQLite backend: one file, one writing process, one connection.
 *
 * After a crash SQLite drops from its log what no commit covered; what remains is recovered by
 * sqlite_recover(). Ids of events are given from memory: they start after the newest row and
 * after META_NEXT_EVENT, so an id stays unique after its event was removed.
 */
#include "backend.h"

#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "backend/names.h"
#include "file/file.h"
#include "file/restore.h"
#include "file/schema.h"
#include "repostal/memory.h"
#include "steps.h"

enum {
	/* Another tool may be reading the file: wait a little rather than fail. */
	BUSY_TIMEOUT_MS = 1000,
	/*
	 * Most pages that a commit writes are written again by the next. Measured at 10,000 events a
	 * second: with this pause a quarter less goes to the disk, and a tenth less of the processor.
	 */
	GATHER_US = 100
};

static void backend_close(struct store *store)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);

	sqlite_scanner_finalize(&sqlite->scanner);
	sqlite_finalize_all(sqlite);
	sqlite3_close(sqlite->db);
	if (sqlite->file_fd >= 0)
		close(sqlite->file_fd);
	if (sqlite->lock_fd >= 0)
		close(sqlite->lock_fd);
	store_free_names(store);
	free(sqlite->path);
	free(sqlite);
}

static enum status connect_file(struct sqlite_store *sqlite, struct error *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	/*
	 * Counting every allocation takes a lock: a tenth of the work. SQLite refuses this once it is
	 * in use, which does no harm.
	 */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (sqlite3_open_v2(sqlite->path, &sqlite->db, flags, NULL) != SQLITE_OK)
		return sqlite_failed(sqlite, "open", err);
	sqlite3_busy_timeout(sqlite->db, BUSY_TIMEOUT_MS);
	return sqlite_restore_settle(sqlite->db, err);
}

static enum status meta_read(
	struct sqlite_store *sqlite, enum sqlite_meta key, int64_t *value_out, struct error *err)
{
	sqlite3_bind_int(sqlite->statements[SQL_META_READ], 1, (int)key);
	return sqlite_read_int(sqlite, SQL_META_READ, value_out, NULL, err);
}

static enum status load_numbers(struct sqlite_store *sqlite, struct error *err)
{
	int64_t newest = 0;
	int64_t next = 1;
	enum status status;

	status = sqlite_read_int(sqlite, SQL_EVENT_LAST, &newest, NULL, err);
	if (status == STATUS_OK)
		status = meta_read(sqlite, META_NEXT_EVENT, &next, err);
	if (status == STATUS_OK)
		status = meta_read(
			sqlite, META_QUARANTINED, &sqlite->base.counters.quarantined, err);
	sqlite->memory.next_event = newest >= next ? newest + 1 : next;
	return status;
}

/* Names are numbered without a gap; anything else was not written by us. */
static enum status number_check(struct sqlite_store *sqlite, int64_t number, size_t count,
	size_t count_max, struct error *err)
{
	if (number == (int64_t)count && count < count_max)
		return STATUS_OK;
	error_set(err, "store '%s' is damaged: a name has number %lld", sqlite->path,
		(long long)number);
	return STATUS_INVALID;
}

static enum status load_sources(struct sqlite_store *sqlite, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_SOURCE_LIST];
	bool row = true;
	enum status status = STATUS_OK;

	while (status == STATUS_OK && row) {
		status = sqlite_fetch(sqlite, SQL_SOURCE_LIST, &row, err);
		if (status != STATUS_OK || !row)
			break;
		status = number_check(sqlite, sqlite3_column_int64(statement, 0),
			sqlite->base.names_count[STORE_NAME_SOURCE], STORE_SOURCES_MAX, err);
		if (status != STATUS_OK)
			break;
		sqlite->base.counters.source_open[sqlite3_column_int64(statement, 0)] =
			sqlite3_column_int64(statement, 2);
		store_keep_name(&sqlite->base, STORE_NAME_SOURCE,
			(const char *)sqlite3_column_text(statement, 1));
	}
	sqlite_done(sqlite, SQL_SOURCE_LIST);
	return status;
}

static enum status load_targets(struct sqlite_store *sqlite, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_TARGET_LIST];
	struct store_counters *counters = &sqlite->base.counters;
	bool row = true;
	enum status status = STATUS_OK;

	while (status == STATUS_OK && row) {
		int64_t number;

		status = sqlite_fetch(sqlite, SQL_TARGET_LIST, &row, err);
		if (status != STATUS_OK || !row)
			break;
		number = sqlite3_column_int64(statement, 0);
		status = number_check(sqlite, number, sqlite->base.names_count[STORE_NAME_TARGET],
			STORE_TARGETS_MAX, err);
		if (status != STATUS_OK)
			break;
		counters->committed[number] = (struct store_target_counts){
			.open = sqlite3_column_int64(statement, 1),
			.retrying = sqlite3_column_int64(statement, 2),
			.dead = sqlite3_column_int64(statement, 3),
		};
		counters->backlog += counters->committed[number].open;
		store_keep_name(&sqlite->base, STORE_NAME_TARGET,
			(const char *)sqlite3_column_text(statement, 4));
		pauses_add(&sqlite->base.pauses, (uint16_t)number,
			sqlite3_column_int(statement, 5) != 0,
			slice_text((const char *)sqlite3_column_text(statement, 6)));
	}
	sqlite_done(sqlite, SQL_TARGET_LIST);
	pauses_commit(&sqlite->base.pauses);
	return status;
}

static enum status backend_open(
	const struct store_settings *settings, struct store **store_out, struct error *err)
{
	struct sqlite_store *sqlite = memory_zalloc(sizeof(*sqlite));
	enum status status;

	sqlite->lock_fd = -1;
	sqlite->file_fd = -1;
	sqlite->path = sqlite_file_resolve(settings->path);
	status = sqlite_file_lock(sqlite->path, &sqlite->lock_fd, err);
	if (status == STATUS_OK)
		status = sqlite_file_create(sqlite->path, sqlite->lock_fd, err);
	if (status == STATUS_OK)
		status = sqlite_file_own(sqlite->path, &sqlite->file_fd, err);
	if (status == STATUS_OK)
		status = connect_file(sqlite, err);
	if (status == STATUS_OK)
		status = sqlite_schema_open(
			sqlite->db, sqlite->path, sqlite_file_was_used(sqlite->lock_fd), err);
	if (status == STATUS_OK)
		status = sqlite_prepare_all(sqlite, err);
	if (status == STATUS_OK)
		status = sqlite_scanner_prepare(&sqlite->scanner, sqlite->db, sqlite->path, err);
	if (status == STATUS_OK)
		status = load_numbers(sqlite, err);
	if (status == STATUS_OK)
		status = load_sources(sqlite, err);
	if (status == STATUS_OK)
		status = load_targets(sqlite, err);
	if (status != STATUS_OK) {
		backend_close(&sqlite->base);
		return status;
	}
	sqlite_file_mark_used(sqlite->lock_fd);
	*store_out = &sqlite->base;
	return STATUS_OK;
}

static enum status backend_begin(struct store *store, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);

	sqlite->memory_at_begin = sqlite->memory;
	return sqlite_execute(sqlite, SQL_BEGIN, err);
}

static enum status write_source_counters(struct sqlite_store *sqlite, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_SOURCE_COUNT];
	const struct store_counters *counters = &sqlite->base.counters;
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < counters->sources_touched_count; i++) {
		uint16_t source = counters->sources_touched[i];

		if (counters->source_change[source] == 0)
			continue;
		sqlite3_bind_int(statement, 1, source);
		sqlite3_bind_int64(statement, 2, counters->source_change[source]);
		status = sqlite_execute(sqlite, SQL_SOURCE_COUNT, err);
	}
	return status;
}

/* Nothing is written for a target whose verdicts and new events made up for each other. */
static enum status write_counters(struct sqlite_store *sqlite, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_TARGET_COUNT];
	const struct store_counters *counters = &sqlite->base.counters;
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < counters->touched_count; i++) {
		const struct store_target_counts *change = &counters->change[counters->touched[i]];

		if (change->open == 0 && change->retrying == 0 && change->dead == 0)
			continue;
		sqlite3_bind_int(statement, 1, counters->touched[i]);
		sqlite3_bind_int64(statement, 2, change->open);
		sqlite3_bind_int64(statement, 3, change->retrying);
		sqlite3_bind_int64(statement, 4, change->dead);
		status = sqlite_execute(sqlite, SQL_TARGET_COUNT, err);
	}
	if (status == STATUS_OK && counters->quarantined_change != 0)
		status = sqlite_meta_write(sqlite, META_QUARANTINED,
			counters->quarantined + counters->quarantined_change, err);
	return status;
}

static enum status backend_commit(struct store *store, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	enum status status;

	status = write_counters(sqlite, err);
	if (status == STATUS_OK)
		status = write_source_counters(sqlite, err);
	if (status != STATUS_OK)
		return status;
	status = sqlite_execute(sqlite, SQL_COMMIT, err);
	/* Written to the log but not synced: a crash before the next commit may bring it back. */
	if (status != STATUS_OK && sqlite3_extended_errcode(sqlite->db) == SQLITE_IOERR_FSYNC)
		return STATUS_UNCERTAIN;
	return status;
}

static void backend_rollback(struct store *store)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);

	sqlite->memory = sqlite->memory_at_begin;
	/* After some failures, a full disk among them, SQLite has rolled back by itself. */
	if (sqlite3_get_autocommit(sqlite->db) == 0)
		(void)sqlite_execute(sqlite, SQL_ROLLBACK, NULL);
}

static int64_t backend_bytes(struct store *store)
{
	return sqlite_file_bytes(sqlite_store_of(store)->path);
}

const char *store_sqlite_version(void)
{
	return sqlite3_libversion();
}

const struct store_ops store_sqlite_ops = {
	.gather_us = GATHER_US,
	.open = backend_open,
	.close = backend_close,
	.find_name = sqlite_find_name,
	.add_name = sqlite_add_name,
	.rename = sqlite_rename,
	.forget = sqlite_forget,
	.begin = backend_begin,
	.commit = backend_commit,
	.rollback = backend_rollback,
	.recover = sqlite_recover,
	.append = sqlite_append,
	.quarantine = sqlite_quarantine,
	.record = sqlite_record,
	.claim = sqlite_claim,
	.change = sqlite_change,
	.pause = sqlite_pause,
	.number_anew = sqlite_number_anew,
	.add_search_key = sqlite_add_search_key,
	.unquarantine = sqlite_unquarantine,
	.sweep = sqlite_sweep,
	.oldest_waiting_us = sqlite_oldest_waiting_us,
	.bytes = backend_bytes,
};
