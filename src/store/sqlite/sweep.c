/* SPDX-License-Identifier: MIT */
/*
 * Removal of what is old, in steps of a few milliseconds.
 *
 * Ids rise with the arrival, so the old events are the first. A cursor walks over them and removes,
 * and stops before the first that is too young to go whatever became of it; there it stays and
 * follows the clock, a few events a call. What it passed without removing (still open, or dead and
 * kept longer) is examined again by a new round, an hour after the last one ended, and only if
 * there was any.
 */
#include <sqlite3.h>

#include "repostal/memory.h"
#include "steps.h"

enum {
	EVENTS_SEEN_MAX = 1000, /* in one step */
	EVENTS_REMOVED_MAX = 500,
	REMOVED_SIZE_MAX = 1024 * 1024, /* of raw bytes; the first event always goes */
	QUARANTINED_REMOVED_MAX = 20,
	PAGES_FREE_MIN = 256, /* 1 MiB: less is not worth the moving of pages */
};

/* Neighbours that go together, ids between them that do not exist included. */
struct id_range {
	int64_t first, last;
};

struct scan {
	int64_t now_ms;
	bool row; /* the statement stands on the first delivery of an event */
	int64_t seen_count;
	int64_t removed_count;
	int64_t removed_size;
	bool extend; /* the event before goes too */
	size_t ranges_count;
	struct id_range ranges[EVENTS_REMOVED_MAX];
};

enum event_fate {
	EVENT_YOUNG,
	EVENT_KEPT,
	EVENT_REMOVABLE
};

/* An unknown state can only come from a newer program or a damaged file: leave it alone. */
static bool delivery_is_over(const struct store_settings *settings, int state, int64_t age_ms)
{
	if (state == DELIVERY_DELIVERED)
		return age_ms >= settings->keep_delivered_ms;
	if (state == DELIVERY_DEAD || state == DELIVERY_DISCARDED)
		return age_ms >= settings->keep_dead_ms;
	return false;
}

/* Reads all rows of the event that the statement stands on, unless the event is young. */
static enum status decide_event(struct sqlite_store *sqlite, struct scan *scan,
	enum event_fate *fate_out, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_SWEEP_SCAN];
	const struct store_settings *settings = &sqlite->base.settings;
	int64_t id = sqlite3_column_int64(statement, 0);
	int64_t age_ms = scan->now_ms - sqlite3_column_int64(statement, 1) / 1000;
	bool over = true;
	enum status status = STATUS_OK;

	*fate_out = EVENT_YOUNG;
	if (age_ms < sweep_age_min_ms(settings))
		return STATUS_OK;
	while (status == STATUS_OK && scan->row && sqlite3_column_int64(statement, 0) == id) {
		if (sqlite3_column_type(statement, 3) == SQLITE_NULL) /* no target wanted it */
			over = age_ms >= settings->keep_delivered_ms;
		else if (!delivery_is_over(settings, sqlite3_column_int(statement, 3),
				 scan->now_ms - sqlite3_column_int64(statement, 4)))
			over = false;
		status = sqlite_fetch(sqlite, SQL_SWEEP_SCAN, &scan->row, err);
	}
	*fate_out = over ? EVENT_REMOVABLE : EVENT_KEPT;
	return status;
}

static bool scan_has_room(const struct scan *scan, int64_t raw_size)
{
	return scan->seen_count < EVENTS_SEEN_MAX && scan->removed_count < EVENTS_REMOVED_MAX &&
	       (scan->removed_size == 0 || scan->removed_size + raw_size <= REMOVED_SIZE_MAX);
}

static void scan_remove(struct scan *scan, int64_t id)
{
	if (!scan->extend)
		scan->ranges[scan->ranges_count++].first = id;
	scan->ranges[scan->ranges_count - 1].last = id;
	scan->extend = true;
	scan->removed_count++;
}

/*
 * Collects what may go, from the cursor on, and moves the cursor. *end_out: there is nothing after
 * it that is old enough.
 */
static enum status scan_events(
	struct sqlite_store *sqlite, struct scan *scan, bool *end_out, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_SWEEP_SCAN];
	struct sweep_round *sweep = &sqlite->memory.sweep;
	enum status status;

	sqlite3_bind_int64(statement, 1, sweep->cursor);
	status = sqlite_fetch(sqlite, SQL_SWEEP_SCAN, &scan->row, err);
	while (status == STATUS_OK && scan->row) {
		int64_t id = sqlite3_column_int64(statement, 0);
		int64_t raw_size = sqlite3_column_int64(statement, 2);
		enum event_fate fate = EVENT_YOUNG;

		if (!scan_has_room(scan, raw_size)) {
			*end_out = false;
			break;
		}
		status = decide_event(sqlite, scan, &fate, err);
		if (status != STATUS_OK || fate == EVENT_YOUNG)
			break;
		scan->seen_count++;
		sweep->cursor = id;
		if (fate == EVENT_REMOVABLE) {
			scan_remove(scan, id);
			scan->removed_size += raw_size;
		} else {
			scan->extend = false;
			sweep->kept_count++;
		}
	}
	sqlite_done(sqlite, SQL_SWEEP_SCAN);
	return status;
}

static enum status execute_on(struct sqlite_store *sqlite, enum sqlite_statement which,
	const struct id_range *range, struct error *err)
{
	sqlite3_bind_int64(sqlite->statements[which], 1, range->first);
	sqlite3_bind_int64(sqlite->statements[which], 2, range->last);
	return sqlite_execute(sqlite, which, err);
}

static enum status uncount_dead(
	struct sqlite_store *sqlite, const struct id_range *range, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_SWEEP_DEAD];
	bool row = true;
	enum status status = STATUS_OK;

	sqlite3_bind_int64(statement, 1, range->first);
	sqlite3_bind_int64(statement, 2, range->last);
	while (status == STATUS_OK && row) {
		status = sqlite_fetch(sqlite, SQL_SWEEP_DEAD, &row, err);
		if (status == STATUS_OK && row)
			store_counters_add(&sqlite->base.counters,
				(uint16_t)sqlite3_column_int(statement, 0),
				(struct store_target_counts){
					.dead = -sqlite3_column_int64(statement, 1) });
	}
	return status;
}

static enum status remove_range(
	struct sqlite_store *sqlite, const struct id_range *range, struct error *err)
{
	enum status status;

	status = uncount_dead(sqlite, range, err);
	if (status == STATUS_OK)
		status = execute_on(sqlite, SQL_SWEEP_ATTEMPTS, range, err);
	if (status == STATUS_OK)
		status = execute_on(sqlite, SQL_SWEEP_DELIVERIES, range, err);
	if (status == STATUS_OK)
		status = execute_on(sqlite, SQL_SWEEP_EVENTS, range, err);
	/* The newest row tells the next start which ids were given: without it, this does. */
	if (status == STATUS_OK && range->last == sqlite->memory.next_event - 1)
		status = sqlite_meta_write(sqlite, META_NEXT_EVENT, sqlite->memory.next_event, err);
	return status;
}

static enum status sweep_events(
	struct sqlite_store *sqlite, int64_t now_ms, bool *more_out, struct error *err)
{
	struct scan scan = { .now_ms = now_ms };
	bool end = true;
	enum status status;

	status = scan_events(sqlite, &scan, &end, err);
	for (size_t i = 0; status == STATUS_OK && i < scan.ranges_count; i++)
		status = remove_range(sqlite, &scan.ranges[i], err);
	/* All ranges at once: each of their buckets is walked through as a whole. */
	if (status == STATUS_OK && scan.ranges_count > 0)
		status = execute_on(sqlite, SQL_SWEEP_SEARCH,
			&(struct id_range){
				scan.ranges[0].first, scan.ranges[scan.ranges_count - 1].last },
			err);
	if (status != STATUS_OK)
		return status;
	*more_out = !end || scan.removed_count > 0;
	if (end)
		*more_out = sweep_round_end(&sqlite->memory.sweep, now_ms) || *more_out;
	return STATUS_OK;
}

static enum status sweep_quarantine(
	struct sqlite_store *sqlite, int64_t now_ms, bool *more_out, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[SQL_SWEEP_QUARANTINE];
	int removed_count;
	enum status status;

	sqlite3_bind_int64(
		statement, 1, (now_ms - sqlite->base.settings.keep_quarantine_ms) * 1000);
	sqlite3_bind_int(statement, 2, QUARANTINED_REMOVED_MAX);
	status = sqlite_execute(sqlite, SQL_SWEEP_QUARANTINE, err);
	if (status != STATUS_OK)
		return status;
	removed_count = sqlite3_changes(sqlite->db);
	sqlite->base.counters.quarantined_change -= removed_count;
	*more_out = removed_count > 0;
	return STATUS_OK;
}

/*
 * Free pages are used again by new events. Only when they are a quarter of the file, after a
 * backlog has gone, is it worth moving others to make the file shorter.
 */
static enum status give_pages_back(struct sqlite_store *sqlite, bool *more_out, struct error *err)
{
	int64_t pages_count = 0, free_count = 0;
	enum status status;

	status = sqlite_read_int(sqlite, SQL_PAGES_FREE, &free_count, NULL, err);
	if (status == STATUS_OK)
		status = sqlite_read_int(sqlite, SQL_PAGES, &pages_count, NULL, err);
	if (status != STATUS_OK || free_count < PAGES_FREE_MIN || free_count < pages_count / 4)
		return status;
	*more_out = true;
	return sqlite_execute(sqlite, SQL_PAGES_GIVE_BACK, err);
}

/* One kind of work a call, so that a call stays short. */
enum status sqlite_sweep(struct store *store, int64_t now_ms, bool *more_out, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	enum status status;

	status = sweep_events(sqlite, now_ms, more_out, err);
	if (status == STATUS_OK && !*more_out)
		status = sweep_quarantine(sqlite, now_ms, more_out, err);
	if (status == STATUS_OK && !*more_out)
		status = give_pages_back(sqlite, more_out, err);
	return status;
}
