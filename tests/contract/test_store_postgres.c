/* SPDX-License-Identifier: MIT */
/* PostgreSQL: which servers, databases and tables are refused, and in what words. */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repostal/store_reader.h"

#define SECRET "Swordfish-20a7"

/* The server's dsn with something added: what comes later counts. */
static enum status try_open(struct fixture *f, const char *addition, struct error *err)
{
	struct store_settings settings = f->settings;
	struct store *store = NULL;
	char dsn[2048];
	enum status status;

	snprintf(dsn, sizeof(dsn), "%s %s", f->settings.dsn, addition);
	settings.dsn = dsn;
	err->text[0] = '\0';
	status = store_open(&settings, FIXTURE_NOW_MS, &store, err);
	store_close(&store);
	return status;
}

/* Databases are the server's, not the test's: one name for each process. */
static void make_database(struct fixture *f, const char *encoding, char *name, size_t size)
{
	char sql[256];

	snprintf(name, size, "%s_%lld", encoding,
		(long long)fixture_query(f, "SELECT oid FROM pg_database"
					    " WHERE datname = current_database()"));
	snprintf(sql, sizeof(sql),
		"CREATE DATABASE \"%s\" TEMPLATE template0 ENCODING '%s' LC_COLLATE 'C' LC_CTYPE "
		"'C'",
		name, encoding);
	(void)fixture_query(f, sql);
}

static void drop_database(struct fixture *f, const char *name)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "DROP DATABASE \"%s\"", name);
	(void)fixture_query(f, sql);
}

static void test_encodings(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *encoding;
		enum status want;
	} cases[] = {
		{ "UTF8", STATUS_OK },
		{ "SQL_ASCII", STATUS_INVALID },
		{ "LATIN1", STATUS_INVALID },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char name[64], addition[96];
		enum status status;

		make_database(f, cases[i].encoding, name, sizeof(name));
		snprintf(addition, sizeof(addition), "dbname=%s", name);
		status = try_open(f, addition, &f->err);
		drop_database(f, name);
		if (status != cases[i].want)
			fail_msg("%s: status %d: %s", cases[i].encoding, (int)status, f->err.text);
		if (status != STATUS_OK && (strstr(f->err.text, cases[i].encoding) == NULL ||
						   strstr(f->err.text, "UTF8") == NULL))
			fail_msg("%s: %s", cases[i].encoding, f->err.text);
	}
}

static void test_servers(void **state)
{
	struct fixture *f = *state;
	char nowhere[512];
	const struct {
		const char *name;
		const char *addition;
		enum status want;
		const char *text;
	} cases[] = {
		{ "read-only", "options='-c default_transaction_read_only=on'", STATUS_IO,
			"read-only" },
		{ "no such database", "dbname=nowhere_at_all password=" SECRET, STATUS_IO,
			"nowhere_at_all" },
		{ "no such user", "user=nobody_at_all password=" SECRET, STATUS_IO,
			"nobody_at_all" },
		{ "no server", nowhere, STATUS_IO, "cannot connect" },
		{ "not a setting", "hots=/tmp password=" SECRET, STATUS_INVALID, "store.dsn" },
		{ "no end of a quote", "password='" SECRET, STATUS_INVALID, "store.dsn" },
		{ "a word", SECRET, STATUS_INVALID, "store.dsn" },
	};

	snprintf(nowhere, sizeof(nowhere), "host=%s password=" SECRET, f->folder);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		enum status status = try_open(f, cases[i].addition, &f->err);

		if (status != cases[i].want || strstr(f->err.text, cases[i].text) == NULL)
			fail_msg("%s: status %d: %s", cases[i].name, (int)status, f->err.text);
		if (strstr(f->err.text, SECRET) != NULL)
			fail_msg("%s: the password is told", cases[i].name);
	}
}

/* Without opening anything: what libpq cannot read, with no word of it in the answer. */
static void test_settings_are_checked(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		const char *dsn;
		enum status want;
	} cases[] = {
		{ "words", "host=/nowhere dbname=d password=" SECRET, STATUS_OK },
		{ "a URI", "postgresql://u:" SECRET "@localhost:1/d", STATUS_OK },
		{ "nothing: libpq's defaults", "", STATUS_OK },
		{ "no value", "host=/nowhere " SECRET, STATUS_INVALID },
		{ "a broken URI", "postgresql://u:" SECRET "@[broken/d", STATUS_INVALID },
		{ "a setting nobody knows", "hots=" SECRET, STATUS_INVALID },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_settings settings = f->settings;
		char dsn[256];
		enum status status;

		snprintf(dsn, sizeof(dsn), "%s", cases[i].dsn);
		settings.dsn = dsn;
		f->err.text[0] = '\0';
		status = store_check_settings(&settings, &f->err);
		if (status != cases[i].want)
			fail_msg("%s: status %d: %s", cases[i].name, (int)status, f->err.text);
		if (strstr(f->err.text, SECRET) != NULL)
			fail_msg("%s: the password is told", cases[i].name);
	}
}

/* All that is in the tables that count, as one number. */
static int64_t fingerprint(struct fixture *f)
{
	return fixture_query(f,
		"SELECT hashtextextended((SELECT string_agg(m::text, ',' ORDER BY key) FROM meta m)"
		" || (SELECT string_agg(e::text, ',' ORDER BY id) FROM event e)"
		" || (SELECT string_agg(d::text, ',' ORDER BY id) FROM delivery d)"
		" || (SELECT count(*) FROM instance)"
		" || (SELECT count(*) FROM pg_class WHERE relnamespace = "
		"'repostal'::regnamespace), 0)");
}

enum {
	VERSION = 5 /* of the tables as this program makes them */
};

/* Of the release before: what was added since is added, and what is there stays. */
static void test_older_tables(void **state)
{
	struct fixture *f = *state;
	int64_t events;

	fixture_append(f, 1, false);
	events = fixture_query(f, "SELECT count(*) FROM event");
	fixture_close(f);
	(void)fixture_query(f, "ALTER TABLE instance DROP COLUMN config");
	(void)fixture_query(f, "ALTER TABLE delivery DROP COLUMN type, DROP COLUMN as_new");
	(void)fixture_query(
		f, "CREATE INDEX delivery_due ON delivery (target, due, id) WHERE state = 1");
	(void)fixture_query(f, "DELETE FROM tally WHERE target < -1");
	(void)fixture_query(f, "UPDATE meta SET value = 1 WHERE key = 'version'");
	assert_int_equal(try_open(f, "", &f->err), STATUS_OK);
	assert_int_equal(fixture_query(f, "SELECT value FROM meta WHERE key = 'version'"), VERSION);
	assert_int_equal(fixture_query(f, "SELECT value FROM meta WHERE key = 'oldest'"), 1);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), events);
	(void)fixture_query(f, "SELECT count(config) FROM instance");
	assert_int_equal(fixture_query(f, "SELECT type FROM delivery"), 0);
	assert_int_equal(fixture_query(f, "SELECT as_new FROM delivery"), 0);
	/* What is open of source 0. */
	assert_int_equal(
		fixture_query(f, "SELECT sum(open)::bigint FROM tally WHERE target = -2"), 1);
}

/* Of a newer repostal: the release before works beside it, an older one touches nothing. */
static void test_newer_tables(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		int version, oldest;
		enum status want;
	} cases[] = {
		{ "a step that only added", VERSION + 1, 1, STATUS_OK },
		{ "many of them", 99, 1, STATUS_OK },
		{ "a step that changed", VERSION + 1, VERSION + 1, STATUS_INVALID },
		{ "far ahead", 99, 99, STATUS_INVALID },
	};

	fixture_append(f, 1, false);
	fixture_close(f);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_reader *reader = NULL;
		enum status status;
		int64_t before;
		char sql[160];

		snprintf(sql, sizeof(sql),
			"UPDATE meta SET value = CASE key WHEN 'version' THEN %d ELSE %d END",
			cases[i].version, cases[i].oldest);
		(void)fixture_query(f, sql);
		before = fingerprint(f);
		status = try_open(f, "", &f->err);
		if (status != cases[i].want)
			fail_msg("%s: status %d: %s", cases[i].name, (int)status, f->err.text);
		if (status != STATUS_OK && strstr(f->err.text, "newer repostal") == NULL)
			fail_msg("%s: %s", cases[i].name, f->err.text);
		if (fingerprint(f) != before)
			fail_msg("%s: the tables were changed", cases[i].name);
		status = store_reader_open(&f->settings, &reader, &f->err);
		store_reader_close(&reader);
		if (status != cases[i].want)
			fail_msg("%s: reader: status %d: %s", cases[i].name, (int)status,
				f->err.text);
	}
}

static void test_readers_make_no_tables(void **state)
{
	struct fixture *f = *state;
	struct store_reader *reader = NULL;

	fixture_close(f);
	(void)fixture_query(f, "DROP SCHEMA repostal CASCADE");
	assert_int_equal(store_reader_open(&f->settings, &reader, &f->err), STATUS_NOT_FOUND);
	assert_null(reader);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM pg_namespace"
					  " WHERE nspname = 'repostal'"),
		0);
	fixture_open(f, FIXTURE_NOW_MS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_encodings),
		CONTRACT_TEST(test_servers),
		CONTRACT_TEST(test_settings_are_checked),
		CONTRACT_TEST(test_older_tables),
		CONTRACT_TEST(test_newer_tables),
		CONTRACT_TEST(test_readers_make_no_tables),
	};

	return contract_run_on(STORE_POSTGRESQL, "store postgres", tests, ARRAY_COUNT(tests));
}
