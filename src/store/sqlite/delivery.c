/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <sqlite3.h>

#include "backend/claimed.h"
#include "backend/names.h"
#include "backend/rows.h"
#include "order.h"
#include "steps.h"

enum status sqlite_recover(struct store *store, int64_t now_ms, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	struct sqlite3_stmt *count = sqlite->statements[SQL_LEASED_COUNT];
	bool row = true, any = false;
	enum status status = STATUS_OK;

	while (status == STATUS_OK && row) {
		status = sqlite_fetch(sqlite, SQL_LEASED_COUNT, &row, err);
		if (status != STATUS_OK || !row)
			break;
		/* A lease counted its attempt, so each of them waits for another one now. */
		store_counters_add(&store->counters, (uint16_t)sqlite3_column_int(count, 0),
			(struct store_target_counts){ .retrying = sqlite3_column_int64(count, 1) });
		any = true;
	}
	if (status != STATUS_OK || !any)
		return status; /* a start without leases writes nothing: it works on a full disk */
	sqlite3_bind_int64(sqlite->statements[SQL_LEASED_RECOVER], 1, now_ms);
	return sqlite_execute(sqlite, SQL_LEASED_RECOVER, err);
}

static enum status insert_attempt(
	struct sqlite_store *sqlite, const struct store_verdict *verdict, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_ATTEMPT_INSERT];

	sqlite3_bind_int64(statement, 1, verdict->event);
	sqlite3_bind_int(statement, 2, verdict->target);
	sqlite3_bind_int(statement, 3, verdict->attempts);
	sqlite3_bind_int64(statement, 4, verdict->started_ms);
	sqlite3_bind_int64(statement, 5, verdict->duration_ms);
	sqlite3_bind_int(statement, 6, verdict->http_status);
	sqlite3_bind_int(statement, 7, verdict->transport);
	sqlite3_bind_blob64(statement, 8, verdict->answer.size == 0 ? "" : verdict->answer.data,
		verdict->answer.size, SQLITE_STATIC);
	return sqlite_execute(sqlite, SQL_ATTEMPT_INSERT, err);
}

/* Delivered or dead. *moved_out is false when the delivery was not leased. */
static enum status finish(struct sqlite_store *sqlite, const struct store_verdict *verdict,
	bool *moved_out, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_DELIVERY_FINISH];
	enum status status;

	sqlite3_bind_int64(statement, 1, store_delivery_id(verdict->event, verdict->target));
	sqlite3_bind_int(statement, 2, (int)verdict->next);
	sqlite3_bind_int64(statement, 3, verdict->started_ms + verdict->duration_ms);
	sqlite3_bind_int(statement, 4, verdict->http_status);
	sqlite3_bind_int(statement, 5, verdict->transport);
	sqlite3_bind_int64(statement, 6, verdict->duration_ms);
	status = sqlite_execute(sqlite, SQL_DELIVERY_FINISH, err);
	*moved_out = status == STATUS_OK && sqlite3_changes(sqlite->db) > 0;
	if (!*moved_out)
		return status;
	store_counters_add(&sqlite->base.counters, verdict->target,
		(struct store_target_counts){
			.open = -1, .dead = verdict->next == DELIVERY_DEAD ? 1 : 0 });
	store_counters_add_source(&sqlite->base.counters, verdict->source, -1);
	return status;
}

/* Waits again, for another attempt or because it was released. */
static enum status postpone(struct sqlite_store *sqlite, const struct store_verdict *verdict,
	bool *moved_out, struct error *err)
{
	const enum sqlite_statement which =
		verdict->release ? SQL_DELIVERY_RELEASE : SQL_DELIVERY_RETRY;
	struct sqlite3_stmt *statement = sqlite->statements[which];
	int64_t attempts = 0;
	enum status status;

	sqlite3_bind_int64(statement, 1, store_delivery_id(verdict->event, verdict->target));
	sqlite3_bind_int64(statement, 2, verdict->due_ms);
	if (!verdict->release) {
		sqlite3_bind_int(statement, 3, verdict->http_status);
		sqlite3_bind_int(statement, 4, verdict->transport);
		sqlite3_bind_int64(statement, 5, verdict->duration_ms);
	}
	status = sqlite_read_int(sqlite, which, &attempts, moved_out, err);
	if (status == STATUS_OK && *moved_out && attempts > 0)
		store_counters_add(&sqlite->base.counters, verdict->target,
			(struct store_target_counts){ .retrying = 1 });
	return status;
}

/* For a target with such deliveries: is there anything that follows from the verdict on this one? */
static enum status record_extras(struct sqlite_store *sqlite, const struct store_verdict *verdict,
	bool *had_attempts_out, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_DELIVERY_EXTRAS];
	int64_t id = store_delivery_id(verdict->event, verdict->target);
	bool is_ordered, row = false;
	enum status status;

	sqlite3_bind_int64(statement, 1, id);
	status = sqlite_fetch(sqlite, SQL_DELIVERY_EXTRAS, &row, err);
	if (status != STATUS_OK || !row)
		return status;
	is_ordered = sqlite3_column_int(statement, 0) != 0;
	*had_attempts_out = sqlite3_column_int64(statement, 1) > 0;
	sqlite_done(sqlite, SQL_DELIVERY_EXTRAS);
	if (!is_ordered || verdict->next == DELIVERY_WAITING)
		return STATUS_OK;
	return sqlite_order_release(sqlite, id, verdict->started_ms + verdict->duration_ms, err);
}

enum status sqlite_record(
	struct store *store, const struct store_verdict *verdict, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	bool went_well = verdict->next == DELIVERY_DELIVERED && verdict->attempts == 1;
	bool moved = false, had_attempts = false;
	enum status status;

	if (verdict->next == DELIVERY_WAITING)
		status = postpone(sqlite, verdict, &moved, err);
	else
		status = finish(sqlite, verdict, &moved, err);
	if (status == STATUS_OK && !moved)
		store->takeovers.verdicts_late++;
	if (status == STATUS_OK && moved && sqlite->has_extras[verdict->target])
		status = record_extras(sqlite, verdict, &had_attempts, err);
	if (status != STATUS_OK || !moved || verdict->release || (went_well && !had_attempts))
		return status;
	return insert_attempt(sqlite, verdict, err);
}

static struct slice column_bytes(struct sqlite3_stmt *statement, int column)
{
	const void *data = sqlite3_column_blob(statement, column); /* before its size */

	return slice_of(data, (size_t)sqlite3_column_bytes(statement, column));
}

static struct store_claimed *claimed_new(const struct store *store, struct sqlite3_stmt *due,
	uint16_t target, int type, struct slice raw)
{
	struct slice content_type = sqlite3_column_type(due, 5) == SQLITE_NULL
					    ? store_content_type_usual
					    : column_bytes(due, 5);
	const struct store_claimed head = {
		.event = sqlite3_column_int64(due, 0),
		.received_us = sqlite3_column_int64(due, 1),
		.attempts = sqlite3_column_int(due, 2) + 1,
		.is_replay = sqlite3_column_int(due, 8) != 0,
		.as_new = sqlite3_column_int(due, 9),
		.target = target,
		.source = (uint16_t)sqlite3_column_int(due, 3),
		.kind = (uint8_t)sqlite3_column_int(due, 4),
		.type = (uint8_t)type,
		.source_name = store_known_source_name(store, (uint16_t)sqlite3_column_int(due, 3)),
	};

	return store_claimed_new(&head, content_type, raw);
}

/* What has been claimed so far. */
struct claiming {
	struct store_claim *claim;
	struct store_claimed **tail;
	size_t bytes;
};

static enum status read_due(struct sqlite_store *sqlite, int64_t now_ms, int type,
	struct claiming *claiming, struct error *err)
{
	struct sqlite3_stmt *due = sqlite->statements[SQL_DELIVERY_DUE];
	struct store_claim *claim = claiming->claim;
	size_t before = claim->count;
	bool row = true;
	enum status status = STATUS_OK;

	sqlite3_bind_int(due, 1, claim->target);
	sqlite3_bind_int(due, 2, type);
	sqlite3_bind_int64(due, 3, now_ms);
	sqlite3_bind_int64(due, 4, (int64_t)claim->count_max[type]);
	while (status == STATUS_OK && row) {
		struct slice raw;

		status = sqlite_fetch(sqlite, SQL_DELIVERY_DUE, &row, err);
		if (status != STATUS_OK || !row)
			break;
		raw = column_bytes(due, 6);
		claiming->bytes += raw.size;
		if (claim->count > before && claiming->bytes > claim->bytes_max)
			break;
		if (sqlite3_column_int(due, 7) != 0)
			sqlite->has_extras[claim->target] = true;
		*claiming->tail = claimed_new(&sqlite->base, due, claim->target, type, raw);
		claiming->tail = &(*claiming->tail)->next;
		claim->count++;
	}
	sqlite_done(sqlite, SQL_DELIVERY_DUE);
	return status;
}

/* Reads first and changes later: the index that is read is the one that changes. */
static enum status read_all_due(
	struct sqlite_store *sqlite, int64_t now_ms, struct store_claim *claim, struct error *err)
{
	struct claiming claiming = { .claim = claim, .tail = &claim->list };
	enum status status = STATUS_OK;

	for (int type = 0; status == STATUS_OK && type < STORE_TYPES; type++)
		if (claim->count_max[type] > 0)
			status = read_due(sqlite, now_ms, type, &claiming, err);
	return status;
}

static enum status read_next_due(
	struct sqlite_store *sqlite, struct store_claim *claim, struct error *err)
{
	struct sqlite3_stmt *next = sqlite->statements[SQL_DELIVERY_NEXT_DUE];
	enum status status = STATUS_OK;

	sqlite3_bind_int(next, 1, claim->target);
	for (int type = 0; status == STATUS_OK && type < STORE_TYPES; type++) {
		if (claim->count_max[type] == 0)
			continue;
		sqlite3_bind_int(next, 2, type);
		status = sqlite_read_int(
			sqlite, SQL_DELIVERY_NEXT_DUE, &claim->next_due_ms[type], NULL, err);
	}
	return status;
}

enum status sqlite_claim(
	struct store *store, int64_t now_ms, struct store_claim *claim, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	struct sqlite3_stmt *lease = sqlite->statements[SQL_DELIVERY_LEASE];
	enum status status;

	status = read_all_due(sqlite, now_ms, claim, err);
	for (struct store_claimed *claimed = claim->list; status == STATUS_OK && claimed != NULL;
		claimed = claimed->next) {
		sqlite3_bind_int64(lease, 1, store_delivery_id(claimed->event, claim->target));
		status = sqlite_execute(sqlite, SQL_DELIVERY_LEASE, err);
		if (claimed->attempts > 1)
			store_counters_add(&store->counters, claim->target,
				(struct store_target_counts){ .retrying = -1 });
	}
	return status == STATUS_OK ? read_next_due(sqlite, claim, err) : status;
}

int64_t sqlite_oldest_waiting_us(struct store *store, uint16_t target)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	int64_t received_us = 0;

	sqlite3_bind_int(sqlite->statements[SQL_DELIVERY_OLDEST], 1, target);
	if (sqlite_read_int(sqlite, SQL_DELIVERY_OLDEST, &received_us, NULL, NULL) != STATUS_OK)
		return 0;
	return received_us;
}
