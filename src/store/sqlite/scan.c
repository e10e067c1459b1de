/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include <stdlib.h>

#include <sqlite3.h>

#include "file/error.h"
#include "file/format.h"

enum {
	TIME_SLACK_US = 5 * 1000 * 1000, /* how far received may fall while ids rise */
	EVENT_COST = 3,                  /* in rows of delivery: its row is large */
	SEARCH_COST = 3,                 /* and a bucket is a page of its own */
};

#define RANGE "SELECT id, target, state FROM delivery WHERE id BETWEEN ?1 AND ?2 ORDER BY id"
#define LEASED                                               \
	"SELECT id FROM delivery INDEXED BY delivery_leased" \
	" WHERE state = 0 AND target = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id"
#define WAITING                                               \
	"SELECT id FROM delivery INDEXED BY delivery_waiting" \
	" WHERE state = 1 AND target = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id"
#define ENDED                                               \
	"SELECT id FROM delivery INDEXED BY delivery_ended" \
	" WHERE state > 2 AND target = ?1 AND state = ?5 AND id BETWEEN ?2 AND ?3 ORDER BY id"
#define SEARCH                                                                                \
	"SELECT event FROM search WHERE bucket = ?1 AND key = ?2 AND event BETWEEN ?3 AND ?4" \
	" ORDER BY event"

static const char *const statements[SCAN_STATEMENT_COUNT] = {
	[SCAN_RANGE_UP] = RANGE,
	[SCAN_RANGE_DOWN] = RANGE " DESC",
	[SCAN_LEASED_UP] = LEASED " LIMIT ?4",
	[SCAN_LEASED_DOWN] = LEASED " DESC LIMIT ?4",
	[SCAN_WAITING_UP] = WAITING " LIMIT ?4",
	[SCAN_WAITING_DOWN] = WAITING " DESC LIMIT ?4",
	[SCAN_ENDED_UP] = ENDED " LIMIT ?4",
	[SCAN_ENDED_DOWN] = ENDED " DESC LIMIT ?4",
	[SCAN_SEARCH_UP] = SEARCH " LIMIT 1",
	[SCAN_SEARCH_DOWN] = SEARCH " DESC LIMIT 1",
	[SCAN_SEARCH_EDGES] =
		"SELECT (SELECT min(bucket) FROM search), (SELECT max(bucket) FROM search)",
	[SCAN_EVENT_EDGES] = "SELECT (SELECT min(id) FROM event), (SELECT max(id) FROM event)",
	[SCAN_EVENT_RECEIVED] = "SELECT id, received FROM event WHERE id >= ?1 ORDER BY id LIMIT 1",
	[SCAN_EVENT_OF] = "SELECT type, received FROM event WHERE id = ?1",
};

enum status sqlite_scanner_prepare(
	struct sqlite_scanner *scanner, struct sqlite3 *db, const char *path, struct error *err)
{
	scanner->db = db;
	scanner->path = path;
	for (size_t i = 0; i < SCAN_STATEMENT_COUNT; i++)
		if (sqlite3_prepare_v3(db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &scanner->statements[i], NULL) != SQLITE_OK)
			return sqlite_explain(db, path, "cannot search", err);
	return STATUS_OK;
}

void sqlite_scanner_finalize(struct sqlite_scanner *scanner)
{
	for (size_t i = 0; i < SCAN_STATEMENT_COUNT; i++) {
		sqlite3_finalize(scanner->statements[i]);
		scanner->statements[i] = NULL;
	}
}

static struct sqlite3_stmt *statement_of(const struct sqlite_scan *scan, enum scan_statement up)
{
	return scan->scanner->statements[up + (scan->is_down ? 1 : 0)];
}

/* *row_out is false at the end, and then the statement is reset. */
static enum status fetch(
	struct sqlite_scan *scan, struct sqlite3_stmt *statement, bool *row_out, struct error *err)
{
	int code = sqlite3_step(statement);

	*row_out = code == SQLITE_ROW;
	if (code == SQLITE_ROW)
		return STATUS_OK;
	if (code != SQLITE_DONE) {
		enum status status =
			sqlite_explain(scan->scanner->db, scan->scanner->path, "search", err);

		sqlite3_reset(statement);
		return status;
	}
	sqlite3_reset(statement);
	return STATUS_OK;
}

/* Two numbers of a single row; without a row, or with NULL in it, *found_out is false. */
static enum status read_pair(struct sqlite_scan *scan, enum scan_statement which, int64_t *one_out,
	int64_t *other_out, bool *found_out, struct error *err)
{
	struct sqlite3_stmt *statement = scan->scanner->statements[which];
	enum status status;

	status = fetch(scan, statement, found_out, err);
	if (status != STATUS_OK || !*found_out)
		return status;
	*found_out = sqlite3_column_type(statement, 0) != SQLITE_NULL;
	*one_out = sqlite3_column_int64(statement, 0);
	*other_out = sqlite3_column_int64(statement, 1);
	sqlite3_reset(statement);
	return STATUS_OK;
}

static int64_t first_of_event(int64_t event)
{
	return event << 16;
}

static int64_t last_of_event(int64_t event)
{
	return event << 16 | 65535;
}

static void narrow(struct sqlite_scan *scan, int64_t first, int64_t last)
{
	if (scan->first < first)
		scan->first = first;
	if (scan->last > last)
		scan->last = last;
}

/* Nothing is left to scan. */
static void finish(struct sqlite_scan *scan)
{
	scan->first = 1;
	scan->last = 0;
}

/* The first event from which on all were received at that time or later; end when there is none. */
static enum status find_received(struct sqlite_scan *scan, int64_t begin, int64_t end,
	int64_t received_us, int64_t *event_out, struct error *err)
{
	struct sqlite3_stmt *statement = scan->scanner->statements[SCAN_EVENT_RECEIVED];

	while (begin < end) {
		int64_t middle = begin + (end - begin) / 2, event = 0, there_us = 0;
		bool found = false;
		enum status status;

		sqlite3_bind_int64(statement, 1, middle);
		status = read_pair(scan, SCAN_EVENT_RECEIVED, &event, &there_us, &found, err);
		if (status != STATUS_OK)
			return status;
		if (!found || there_us >= received_us)
			end = middle;
		else
			begin = event + 1;
	}
	*event_out = end;
	return STATUS_OK;
}

static enum status narrow_by_time(struct sqlite_scan *scan, struct error *err)
{
	int64_t oldest = 0, newest = 0, event = 0;
	bool found = false;
	enum status status;

	status = read_pair(scan, SCAN_EVENT_EDGES, &oldest, &newest, &found, err);
	if (status != STATUS_OK)
		return status;
	if (!found) {
		finish(scan);
		return STATUS_OK;
	}
	if (scan->filter.since_us != 0) {
		status = find_received(scan, oldest, newest + 1,
			scan->filter.since_us - TIME_SLACK_US, &event, err);
		if (status != STATUS_OK)
			return status;
		narrow(scan, first_of_event(event), SCAN_ID_MAX);
	}
	if (scan->filter.until_us != 0) {
		status = find_received(scan, oldest, newest + 1,
			scan->filter.until_us + TIME_SLACK_US, &event, err);
		if (status != STATUS_OK)
			return status;
		narrow(scan, 0, last_of_event(event - 1));
	}
	return STATUS_OK;
}

static enum status narrow_by_search(struct sqlite_scan *scan, struct error *err)
{
	int64_t oldest = 0, newest = 0;
	bool found = false;
	enum status status;

	status = read_pair(scan, SCAN_SEARCH_EDGES, &oldest, &newest, &found, err);
	if (status != STATUS_OK)
		return status;
	if (found)
		narrow(scan, first_of_event(oldest << SQL_BUCKET_BITS),
			last_of_event(((newest + 1) << SQL_BUCKET_BITS) - 1));
	else
		finish(scan);
	return STATUS_OK;
}

enum status sqlite_scan_begin(struct sqlite_scan *scan, struct error *err)
{
	const struct store_filter *filter = &scan->filter;
	enum status status = STATUS_OK;

	scan->scanned = 0;
	scan->count = 0;
	if (filter->event != 0)
		narrow(scan, first_of_event(filter->event), last_of_event(filter->event));
	if (filter->since_us != 0 || filter->until_us != 0)
		status = narrow_by_time(scan, err);
	if (status == STATUS_OK && filter->search_key != 0)
		status = narrow_by_search(scan, err);
	return status;
}

static bool wants(const struct store_filter *filter, int target, int state)
{
	return (filter->target < 0 || filter->target == target) &&
	       (filter->states == 0 || (filter->states >> state & 1) != 0);
}

/* Everything up to this id has been scanned. */
static void pass(struct sqlite_scan *scan, int64_t id)
{
	if (scan->is_down)
		scan->last = id - 1;
	else
		scan->first = id + 1;
}

static bool is_full(const struct sqlite_scan *scan, size_t scan_limit)
{
	return scan->count == SCAN_CHUNK_MAX || scan->scanned >= scan_limit;
}

/* All deliveries from first to last, ends included, one after the other. */
static enum status collect_range(
	struct sqlite_scan *scan, int64_t first, int64_t last, size_t scan_limit, struct error *err)
{
	struct sqlite3_stmt *statement = statement_of(scan, SCAN_RANGE_UP);
	bool row = true;
	enum status status = STATUS_OK;

	sqlite3_bind_int64(statement, 1, first);
	sqlite3_bind_int64(statement, 2, last);
	while (!is_full(scan, scan_limit)) {
		int64_t id;

		status = fetch(scan, statement, &row, err);
		if (status != STATUS_OK || !row)
			break;
		id = sqlite3_column_int64(statement, 0);
		scan->scanned++;
		if (wants(&scan->filter, sqlite3_column_int(statement, 1),
			    sqlite3_column_int(statement, 2)))
			scan->ids[scan->count++] = id;
		pass(scan, id);
	}
	sqlite3_reset(statement);
	if (status == STATUS_OK && !row)
		pass(scan, scan->is_down ? first : last);
	return status;
}

static enum status collect_search(struct sqlite_scan *scan, size_t scan_limit, struct error *err)
{
	struct sqlite3_stmt *statement = statement_of(scan, SCAN_SEARCH_UP);
	enum status status = STATUS_OK;

	while (status == STATUS_OK && scan->first <= scan->last && !is_full(scan, scan_limit)) {
		int64_t near = (scan->is_down ? scan->last : scan->first) >> 16;
		int64_t bucket = near >> SQL_BUCKET_BITS;
		int64_t oldest = bucket << SQL_BUCKET_BITS;
		int64_t newest = ((bucket + 1) << SQL_BUCKET_BITS) - 1;
		bool row = false;

		sqlite3_bind_int64(statement, 1, bucket);
		sqlite3_bind_int64(statement, 2, scan->filter.search_key);
		sqlite3_bind_int64(statement, 3, scan->is_down ? oldest : near);
		sqlite3_bind_int64(statement, 4, scan->is_down ? near : newest);
		scan->scanned += SEARCH_COST;
		status = fetch(scan, statement, &row, err);
		if (status != STATUS_OK)
			break;
		if (row) {
			int64_t event = sqlite3_column_int64(statement, 0);
			int64_t first = first_of_event(event), last = last_of_event(event);

			sqlite3_reset(statement);
			if (first < scan->first)
				first = scan->first;
			if (last > scan->last)
				last = scan->last;
			status = collect_range(scan, first, last, scan_limit, err);
		} else {
			pass(scan, scan->is_down ? first_of_event(oldest) : last_of_event(newest));
		}
	}
	return status;
}

static int compare_up(const void *a, const void *b)
{
	int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;

	return one < other ? -1 : one > other;
}

static int compare_down(const void *a, const void *b)
{
	return compare_up(b, a);
}

static enum scan_statement statement_of_state(enum delivery_state state)
{
	switch (state) {
	case DELIVERY_LEASED:
		return SCAN_LEASED_UP;
	case DELIVERY_WAITING:
		return SCAN_WAITING_UP;
	case DELIVERY_DEAD:
	case DELIVERY_DISCARDED:
	case DELIVERY_DELIVERED: /* not reached: there is no index of these */
		break;
	}
	return SCAN_ENDED_UP;
}

/*
 * Adds the first of one target and state to the chunk. Once the chunk is full, the worst of it is the
 * limit for the indexes that follow.
 */
static enum status merge_state(
	struct sqlite_scan *scan, size_t target, enum delivery_state state, struct error *err)
{
	struct sqlite3_stmt *statement = statement_of(scan, statement_of_state(state));
	bool is_full = scan->count == SCAN_CHUNK_MAX;
	int64_t worst = is_full ? scan->ids[SCAN_CHUNK_MAX - 1] : 0;
	size_t before = scan->count;
	bool row = true;
	enum status status = STATUS_OK;

	sqlite3_bind_int64(statement, 1, (int64_t)target);
	sqlite3_bind_int64(statement, 2, is_full && scan->is_down ? worst : scan->first);
	sqlite3_bind_int64(statement, 3, is_full && !scan->is_down ? worst : scan->last);
	sqlite3_bind_int(statement, 4, SCAN_CHUNK_MAX);
	if (statement_of_state(state) == SCAN_ENDED_UP)
		sqlite3_bind_int(statement, 5, (int)state);
	scan->scanned++;
	while (status == STATUS_OK && row) {
		status = fetch(scan, statement, &row, err);
		if (status == STATUS_OK && row)
			scan->ids[scan->count++] = sqlite3_column_int64(statement, 0);
	}
	if (status != STATUS_OK || scan->count == before)
		return status;
	scan->scanned += scan->count - before;
	qsort(scan->ids, scan->count, sizeof(scan->ids[0]),
		scan->is_down ? compare_down : compare_up);
	if (scan->count > SCAN_CHUNK_MAX)
		scan->count = SCAN_CHUNK_MAX;
	return STATUS_OK;
}

/* Every index is in order of id for one target and state: a chunk is the first of all of them. */
static enum status collect_states(struct sqlite_scan *scan, struct error *err)
{
	const struct store_filter *filter = &scan->filter;
	size_t target = filter->target < 0 ? 0 : (size_t)filter->target;
	size_t end = filter->target < 0 ? scan->targets_count : target + 1;
	enum status status = STATUS_OK;

	for (; target < end; target++)
		for (int state = 0; status == STATUS_OK && state < DELIVERY_STATE_COUNT; state++)
			if ((filter->states >> state & 1) != 0)
				status = merge_state(scan, target, (enum delivery_state)state, err);
	if (status != STATUS_OK)
		return status;
	if (scan->count < SCAN_CHUNK_MAX)
		finish(scan);
	else
		pass(scan, scan->ids[SCAN_CHUNK_MAX - 1]);
	return STATUS_OK;
}

enum status sqlite_scan_next(struct sqlite_scan *scan, size_t scan_limit, struct error *err)
{
	const struct store_filter *filter = &scan->filter;

	scan->count = 0;
	if (scan->first > scan->last)
		return STATUS_OK;
	if (filter->search_key != 0)
		return collect_search(scan, scan_limit, err);
	if (filter->event == 0 && filter->states != 0 &&
		(filter->states & 1U << DELIVERY_DELIVERED) == 0)
		return collect_states(scan, err);
	return collect_range(scan, scan->first, scan->last, scan_limit, err);
}

enum status sqlite_scan_check(
	struct sqlite_scan *scan, int64_t id, bool *matches_out, struct error *err)
{
	const struct store_filter *filter = &scan->filter;
	int64_t type = 0, received_us = 0;
	enum status status;

	*matches_out = true;
	if (filter->type < 0 && filter->since_us == 0 && filter->until_us == 0)
		return STATUS_OK;
	scan->scanned += EVENT_COST;
	sqlite3_bind_int64(scan->scanner->statements[SCAN_EVENT_OF], 1, id >> 16);
	status = read_pair(scan, SCAN_EVENT_OF, &type, &received_us, matches_out, err);
	if (status != STATUS_OK || !*matches_out)
		return status;
	*matches_out = (filter->type < 0 || filter->type == type) &&
		       (filter->since_us == 0 || received_us >= filter->since_us) &&
		       (filter->until_us == 0 || received_us < filter->until_us);
	return STATUS_OK;
}
