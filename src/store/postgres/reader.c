/* SPDX-License-Identifier: MIT */
/*
 * Looking at the tables with a connection of its own, which is made again when it broke. A call is one
 * read-only statement, and ends after a few seconds whatever it asks.
 */
#include <string.h>

#include "backend.h"
#include "backend/rows.h"
#include "connection/filter.h"
#include "connection/format.h"
#include "connection/schema.h"
#include "connection/secret.h"
#include "repostal/memory.h"

enum {
	READER_SCAN_LIMIT = 20000, /* of one list */
	READER_SQL_SIZE_MAX = POSTGRES_FILTER_SIZE_MAX + 4096,
};

#define QUARANTINE_COLUMNS                                                                \
	"SELECT id, received, last_seen, seen, source, kind, convert_to(reason, 'UTF8')," \
	" content_type, raw FROM quarantine"

struct postgres_reader {
	struct store_reader base; /* first: the front's pointer is this one's */
	char *dsn;
	struct postgres_session *session; /* NULL: to be made again */
};

static struct postgres_reader *reader_of(struct store_reader *reader)
{
	return (struct postgres_reader *)reader;
}

static void reader_close(struct store_reader *base)
{
	struct postgres_reader *reader = reader_of(base);

	postgres_session_close(&reader->session);
	free(reader->dsn);
	free(reader);
}

static enum status connect_server(struct postgres_reader *reader, struct error *err)
{
	enum status status =
		postgres_session_open(reader->dsn, "repostal-reader", -1, &reader->session, err);

	if (status == STATUS_OK)
		status = postgres_session_script(reader->session,
			"SET default_transaction_read_only = on; SET statement_timeout = '4s'",
			err);
	if (status == STATUS_OK)
		status = postgres_schema_check(reader->session, err);
	if (status != STATUS_OK)
		postgres_session_close(&reader->session);
	return status;
}

static enum status reader_open(
	const struct store_settings *settings, struct store_reader **reader_out, struct error *err)
{
	struct postgres_reader *reader = memory_zalloc(sizeof(*reader));
	enum status status;

	reader->dsn = memory_copy_text(settings->dsn == NULL ? "" : settings->dsn);
	status = connect_server(reader, err);
	if (status != STATUS_OK) {
		reader_close(&reader->base);
		return status;
	}
	*reader_out = &reader->base;
	return STATUS_OK;
}

static enum status reader_probe(const struct store_settings *settings, struct error *err)
{
	struct postgres_session *session = NULL;
	enum status status = postgres_session_open(
		settings->dsn == NULL ? "" : settings->dsn, "repostal-check", -1, &session, err);

	if (status == STATUS_OK)
		status = postgres_schema_probe(session, err);
	postgres_session_close(&session);
	return status;
}

/* A connection that broke since the last call is made again, once. */
static enum status query(struct postgres_reader *reader, const char *sql,
	struct postgres_rows *rows, struct error *err)
{
	enum status status = STATUS_OK;

	for (int round = 0; round < 2; round++) {
		if (reader->session == NULL)
			status = connect_server(reader, err);
		if (status != STATUS_OK)
			return status;
		status = postgres_session_query(reader->session, sql, rows, err);
		if (status == STATUS_OK || !reader->session->is_lost)
			return status;
		postgres_session_close(&reader->session);
	}
	return status;
}

static struct slice content_type_of(const struct postgres_rows *rows, int row, int column)
{
	return postgres_is_null(rows, row, column) ? store_content_type_usual
						   : postgres_bytes(rows, row, column);
}

static void give_row(const struct postgres_rows *rows, int row,
	void (*on_row)(void *context, const struct store_row *row), void *context)
{
	int64_t id = postgres_int(rows, row, 0);
	struct store_row given = {
		.id = id,
		.event = id >> 16,
		.target = (uint16_t)(id & 65535),
		.state = (enum delivery_state)postgres_int(rows, row, 3),
		.attempts = (int)postgres_int(rows, row, 4),
		.due_ms = postgres_int(rows, row, 5),
		.http_status = (int)postgres_int(rows, row, 6),
		.transport = (int)postgres_int(rows, row, 7),
		.duration_ms = postgres_int(rows, row, 8),
		.received_us = postgres_int(rows, row, 9),
		.source = (uint16_t)postgres_int(rows, row, 10),
		.kind = (uint8_t)postgres_int(rows, row, 11),
		.type = (uint8_t)postgres_int(rows, row, 12),
		.content_type = content_type_of(rows, row, 13),
		.raw = postgres_bytes(rows, row, 14),
		.as_new = (int)postgres_int(rows, row, 15),
	};

	given.is_held = given.state == DELIVERY_WAITING && given.due_ms == PG_DUE_HELD;
	if (given.is_held)
		given.due_ms = 0;
	on_row(context, &given);
}

static void build_list(struct buf *sql, const struct store_filter *filter, bool is_up,
	const struct store_page *page)
{
	const struct postgres_page found = {
		.filter = *filter,
		.is_down = !is_up,
		.from = !is_up && page->next == 0 ? INT64_MAX : page->next,
		.scan_limit = READER_SCAN_LIMIT,
		.count_max = page->count_max,
	};

	buf_append_text(sql, "SELECT page.id, page.count, page.last, d.state, d.attempts, d.due,"
			     " d.code, d.transport, d.duration, e.received, e.source, e.kind,"
			     " e.type, e.content_type, e.raw, d.as_new FROM (");
	postgres_filter_sql(sql, &found);
	buf_append_text(sql, ") AS page LEFT JOIN delivery AS d ON d.id = page.id"
			     " LEFT JOIN event AS e ON e.id = page.id >> 16"
			     " ORDER BY page.id");
	buf_append_text(sql, is_up ? "" : " DESC");
}

static enum status reader_list(struct store_reader *base, const struct store_filter *filter,
	bool is_up, struct store_page *page,
	void (*on_row)(void *context, const struct store_row *row), void *context,
	struct error *err)
{
	struct postgres_rows rows = { 0 };
	struct buf sql;
	size_t given_count = 0;
	enum status status;

	buf_init(&sql, READER_SQL_SIZE_MAX);
	build_list(&sql, filter, is_up, page);
	status = query(reader_of(base), sql.data, &rows, err);
	buf_free(&sql);
	for (int row = 0; row < rows.count; row++)
		if (!postgres_is_null(&rows, row, 0)) {
			give_row(&rows, row, on_row, context);
			given_count++;
		}
	page->next = 0;
	/* A page ends at its size, or where the scan stopped. */
	if (status == STATUS_OK && given_count == page->count_max)
		page->next = postgres_int(&rows, rows.count - 1, 0);
	else if (status == STATUS_OK && postgres_int(&rows, 0, 1) >= READER_SCAN_LIMIT)
		page->next = postgres_int(&rows, 0, 2);
	postgres_rows_free(&rows);
	return status;
}

static enum status reader_attempts(struct store_reader *base, int64_t event,
	void (*on_attempt)(void *context, const struct store_attempt *attempt), void *context,
	struct error *err)
{
	struct postgres_rows rows = { 0 };
	struct buf sql;
	enum status status;

	buf_init(&sql, READER_SQL_SIZE_MAX);
	buf_append_text(&sql, "SELECT target, number, started, duration, code, transport, answer"
			      " FROM attempt WHERE event = ");
	buf_append_int(&sql, event);
	buf_append_text(&sql, " ORDER BY target, number");
	status = query(reader_of(base), sql.data, &rows, err);
	buf_free(&sql);
	for (int row = 0; row < rows.count; row++) {
		const struct store_attempt attempt = {
			.target = (uint16_t)postgres_int(&rows, row, 0),
			.number = (int)postgres_int(&rows, row, 1),
			.started_ms = postgres_int(&rows, row, 2),
			.duration_ms = postgres_int(&rows, row, 3),
			.http_status = (int)postgres_int(&rows, row, 4),
			.transport = (int)postgres_int(&rows, row, 5),
			.answer = postgres_bytes(&rows, row, 6),
		};

		on_attempt(context, &attempt);
	}
	postgres_rows_free(&rows);
	return status;
}

static void give_quarantined(const struct postgres_rows *rows, int row,
	void (*on_row)(void *context, const struct store_quarantine_row *row), void *context)
{
	const struct store_quarantine_row given = {
		.id = postgres_int(rows, row, 0),
		.received_us = postgres_int(rows, row, 1),
		.last_seen_us = postgres_int(rows, row, 2),
		.seen = postgres_int(rows, row, 3),
		.source = (uint16_t)postgres_int(rows, row, 4),
		.kind = (uint8_t)postgres_int(rows, row, 5),
		.reason = postgres_bytes(rows, row, 6),
		.content_type = content_type_of(rows, row, 7),
		.raw = postgres_bytes(rows, row, 8),
	};

	on_row(context, &given);
}

static enum status reader_quarantine(struct store_reader *base, struct store_page *page,
	void (*on_row)(void *context, const struct store_quarantine_row *row), void *context,
	struct error *err)
{
	struct postgres_rows rows = { 0 };
	struct buf sql;
	enum status status;

	buf_init(&sql, READER_SQL_SIZE_MAX);
	buf_append_text(&sql, QUARANTINE_COLUMNS " WHERE id < ");
	buf_append_int(&sql, page->next == 0 ? INT64_MAX : page->next);
	buf_append_text(&sql, " ORDER BY id DESC LIMIT ");
	buf_append_int(&sql, (int64_t)page->count_max + 1);
	status = query(reader_of(base), sql.data, &rows, err);
	buf_free(&sql);
	page->next = 0;
	for (int row = 0; row < rows.count; row++) {
		if ((size_t)row == page->count_max) {
			page->next = postgres_int(&rows, row, 0) + 1;
			break;
		}
		give_quarantined(&rows, row, on_row, context);
	}
	postgres_rows_free(&rows);
	return status;
}

static enum status reader_quarantined(struct store_reader *base, int64_t id,
	void (*on_row)(void *context, const struct store_quarantine_row *row), void *context,
	struct error *err)
{
	struct postgres_rows rows = { 0 };
	struct buf sql;
	enum status status;

	buf_init(&sql, READER_SQL_SIZE_MAX);
	buf_append_text(&sql, QUARANTINE_COLUMNS " WHERE id = ");
	buf_append_int(&sql, id);
	status = query(reader_of(base), sql.data, &rows, err);
	buf_free(&sql);
	if (status == STATUS_OK && rows.count == 0) {
		error_set(err, "store: nothing with id %lld is in quarantine", (long long)id);
		status = STATUS_NOT_FOUND;
	}
	if (status == STATUS_OK)
		give_quarantined(&rows, 0, on_row, context);
	postgres_rows_free(&rows);
	return status;
}

static char *text_of(const struct postgres_rows *rows, int row, int column)
{
	struct slice bytes = postgres_bytes(rows, row, column);

	return memory_copy_bytes(bytes.data, bytes.size);
}

static enum status give_targets(struct postgres_reader *reader,
	void (*on_target)(void *context, uint16_t number, const char *name,
		const struct store_target_counts *counts, bool is_paused, const char *reason),
	void *context, struct error *err)
{
	static const char sql[] =
		"SELECT number, convert_to(name, 'UTF8'), coalesce(sum(open), 0)::bigint,"
		" coalesce(sum(retrying), 0)::bigint, coalesce(sum(dead), 0)::bigint,"
		" paused::int, convert_to(reason, 'UTF8') FROM target"
		" LEFT JOIN tally ON tally.target = number WHERE name NOT LIKE '~%'"
		" GROUP BY number ORDER BY number";
	struct postgres_rows rows = { 0 };
	enum status status = query(reader, sql, &rows, err);

	for (int row = 0; row < rows.count; row++) {
		const struct store_target_counts counts = {
			.open = postgres_int(&rows, row, 2),
			.retrying = postgres_int(&rows, row, 3),
			.dead = postgres_int(&rows, row, 4),
		};
		char *name = text_of(&rows, row, 1);
		char *reason = text_of(&rows, row, 6);

		on_target(context, (uint16_t)postgres_int(&rows, row, 0), name, &counts,
			postgres_int(&rows, row, 5) != 0, reason);
		free(name);
		free(reason);
	}
	postgres_rows_free(&rows);
	return status;
}

static enum status reader_names(struct store_reader *base,
	void (*on_target)(void *context, uint16_t number, const char *name,
		const struct store_target_counts *counts, bool is_paused, const char *reason),
	void (*on_source)(void *context, uint16_t number, const char *name), void *context,
	struct error *err)
{
	struct postgres_reader *reader = reader_of(base);
	struct postgres_rows rows = { 0 };
	enum status status = give_targets(reader, on_target, context, err);

	if (status != STATUS_OK)
		return status;
	status = query(reader,
		"SELECT number, convert_to(name, 'UTF8') FROM source WHERE name NOT LIKE '~%'"
		" ORDER BY number",
		&rows, err);
	for (int row = 0; row < rows.count; row++) {
		char *name = text_of(&rows, row, 1);

		on_source(context, (uint16_t)postgres_int(&rows, row, 0), name);
		free(name);
	}
	postgres_rows_free(&rows);
	return status;
}

/* Counts of quarantine are under target -1, as in connection/schema.c. */
static enum status reader_totals(
	struct store_reader *base, struct store_totals *totals_out, struct error *err)
{
	static const char sql[] =
		"SELECT (SELECT coalesce(sum(open), 0) FROM tally WHERE target = -1)::bigint,"
		" (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class AS c"
		" WHERE c.relnamespace = 'repostal'::regnamespace AND c.relkind = 'r')::bigint,"
		" (SELECT count(*) FROM instance WHERE alive_until > now())::bigint";
	struct postgres_rows rows = { 0 };
	enum status status = query(reader_of(base), sql, &rows, err);

	if (status == STATUS_OK) {
		totals_out->quarantined = postgres_int(&rows, 0, 0);
		totals_out->bytes = postgres_int(&rows, 0, 1);
		totals_out->gateways = postgres_int(&rows, 0, 2);
	}
	postgres_rows_free(&rows);
	return status;
}

static enum status reader_secret(
	struct store_reader *base, uint8_t secret_out[STORE_SECRET_SIZE], struct error *err)
{
	struct postgres_reader *reader = reader_of(base);
	enum status status = STATUS_OK;

	if (reader->session == NULL)
		status = connect_server(reader, err);
	return status == STATUS_OK ? postgres_secret_read(reader->session, secret_out, err)
				   : status;
}

const struct store_reader_ops store_reader_postgres_ops = {
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
