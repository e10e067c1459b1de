/* SPDX-License-Identifier: MIT */
/*
 * Looking at the file with a connection that cannot write.
 *
 * Readers of a file in WAL mode take part in its "-shm" file, so they have to be allowed to write that,
 * and to create it when no other process has the store open; what they leave then is empty and belongs to
 * the next that opens the store. A call is one short read transaction: a long one would keep the owner
 * from using its log again from the start.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "backend.h"
#include "backend/rows.h"
#include "file/error.h"
#include "file/file.h"
#include "file/format.h"
#include "file/restore.h"
#include "file/schema.h"
#include "file/secret.h"
#include "repostal/memory.h"
#include "scan.h"

enum {
	READER_BUSY_TIMEOUT_MS = 250,
	READER_SCAN_LIMIT = 20000, /* of one list: some ten milliseconds */
};

enum read_statement {
	READ_BEGIN,
	READ_END,
	READ_ROW,
	READ_TARGETS_COUNT,
	READ_ATTEMPTS,
	READ_QUARANTINE,
	READ_QUARANTINED,
	READ_QUARANTINED_COUNT,
	READ_TARGETS,
	READ_SOURCES,
	READ_STATEMENT_COUNT
};

#define QUARANTINE_COLUMNS                                                              \
	"SELECT id, received, last_seen, seen, source, kind, reason, content_type, raw" \
	" FROM quarantine"

static const char *const statements[READ_STATEMENT_COUNT] = {
	[READ_BEGIN] = "BEGIN",
	[READ_END] = "COMMIT",
	[READ_ROW] = "SELECT d.target, d.state, d.attempts, d.due, d.code, d.transport, d.duration,"
		     " e.received, e.source, e.kind, e.type, e.content_type, e.raw, d.as_new"
		     " FROM delivery AS d CROSS JOIN event AS e ON e.id = d.id >> 16"
		     " WHERE d.id = ?1",
	[READ_TARGETS_COUNT] = "SELECT count(*) FROM target",
	[READ_ATTEMPTS] = "SELECT target, number, started, duration, code, transport, answer"
			  " FROM attempt WHERE event = ?1 ORDER BY target, number",
	[READ_QUARANTINE] = QUARANTINE_COLUMNS " WHERE id < ?1 ORDER BY id DESC",
	[READ_QUARANTINED] = QUARANTINE_COLUMNS " WHERE id = ?1",
	[READ_QUARANTINED_COUNT] =
		"SELECT value FROM meta WHERE key = " SQL_TEXT_OF(META_QUARANTINED_KEY),
	[READ_TARGETS] = "SELECT number, name, open, retrying, dead, paused, reason FROM target"
			 " WHERE name NOT LIKE '~%'"
			 " ORDER BY number",
	[READ_SOURCES] = "SELECT number, name FROM source WHERE name NOT LIKE '~%'"
			 " ORDER BY number",
};

struct sqlite_reader {
	struct store_reader base; /* first: the front's pointer is this one's */
	char *path;
	struct sqlite3 *db;
	struct sqlite3_stmt *statements[READ_STATEMENT_COUNT];
	struct sqlite_scanner scanner;
};

static struct sqlite_reader *reader_of(struct store_reader *reader)
{
	return (struct sqlite_reader *)reader;
}

static void reader_close(struct store_reader *base)
{
	struct sqlite_reader *reader = reader_of(base);

	for (size_t i = 0; i < READ_STATEMENT_COUNT; i++)
		sqlite3_finalize(reader->statements[i]);
	sqlite_scanner_finalize(&reader->scanner);
	sqlite3_close(reader->db);
	free(reader->path);
	free(reader);
}

/* This user may read the file, but not take part in its -shm. */
static bool is_locked_out(struct sqlite_reader *reader)
{
	int primary = sqlite3_errcode(reader->db) & 0xff;

	return primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY || primary == SQLITE_PERM;
}

static enum status failed(struct sqlite_reader *reader, struct error *err)
{
	if (!is_locked_out(reader))
		return sqlite_explain(reader->db, reader->path, "read", err);
	error_set(err,
		"store '%s' cannot be read: a reader has to be allowed to write to "
		"'%s-shm' "
		"and to its folder; try as the user that repostal runs as",
		reader->path, reader->path);
	return STATUS_IO;
}

static enum status connect_file(struct sqlite_reader *reader, struct error *err)
{
	const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	static const char settings[] = "PRAGMA query_only = ON;"
				       "PRAGMA trusted_schema = OFF;"
				       "PRAGMA cache_size = -2048;"
				       "PRAGMA mmap_size = 0;"
				       "PRAGMA temp_store = MEMORY;";

	if (access(reader->path, R_OK) != 0) {
		error_set(err, "store '%s': %s", reader->path, strerror(errno));
		return errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_IO;
	}
	if (sqlite3_open_v2(reader->path, &reader->db, flags, NULL) != SQLITE_OK)
		return failed(reader, err);
	sqlite3_busy_timeout(reader->db, READER_BUSY_TIMEOUT_MS);
	if (sqlite_restore_check(reader->db, err) != STATUS_OK)
		return STATUS_INVALID;
	if (sqlite3_exec(reader->db, settings, NULL, NULL, NULL) != SQLITE_OK)
		return failed(reader, err);
	return STATUS_OK;
}

static enum status prepare(struct sqlite_reader *reader, struct error *err)
{
	for (size_t i = 0; i < READ_STATEMENT_COUNT; i++)
		if (sqlite3_prepare_v3(reader->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &reader->statements[i], NULL) != SQLITE_OK)
			return failed(reader, err);
	return sqlite_scanner_prepare(&reader->scanner, reader->db, reader->path, err);
}

static enum status reader_open(
	const struct store_settings *settings, struct store_reader **reader_out, struct error *err)
{
	struct sqlite_reader *reader = memory_zalloc(sizeof(*reader));
	enum status status;

	reader->path = memory_copy_text(settings->path);
	status = connect_file(reader, err);
	if (status == STATUS_OK)
		status = sqlite_schema_check(reader->db, reader->path, err);
	if (status == STATUS_OK)
		status = prepare(reader, err);
	if (status != STATUS_OK) {
		reader_close(&reader->base);
		return status;
	}
	*reader_out = &reader->base;
	return STATUS_OK;
}

static enum status reader_probe(const struct store_settings *settings, struct error *err)
{
	struct sqlite_reader *reader;
	enum status status = sqlite_file_probe(settings->path, err);
	int64_t version = 0;

	if (status != STATUS_OK || access(settings->path, F_OK) != 0)
		return status;
	reader = memory_zalloc(sizeof(*reader));
	reader->path = memory_copy_text(settings->path);
	status = connect_file(reader, err);
	if (status == STATUS_OK)
		status = sqlite_schema_identify(reader->db, reader->path, &version, err);
	reader_close(&reader->base);
	return status;
}

/* The next row; without one *row_out is false and the statement is reset, as after a failure. */
static enum status fetch(
	struct sqlite_reader *reader, enum read_statement which, bool *row_out, struct error *err)
{
	struct sqlite3_stmt *statement = reader->statements[which];
	enum status status = STATUS_OK;
	int code = sqlite3_step(statement);

	*row_out = code == SQLITE_ROW;
	if (code == SQLITE_ROW)
		return STATUS_OK;
	if (code != SQLITE_DONE)
		status = failed(reader, err);
	sqlite3_reset(statement);
	return status;
}

static enum status begin(struct sqlite_reader *reader, struct error *err)
{
	bool row;

	return fetch(reader, READ_BEGIN, &row, err);
}

/* Every statement is reset by then; reading cannot fail to end. */
static void end(struct sqlite_reader *reader)
{
	bool row;

	if (sqlite3_get_autocommit(reader->db) == 0)
		(void)fetch(reader, READ_END, &row, NULL);
}

static struct slice column_bytes(struct sqlite3_stmt *statement, int column)
{
	const void *data = sqlite3_column_blob(statement, column); /* before its size */

	return slice_of(data == NULL ? "" : data, (size_t)sqlite3_column_bytes(statement, column));
}

static struct slice column_content_type(struct sqlite3_stmt *statement, int column)
{
	return sqlite3_column_type(statement, column) == SQLITE_NULL
		       ? store_content_type_usual
		       : column_bytes(statement, column);
}

/* *given_out: an event that a damaged file has lost cannot be shown. */
static enum status give_row(struct sqlite_reader *reader, int64_t id,
	void (*on_row)(void *context, const struct store_row *row), void *context, bool *given_out,
	struct error *err)
{
	struct sqlite3_stmt *statement = reader->statements[READ_ROW];
	struct store_row row;
	enum status status;

	sqlite3_bind_int64(statement, 1, id);
	status = fetch(reader, READ_ROW, given_out, err);
	if (status != STATUS_OK || !*given_out)
		return status;
	row = (struct store_row){
		.id = id,
		.event = id >> 16,
		.target = (uint16_t)sqlite3_column_int(statement, 0),
		.state = (enum delivery_state)sqlite3_column_int(statement, 1),
		.attempts = sqlite3_column_int(statement, 2),
		.due_ms = sqlite3_column_int64(statement, 3),
		.http_status = sqlite3_column_int(statement, 4),
		.transport = sqlite3_column_int(statement, 5),
		.duration_ms = sqlite3_column_int64(statement, 6),
		.received_us = sqlite3_column_int64(statement, 7),
		.source = (uint16_t)sqlite3_column_int(statement, 8),
		.kind = (uint8_t)sqlite3_column_int(statement, 9),
		.type = (uint8_t)sqlite3_column_int(statement, 10),
		.content_type = column_content_type(statement, 11),
		.raw = column_bytes(statement, 12),
		.as_new = sqlite3_column_int(statement, 13),
	};
	row.is_held = row.state == DELIVERY_WAITING && row.due_ms == SQL_DUE_HELD;
	if (row.is_held)
		row.due_ms = 0;
	on_row(context, &row);
	sqlite3_reset(statement);
	return STATUS_OK;
}

static enum status count_targets(
	struct sqlite_reader *reader, size_t *targets_count_out, struct error *err)
{
	bool row = false;
	enum status status;

	status = fetch(reader, READ_TARGETS_COUNT, &row, err);
	if (status != STATUS_OK || !row)
		return status;
	*targets_count_out =
		(size_t)sqlite3_column_int64(reader->statements[READ_TARGETS_COUNT], 0);
	sqlite3_reset(reader->statements[READ_TARGETS_COUNT]);
	return STATUS_OK;
}

/* Where a page continues that comes to id next: before it counting down, else after it. */
static int64_t edge_of(const struct sqlite_scan *scan, int64_t next)
{
	return scan->is_down ? next + 1 : next - 1;
}

/* page->next stays 0 when the scan came to its end. */
static enum status list_rows(struct sqlite_reader *reader, struct sqlite_scan *scan,
	struct store_page *page, void (*on_row)(void *context, const struct store_row *row),
	void *context, struct error *err)
{
	size_t given_count = 0;
	enum status status = STATUS_OK;

	while (status == STATUS_OK && scan->first <= scan->last) {
		if (scan->scanned >= READER_SCAN_LIMIT) {
			page->next = edge_of(scan, scan->is_down ? scan->last : scan->first);
			break;
		}
		status = sqlite_scan_next(scan, READER_SCAN_LIMIT, err);
		for (size_t i = 0; status == STATUS_OK && i < scan->count; i++) {
			bool is_meant = false;

			if (given_count == page->count_max ||
				scan->scanned >= 2 * READER_SCAN_LIMIT) {
				page->next = edge_of(scan, scan->ids[i]);
				return STATUS_OK;
			}
			status = sqlite_scan_check(scan, scan->ids[i], &is_meant, err);
			if (status == STATUS_OK && is_meant)
				status = give_row(
					reader, scan->ids[i], on_row, context, &is_meant, err);
			given_count += is_meant;
		}
	}
	return status;
}

static enum status reader_list(struct store_reader *base, const struct store_filter *filter,
	bool is_up, struct store_page *page,
	void (*on_row)(void *context, const struct store_row *row), void *context,
	struct error *err)
{
	struct sqlite_reader *reader = reader_of(base);
	struct sqlite_scan scan = {
		.scanner = &reader->scanner,
		.filter = *filter,
		.is_down = !is_up,
		.first = is_up ? page->next + 1 : 0,
		.last = is_up || page->next == 0 ? SCAN_ID_MAX : page->next - 1,
	};
	enum status status;

	page->next = 0;
	status = begin(reader, err);
	if (status != STATUS_OK)
		return status;
	status = count_targets(reader, &scan.targets_count, err);
	if (status == STATUS_OK)
		status = sqlite_scan_begin(&scan, err);
	if (status == STATUS_OK)
		status = list_rows(reader, &scan, page, on_row, context, err);
	end(reader);
	return status;
}

static enum status reader_attempts(struct store_reader *base, int64_t event,
	void (*on_attempt)(void *context, const struct store_attempt *attempt), void *context,
	struct error *err)
{
	struct sqlite_reader *reader = reader_of(base);
	struct sqlite3_stmt *statement = reader->statements[READ_ATTEMPTS];
	bool row = true;
	enum status status = STATUS_OK;

	sqlite3_bind_int64(statement, 1, event);
	while (status == STATUS_OK && row) {
		struct store_attempt attempt;

		status = fetch(reader, READ_ATTEMPTS, &row, err);
		if (status != STATUS_OK || !row)
			break;
		attempt = (struct store_attempt){
			.target = (uint16_t)sqlite3_column_int(statement, 0),
			.number = sqlite3_column_int(statement, 1),
			.started_ms = sqlite3_column_int64(statement, 2),
			.duration_ms = sqlite3_column_int64(statement, 3),
			.http_status = sqlite3_column_int(statement, 4),
			.transport = sqlite3_column_int(statement, 5),
			.answer = column_bytes(statement, 6),
		};
		on_attempt(context, &attempt);
	}
	return status;
}

static void give_quarantined(struct sqlite3_stmt *statement,
	void (*on_row)(void *context, const struct store_quarantine_row *row), void *context)
{
	const struct store_quarantine_row row = {
		.id = sqlite3_column_int64(statement, 0),
		.received_us = sqlite3_column_int64(statement, 1),
		.last_seen_us = sqlite3_column_int64(statement, 2),
		.seen = sqlite3_column_int64(statement, 3),
		.source = (uint16_t)sqlite3_column_int(statement, 4),
		.kind = (uint8_t)sqlite3_column_int(statement, 5),
		.reason = column_bytes(statement, 6),
		.content_type = column_content_type(statement, 7),
		.raw = column_bytes(statement, 8),
	};

	on_row(context, &row);
}

static enum status reader_quarantine(struct store_reader *base, struct store_page *page,
	void (*on_row)(void *context, const struct store_quarantine_row *row), void *context,
	struct error *err)
{
	struct sqlite_reader *reader = reader_of(base);
	struct sqlite3_stmt *statement = reader->statements[READ_QUARANTINE];
	size_t given_count = 0;
	bool row = true;
	enum status status = STATUS_OK;

	sqlite3_bind_int64(statement, 1, page->next == 0 ? INT64_MAX : page->next);
	page->next = 0;
	while (status == STATUS_OK && row) {
		status = fetch(reader, READ_QUARANTINE, &row, err);
		if (status != STATUS_OK || !row)
			break;
		if (given_count == page->count_max) {
			page->next = sqlite3_column_int64(statement, 0) + 1;
			break;
		}
		give_quarantined(statement, on_row, context);
		given_count++;
	}
	sqlite3_reset(statement);
	return status;
}

static enum status reader_quarantined(struct store_reader *base, int64_t id,
	void (*on_row)(void *context, const struct store_quarantine_row *row), void *context,
	struct error *err)
{
	struct sqlite_reader *reader = reader_of(base);
	struct sqlite3_stmt *statement = reader->statements[READ_QUARANTINED];
	bool row = false;
	enum status status;

	sqlite3_bind_int64(statement, 1, id);
	status = fetch(reader, READ_QUARANTINED, &row, err);
	if (status != STATUS_OK)
		return status;
	if (!row) {
		error_set(err, "store '%s': nothing with id %lld is in quarantine", reader->path,
			(long long)id);
		return STATUS_NOT_FOUND;
	}
	give_quarantined(statement, on_row, context);
	sqlite3_reset(statement);
	return STATUS_OK;
}

static enum status give_targets(struct sqlite_reader *reader,
	void (*on_target)(void *context, uint16_t number, const char *name,
		const struct store_target_counts *counts, bool is_paused, const char *reason),
	void *context, struct error *err)
{
	struct sqlite3_stmt *statement = reader->statements[READ_TARGETS];
	bool row = true;
	enum status status = STATUS_OK;

	while (status == STATUS_OK && row) {
		struct store_target_counts counts;

		status = fetch(reader, READ_TARGETS, &row, err);
		if (status != STATUS_OK || !row)
			break;
		counts = (struct store_target_counts){
			.open = sqlite3_column_int64(statement, 2),
			.retrying = sqlite3_column_int64(statement, 3),
			.dead = sqlite3_column_int64(statement, 4),
		};
		on_target(context, (uint16_t)sqlite3_column_int(statement, 0),
			(const char *)sqlite3_column_text(statement, 1), &counts,
			sqlite3_column_int(statement, 5) != 0,
			(const char *)sqlite3_column_text(statement, 6));
	}
	return status;
}

static enum status give_sources(struct sqlite_reader *reader,
	void (*on_source)(void *context, uint16_t number, const char *name), void *context,
	struct error *err)
{
	struct sqlite3_stmt *statement = reader->statements[READ_SOURCES];
	bool row = true;
	enum status status = STATUS_OK;

	while (status == STATUS_OK && row) {
		status = fetch(reader, READ_SOURCES, &row, err);
		if (status == STATUS_OK && row)
			on_source(context, (uint16_t)sqlite3_column_int(statement, 0),
				(const char *)sqlite3_column_text(statement, 1));
	}
	return status;
}

static enum status reader_names(struct store_reader *base,
	void (*on_target)(void *context, uint16_t number, const char *name,
		const struct store_target_counts *counts, bool is_paused, const char *reason),
	void (*on_source)(void *context, uint16_t number, const char *name), void *context,
	struct error *err)
{
	struct sqlite_reader *reader = reader_of(base);
	enum status status;

	status = begin(reader, err);
	if (status != STATUS_OK)
		return status;
	status = give_targets(reader, on_target, context, err);
	if (status == STATUS_OK)
		status = give_sources(reader, on_source, context, err);
	end(reader);
	return status;
}

static enum status reader_totals(
	struct store_reader *base, struct store_totals *totals_out, struct error *err)
{
	struct sqlite_reader *reader = reader_of(base);
	bool row = false;
	enum status status = fetch(reader, READ_QUARANTINED_COUNT, &row, err);

	if (status != STATUS_OK)
		return status;
	if (row) {
		totals_out->quarantined =
			sqlite3_column_int64(reader->statements[READ_QUARANTINED_COUNT], 0);
		sqlite3_reset(reader->statements[READ_QUARANTINED_COUNT]);
	}
	totals_out->bytes = sqlite_file_bytes(reader->path);
	totals_out->changed_ms = sqlite_file_changed_ms(reader->path);
	return STATUS_OK;
}

static enum status reader_secret(
	struct store_reader *base, uint8_t secret_out[STORE_SECRET_SIZE], struct error *err)
{
	struct sqlite_reader *reader = reader_of(base);

	return sqlite_secret_read(reader->db, reader->path, secret_out, err);
}

const struct store_reader_ops store_reader_sqlite_ops = {
	.open = reader_open,
	.close = reader_close,
	.probe = reader_probe,
	.list = reader_list,
	.attempts = reader_attempts,
	.quarantine = reader_quarantine,
	.quarantined = reader_quarantined,
	.totals = reader_totals,
	.secret = reader_secret,
	.names = reader_names,
};
