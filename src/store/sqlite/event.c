/* SPDX-License-Identifier: MIT */
#include <sqlite3.h>

#include "backend/rows.h"
#include "order.h"
#include "steps.h"

/* Bytes are bound, not copied: they stay valid until the statement is reset. */
static void bind_blob(struct sqlite3_stmt *statement, int column, struct slice bytes)
{
	sqlite3_bind_blob64(
		statement, column, bytes.size == 0 ? "" : bytes.data, bytes.size, SQLITE_STATIC);
}

static void bind_content_type(struct sqlite3_stmt *statement, int column, struct slice type)
{
	if (slice_equal(type, store_content_type_usual))
		sqlite3_bind_null(statement, column);
	else
		sqlite3_bind_text64(statement, column, type.size == 0 ? "" : type.data, type.size,
			SQLITE_STATIC, SQLITE_UTF8);
}

/* *inserted_out is false when an event of the same identity is there. */
static enum status insert_event(struct sqlite_store *sqlite, const struct store_event *event,
	bool *inserted_out, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_EVENT_INSERT];
	enum status status;

	sqlite3_bind_int64(statement, 1, sqlite->memory.next_event);
	sqlite3_bind_int64(statement, 2, event->occurred_ms);
	sqlite3_bind_int64(statement, 3, (int64_t)event->identity);
	sqlite3_bind_int64(statement, 4, event->received_us);
	sqlite3_bind_int(statement, 5, event->source);
	sqlite3_bind_int(statement, 6, event->kind);
	bind_content_type(statement, 7, event->content_type);
	bind_blob(statement, 8, event->raw);
	sqlite3_bind_int(statement, 9, event->type);
	status = sqlite_execute(sqlite, SQL_EVENT_INSERT, err);
	*inserted_out = status == STATUS_OK && sqlite3_changes(sqlite->db) > 0;
	return status;
}

/*
 * The same event, received within dedup_window, makes this one a duplicate. An older one gives the identity
 * up and stays as it is.
 */
static enum status resolve_duplicate(
	struct sqlite_store *sqlite, struct store_event *event, struct error *err)
{
	struct sqlite3_stmt *earlier = sqlite->statements[SQL_EVENT_DUPLICATE];
	struct sqlite3_stmt *forget = sqlite->statements[SQL_EVENT_FORGET_IDENTITY];
	int64_t id, age_us;
	bool row = false;
	enum status status;

	sqlite3_bind_int64(earlier, 1, event->occurred_ms);
	sqlite3_bind_int64(earlier, 2, (int64_t)event->identity);
	status = sqlite_fetch(sqlite, SQL_EVENT_DUPLICATE, &row, err);
	if (status != STATUS_OK || !row)
		return status;
	id = sqlite3_column_int64(earlier, 0);
	age_us = event->received_us - sqlite3_column_int64(earlier, 1);
	sqlite_done(sqlite, SQL_EVENT_DUPLICATE);
	if (age_us / 1000 < sqlite->base.settings.dedup_window_ms) {
		event->id = id;
		event->duplicate = true;
		return STATUS_OK;
	}
	sqlite3_bind_int64(forget, 1, id);
	return sqlite_execute(sqlite, SQL_EVENT_FORGET_IDENTITY, err);
}

static enum status insert_search_keys(
	struct sqlite_store *sqlite, const struct store_event *event, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_SEARCH_INSERT];
	enum status status = STATUS_OK;

	sqlite3_bind_int64(statement, 1, event->id >> SQL_BUCKET_BITS);
	sqlite3_bind_int64(statement, 3, event->id);
	for (size_t i = 0; status == STATUS_OK && i < STORE_SEARCH_KEYS; i++) {
		if (event->search_keys[i] == 0)
			continue;
		sqlite3_bind_int64(statement, 2, event->search_keys[i]);
		status = sqlite_execute(sqlite, SQL_SEARCH_INSERT, err);
	}
	return status;
}

/* When a new delivery is due: never, as long as another one of its order_key is open. */
static enum status bind_due(struct sqlite_store *sqlite, const struct store_event *event,
	const struct store_new_delivery *delivery, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_DELIVERY_INSERT];
	bool busy = false;
	enum status status;

	sqlite3_bind_int64(statement, 5, event->received_us / 1000);
	sqlite3_bind_null(statement, 6);
	if (delivery->order_key == 0 || delivery->is_refused)
		return STATUS_OK;
	sqlite3_bind_int64(statement, 6, delivery->order_key);
	status = sqlite_order_is_busy(sqlite, delivery->target, delivery->order_key, &busy, err);
	if (busy)
		sqlite3_bind_int64(statement, 5, SQL_DUE_HELD);
	return status;
}

static enum status insert_deliveries(
	struct sqlite_store *sqlite, const struct store_event *event, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_DELIVERY_INSERT];
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < event->deliveries_count; i++) {
		const struct store_new_delivery *delivery = &event->deliveries[i];

		status = bind_due(sqlite, event, delivery, err);
		if (status != STATUS_OK)
			break;
		sqlite3_bind_int64(statement, 1, store_delivery_id(event->id, delivery->target));
		sqlite3_bind_int(statement, 2, delivery->target);
		sqlite3_bind_int(statement, 3, store_state_of_new(delivery));
		sqlite3_bind_int(statement, 4, store_attempts_of_new(delivery));
		sqlite3_bind_int(statement, 7, store_type(event->type));
		sqlite3_bind_int(statement, 8, store_transport_of_new(delivery));
		status = sqlite_execute(sqlite, SQL_DELIVERY_INSERT, err);
		store_count_new(&sqlite->base, event, delivery, 1);
	}
	return status;
}

enum status sqlite_append(struct store *store, struct store_event *event, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	bool inserted = false;
	enum status status;

	status = insert_event(sqlite, event, &inserted, err);
	if (status == STATUS_OK && !inserted) {
		status = resolve_duplicate(sqlite, event, err);
		if (status != STATUS_OK || event->duplicate)
			return status;
		status = insert_event(sqlite, event, &inserted, err);
	}
	if (status != STATUS_OK)
		return status;
	if (!inserted) {
		error_set(err, "store '%s' is damaged: its index knows an event that is not there",
			sqlite->path);
		return STATUS_INVALID;
	}
	event->id = sqlite->memory.next_event++;
	status = insert_search_keys(sqlite, event, err);
	if (status == STATUS_OK)
		status = insert_deliveries(sqlite, event, err);
	return status;
}

static enum status quarantine_again(
	struct sqlite_store *sqlite, const struct store_quarantined *quarantined, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_QUARANTINE_REPEAT];

	sqlite3_bind_int64(statement, 1, quarantined->id);
	sqlite3_bind_int64(statement, 2, quarantined->received_us);
	return sqlite_execute(sqlite, SQL_QUARANTINE_REPEAT, err);
}

static enum status quarantine_new(struct sqlite_store *sqlite,
	struct store_quarantined *quarantined, int64_t hash, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_QUARANTINE_INSERT];
	enum status status;

	sqlite3_bind_int64(statement, 1, quarantined->received_us);
	sqlite3_bind_int(statement, 2, quarantined->source);
	sqlite3_bind_int(statement, 3, quarantined->kind);
	sqlite3_bind_text(statement, 4, quarantined->reason, -1, SQLITE_STATIC);
	bind_content_type(statement, 5, quarantined->content_type);
	sqlite3_bind_int64(statement, 6, hash);
	bind_blob(statement, 7, quarantined->raw);
	status = sqlite_execute(sqlite, SQL_QUARANTINE_INSERT, err);
	if (status != STATUS_OK)
		return status;
	quarantined->id = sqlite3_last_insert_rowid(sqlite->db);
	sqlite->base.counters.quarantined_change++;
	return STATUS_OK;
}

enum status sqlite_quarantine(
	struct store *store, struct store_quarantined *quarantined, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	struct sqlite3_stmt *find = sqlite->statements[SQL_QUARANTINE_FIND];
	int64_t hash = store_hash_body(quarantined->source, quarantined->raw);
	bool found = false;
	enum status status;

	sqlite3_bind_int64(find, 1, hash);
	sqlite3_bind_int(find, 2, quarantined->source);
	bind_blob(find, 3, quarantined->raw);
	status = sqlite_read_int(sqlite, SQL_QUARANTINE_FIND, &quarantined->id, &found, err);
	if (status != STATUS_OK)
		return status;
	return found ? quarantine_again(sqlite, quarantined, err)
		     : quarantine_new(sqlite, quarantined, hash, err);
}
