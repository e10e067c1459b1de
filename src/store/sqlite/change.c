/* SPDX-License-Identifier: MIT */
/*
 * What operators do: deliveries taken up again or discarded, targets paused, quarantine emptied.
 *
 * A delivery that is taken up again starts to count its attempts anew; those before stay readable,
 * for "earlier" continues their numbers. One that an earlier delivery of its order_key holds back
 * stays held: it has all its attempts still, and its order is a promise.
 */
#include <sqlite3.h>

#include "backend/rows.h"
#include "order.h"
#include "steps.h"

/* A row of delivery, as far as a change needs it. */
struct subject {
	int64_t id;
	uint16_t target;
	uint16_t source; /* of its event */
	enum delivery_state state;
	int attempts;
	int64_t due_ms;
	bool is_ordered;
};

static enum status read_subject(struct sqlite_store *sqlite, int64_t id, struct subject *subject,
	bool *found_out, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_CHANGE_READ];
	enum status status;

	sqlite3_bind_int64(statement, 1, id);
	status = sqlite_fetch(sqlite, SQL_CHANGE_READ, found_out, err);
	if (status != STATUS_OK || !*found_out)
		return status;
	*subject = (struct subject){
		.id = id,
		.target = (uint16_t)sqlite3_column_int(statement, 0),
		.state = (enum delivery_state)sqlite3_column_int(statement, 1),
		.attempts = sqlite3_column_int(statement, 2),
		.due_ms = sqlite3_column_int64(statement, 3),
		.is_ordered = sqlite3_column_type(statement, 4) != SQLITE_NULL,
		.source = (uint16_t)sqlite3_column_int(statement, 5),
	};
	sqlite_done(sqlite, SQL_CHANGE_READ);
	return STATUS_OK;
}

/* The counts of a target without this delivery. */
static struct store_target_counts without(const struct subject *subject)
{
	bool is_waiting = subject->state == DELIVERY_WAITING;

	return (struct store_target_counts){
		.open = is_waiting ? -1 : 0,
		.retrying = is_waiting && subject->attempts > 0 ? -1 : 0,
		.dead = subject->state == DELIVERY_DEAD ? -1 : 0,
	};
}

static enum status retry(struct sqlite_store *sqlite, struct store_change *change,
	const struct subject *subject, struct error *err)
{
	struct sqlite3_stmt *keep = sqlite->statements[SQL_CHANGE_KEEP_ATTEMPT];
	struct sqlite3_stmt *statement = sqlite->statements[SQL_CHANGE_RETRY];
	struct store_target_counts counts = without(subject);
	enum status status = STATUS_OK;

	if (subject->state == DELIVERY_LEASED || subject->due_ms == SQL_DUE_HELD)
		return STATUS_OK;
	/* One that went well at once has no row of its attempt, and its own is about to change. */
	if (subject->state == DELIVERY_DELIVERED) {
		sqlite3_bind_int64(keep, 1, subject->id);
		status = sqlite_execute(sqlite, SQL_CHANGE_KEEP_ATTEMPT, err);
	}
	if (status != STATUS_OK)
		return status;
	sqlite3_bind_int64(statement, 1, subject->id);
	sqlite3_bind_int64(statement, 2,
		subject->state == DELIVERY_WAITING && subject->due_ms < change->now_ms
			? subject->due_ms
			: change->now_ms);
	counts.open++;
	store_counters_add(&sqlite->base.counters, subject->target, counts);
	store_counters_add_source(&sqlite->base.counters, subject->source, counts.open);
	store_change_touch(change, subject->target);
	change->changed++;
	return sqlite_execute(sqlite, SQL_CHANGE_RETRY, err);
}

static enum status discard(struct sqlite_store *sqlite, struct store_change *change,
	const struct subject *subject, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_CHANGE_DISCARD];
	bool is_waiting = subject->state == DELIVERY_WAITING;
	enum status status;

	if (!is_waiting && subject->state != DELIVERY_DEAD)
		return STATUS_OK;
	sqlite3_bind_int64(statement, 1, subject->id);
	sqlite3_bind_int64(statement, 2, change->now_ms);
	status = sqlite_execute(sqlite, SQL_CHANGE_DISCARD, err);
	if (status != STATUS_OK)
		return status;
	store_counters_add(&sqlite->base.counters, subject->target, without(subject));
	store_counters_add_source(&sqlite->base.counters, subject->source, without(subject).open);
	store_counters_discard(&sqlite->base.counters, subject->target);
	change->changed++;
	if (!is_waiting || !subject->is_ordered)
		return STATUS_OK;
	store_change_touch(change, subject->target);
	return sqlite_order_release(sqlite, subject->id, change->now_ms, err);
}

static enum status change_one(struct sqlite_store *sqlite, struct store_change *change,
	struct sqlite_scan *scan, int64_t id, struct error *err)
{
	struct subject subject = { 0 };
	bool is_meant = false;
	enum status status;

	status = sqlite_scan_check(scan, id, &is_meant, err);
	if (status == STATUS_OK && is_meant)
		status = read_subject(sqlite, id, &subject, &is_meant, err);
	if (status != STATUS_OK || !is_meant)
		return status;
	switch (change->kind) {
	case STORE_CHANGE_RETRY:
		return retry(sqlite, change, &subject, err);
	case STORE_CHANGE_DISCARD:
		return discard(sqlite, change, &subject, err);
	}
	return STATUS_OK; /* not reached: -Wswitch guards the cases */
}

enum status sqlite_change(struct store *store, struct store_change *change, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	struct sqlite_scan scan = {
		.scanner = &sqlite->scanner,
		.filter = change->filter,
		.targets_count = store->names_count[STORE_NAME_TARGET],
		.first = change->after + 1,
		.last = SCAN_ID_MAX,
	};
	enum status status;

	scan.filter.states = store_change_states(change);
	if (scan.filter.states == 0) {
		change->done = true;
		return STATUS_OK;
	}
	status = sqlite_scan_begin(&scan, err);
	while (status == STATUS_OK && scan.first <= scan.last) {
		if (scan.scanned >= change->scan_limit)
			return STATUS_OK;
		status = sqlite_scan_next(&scan, change->scan_limit, err);
		for (size_t i = 0; status == STATUS_OK && i < scan.count; i++) {
			if (change->changed == change->count_max)
				return STATUS_OK;
			status = change_one(sqlite, change, &scan, scan.ids[i], err);
			change->after = scan.ids[i];
		}
		if (status == STATUS_OK && scan.first <= scan.last)
			change->after = scan.first - 1;
	}
	change->done = status == STATUS_OK;
	return status;
}

enum status sqlite_number_anew(struct store *store, int64_t event, uint16_t target, int more,
	int *number_out, bool *found_out, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	struct sqlite3_stmt *statement = sqlite->statements[SQL_CHANGE_NUMBER_ANEW];
	int64_t number = 0;
	enum status status;

	sqlite3_bind_int64(statement, 1, store_delivery_id(event, target));
	sqlite3_bind_int(statement, 2, more);
	status = sqlite_read_int(sqlite, SQL_CHANGE_NUMBER_ANEW, &number, found_out, err);
	*number_out = (int)number;
	return status;
}

enum status sqlite_add_search_key(
	struct store *store, int64_t event, int64_t key, int64_t now_ms, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	struct sqlite3_stmt *statement = sqlite->statements[SQL_SEARCH_INSERT];

	(void)now_ms;
	sqlite3_bind_int64(statement, 1, event >> SQL_BUCKET_BITS);
	sqlite3_bind_int64(statement, 2, key);
	sqlite3_bind_int64(statement, 3, event);
	return sqlite_execute(sqlite, SQL_SEARCH_INSERT, err);
}

enum status sqlite_pause(
	struct store *store, uint16_t target, bool paused, struct slice reason, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	struct sqlite3_stmt *statement = sqlite->statements[SQL_TARGET_PAUSE];

	sqlite3_bind_int(statement, 1, target);
	sqlite3_bind_int(statement, 2, paused ? 1 : 0);
	sqlite3_bind_text64(statement, 3, reason.data, reason.size, SQLITE_STATIC, SQLITE_UTF8);
	return sqlite_execute(sqlite, SQL_TARGET_PAUSE, err);
}

enum status sqlite_unquarantine(struct store *store, int64_t id, bool *found_out, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	enum status status;

	sqlite3_bind_int64(sqlite->statements[SQL_UNQUARANTINE], 1, id);
	status = sqlite_execute(sqlite, SQL_UNQUARANTINE, err);
	*found_out = status == STATUS_OK && sqlite3_changes(sqlite->db) > 0;
	if (*found_out)
		store->counters.quarantined_change--;
	return status;
}
