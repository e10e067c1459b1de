/* SPDX-License-Identifier: MIT */
/* Files of older versions, SQLite: what is in them stays and takes part in what is new. */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "repostal/store_reader.h"

/* As the first released version made it. */
static const char schema_1[] =
	"PRAGMA auto_vacuum = INCREMENTAL;"
	"PRAGMA journal_mode = WAL;"
	"PRAGMA application_id = 1346916178;"
	"PRAGMA user_version = 1;"
	"CREATE TABLE meta (key INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT;"
	"CREATE TABLE source (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE target (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" open INTEGER NOT NULL DEFAULT 0, retrying INTEGER NOT NULL DEFAULT 0,"
	" dead INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE TABLE event (id INTEGER PRIMARY KEY, occurred INTEGER NOT NULL, identity INTEGER,"
	" received INTEGER NOT NULL, source INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" content_type TEXT, raw BLOB NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX event_identity ON event (occurred, identity);"
	"CREATE TABLE delivery (id INTEGER PRIMARY KEY, target INTEGER NOT NULL,"
	" state INTEGER NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL,"
	" code INTEGER NOT NULL, transport INTEGER NOT NULL, duration INTEGER NOT NULL) STRICT;"
	"CREATE INDEX delivery_due ON delivery (target, due) WHERE state = 1;"
	"CREATE INDEX delivery_waiting ON delivery (target) WHERE state = 1;"
	"CREATE INDEX delivery_leased ON delivery (target) WHERE state = 0;"
	"CREATE TABLE attempt (event INTEGER NOT NULL, target INTEGER NOT NULL,"
	" number INTEGER NOT NULL, started INTEGER NOT NULL, duration INTEGER NOT NULL,"
	" code INTEGER NOT NULL, transport INTEGER NOT NULL, answer BLOB NOT NULL,"
	" PRIMARY KEY (event, target, number)) STRICT;"
	"CREATE TABLE quarantine (id INTEGER PRIMARY KEY AUTOINCREMENT, received INTEGER NOT NULL,"
	" last_seen INTEGER NOT NULL, seen INTEGER NOT NULL, source INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, reason TEXT NOT NULL, content_type TEXT, hash INTEGER NOT NULL,"
	" raw BLOB NOT NULL) STRICT;"
	"CREATE INDEX quarantine_hash ON quarantine (hash);"
	"CREATE INDEX quarantine_last_seen ON quarantine (last_seen);";

/* Events 1 to 4, for app: leased, waiting after one attempt, delivered, dead after two. */
static const char rows_1[] =
	"INSERT INTO source VALUES (0, 'bizmail');"
	"INSERT INTO target VALUES (0, 'app', 2, 1, 1), (1, 'other', 0, 0, 0);"
	"INSERT INTO meta VALUES (2, 1);"
	"INSERT INTO event VALUES"
	" (1, 1713100000001, 11, 1713100001000000, 0, 1, NULL, x'7b7d'),"
	" (2, 1713100000002, 12, 1713100002000000, 0, 1, NULL, x'7b7d'),"
	" (3, 1713100000003, 13, 1713100003000000, 0, 1, 'text/plain', x'7b7d'),"
	" (4, 1713100000004, 14, 1713100004000000, 0, 1, NULL, x'7b7d');"
	"INSERT INTO delivery VALUES"
	" (65536, 0, 0, 1, 1713100001000, 0, 0, 0),"
	" (131072, 0, 1, 1, 1713100060000, 500, 0, 20),"
	" (196608, 0, 2, 1, 1713100003050, 200, 0, 40),"
	" (262144, 0, 3, 2, 1713100004050, 410, 0, 50);"
	"INSERT INTO attempt VALUES (2, 0, 1, 1713100002000, 20, 500, 0, x'6e6f'),"
	" (4, 0, 1, 1713100004000, 50, 500, 0, x''), (4, 0, 2, 1713100004000, 50, 410, 0, x'');"
	"INSERT INTO quarantine VALUES"
	" (1, 1713100000000000, 1713100000000000, 1, 0, 0, 'json', NULL, 5, x'7b');";

static void write_schema_1(struct fixture *f)
{
	sqlite3 *db = NULL;

	fixture_close(f);
	assert_int_equal(unlink(f->settings.path), 0);
	assert_int_equal(sqlite3_open(f->settings.path, &db), SQLITE_OK);
	if (sqlite3_exec(db, schema_1, NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(db, rows_1, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

struct seen {
	size_t count;
	struct store_row rows[8];
};

static void keep_row(void *context, const struct store_row *row)
{
	struct seen *seen = context;

	assert_true(seen->count < ARRAY_COUNT(seen->rows));
	assert_true(slice_is(row->raw, "{}"));
	seen->rows[seen->count++] = *row;
}

static void list(struct fixture *f, struct store_filter filter, struct seen *seen)
{
	struct store_reader *reader = NULL;
	struct store_page page = { .count_max = 100 };

	seen->count = 0;
	MUST(f, store_reader_open(&f->settings, &reader, &f->err));
	MUST(f, store_reader_list(reader, &filter, &page, keep_row, seen, &f->err));
	assert_int_equal(page.next, 0);
	store_reader_close(&reader);
}

static void test_what_was_there_stays(void **state)
{
	struct fixture *f = *state;
	static const enum delivery_state want[] = { DELIVERY_DEAD, DELIVERY_DELIVERED,
		DELIVERY_WAITING, DELIVERY_WAITING };
	struct store_target_counts counts;
	struct seen seen = { 0 };

	write_schema_1(f);
	fixture_open(f, FIXTURE_NOW_MS);
	assert_int_equal(f->app, 0);
	assert_int_equal(f->other, 1);
	fixture_recount(f);
	counts = store_counts(f->store, f->app);
	assert_int_equal(counts.open, 2);
	assert_int_equal(counts.retrying, 2);
	assert_int_equal(counts.dead, 1);
	assert_int_equal(store_quarantine_count(f->store), 1);
	assert_false(store_is_paused(f->store, f->app, NULL));
	list(f, (struct store_filter){ .target = -1, .type = -1 }, &seen);
	assert_int_equal(seen.count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(seen.rows[i].event, 4 - i);
		assert_int_equal(seen.rows[i].state, want[i]);
		assert_int_equal(seen.rows[i].type, 255);
		assert_false(seen.rows[i].is_held);
		assert_int_equal(seen.rows[i].as_new, 0);
	}
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM attempt"), 3);
	assert_int_equal(fixture_append(f, 100, false), 5);
}

/* The old dead ones are found by their state, and everything new is possible with them. */
static void test_what_was_there_takes_part(void **state)
{
	struct fixture *f = *state;
	struct store_change change = {
		.kind = STORE_CHANGE_RETRY,
		.filter = { .target = -1, .type = -1, .states = 1U << DELIVERY_DEAD },
		.now_ms = FIXTURE_NOW_MS,
		.count_max = 100,
		.scan_limit = 1000,
	};
	struct store_verdict verdict = fixture_verdict(f, 4, DELIVERY_DEAD);
	struct store_claim claim;
	struct seen seen = { 0 };

	write_schema_1(f);
	fixture_open(f, FIXTURE_NOW_MS);
	list(f, (struct store_filter){ .target = -1, .type = 255, .states = 1U << DELIVERY_DEAD },
		&seen);
	assert_int_equal(seen.count, 1);
	list(f, (struct store_filter){ .target = -1, .type = -1, .search_key = 5 }, &seen);
	assert_int_equal(seen.count, 0);
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_change(f->store, &change, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(change.changed, 1);
	fixture_recount(f);
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + DAY_MS);
	assert_int_equal(claim.count, 3);
	store_claimed_free(&claim.list);
	fixture_record(f, &verdict);
	assert_int_equal(fixture_query(f, "SELECT max(number) FROM attempt WHERE event = 4"), 3);
	fixture_recount(f);
}

static void test_a_second_start_changes_nothing(void **state)
{
	struct fixture *f = *state;
	int64_t version;

	write_schema_1(f);
	fixture_open(f, FIXTURE_NOW_MS);
	version = fixture_query(f, "PRAGMA user_version");
	assert_true(version > 1);
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	assert_int_equal(fixture_query(f, "PRAGMA user_version"), version);
	fixture_recount(f);
}

/* A reader never writes, so it cannot read what is not of its version. */
static void test_readers_refuse(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		const char *sql; /* NULL: leave the old file as it is */
		enum status want;
		const char *text;
	} cases[] = {
		{ "an older one", NULL, STATUS_INVALID, "older" },
		{ "a newer one", "PRAGMA user_version = 1000", STATUS_INVALID, "newer" },
		{ "another program's", "PRAGMA application_id = 5", STATUS_INVALID, "another" },
		{ "an empty file", "", STATUS_NOT_FOUND, "empty" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_reader *reader = NULL;
		sqlite3 *db = NULL;
		enum status status;

		write_schema_1(f);
		if (cases[i].sql != NULL && cases[i].sql[0] == '\0')
			assert_int_equal(truncate(f->settings.path, 0), 0);
		assert_int_equal(sqlite3_open(f->settings.path, &db), SQLITE_OK);
		if (cases[i].sql != NULL)
			assert_int_equal(
				sqlite3_exec(db, cases[i].sql, NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		status = store_reader_open(&f->settings, &reader, &f->err);
		if (status != cases[i].want || reader != NULL)
			fail_msg("%s: status %d: %s", cases[i].name, (int)status, f->err.text);
		if (strstr(f->err.text, cases[i].text) == NULL)
			fail_msg("%s: %s", cases[i].name, f->err.text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_what_was_there_stays),
		CONTRACT_TEST(test_what_was_there_takes_part),
		CONTRACT_TEST(test_a_second_start_changes_nothing),
		CONTRACT_TEST(test_readers_refuse),
	};

	return contract_run_on(STORE_SQLITE, "store migration", tests, ARRAY_COUNT(tests));
}
