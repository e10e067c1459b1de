/* SPDX-License-Identifier: MIT */
/* What only the SQLite backend promises: whose file it is, how it is kept, what a full disk does. */
#include "store_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

static void change_file(struct fixture *f, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(f->settings.path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void write_file(const char *path, const char *bytes, size_t size, long offset)
{
	FILE *file = fopen(path, offset == 0 ? "we" : "r+e");

	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* As if there had never been a store here. */
static void forget_store(struct fixture *f)
{
	char lock_path[512];

	snprintf(lock_path, sizeof(lock_path), "%s-lock", f->settings.path);
	unlink(f->settings.path);
	unlink(lock_path);
}

static uint64_t file_hash(const char *path)
{
	FILE *file = fopen(path, "re");
	uint64_t hash = 5381;
	int c;

	assert_non_null(file);
	while ((c = getc(file)) != EOF)
		hash = hash * 33 + (uint64_t)c;
	fclose(file);
	return hash;
}

enum damage {
	FOREIGN_TABLES,
	FOREIGN_ID,
	NEWER,
	NOT_A_DATABASE,
	SHORT_TEXT,
	TRUNCATED,
	SCHEMA_OVERWRITTEN,
};

static void do_damage(struct fixture *f, enum damage damage)
{
	char zeros[4096];

	memset(zeros, 'z', sizeof(zeros));
	switch (damage) {
	case FOREIGN_TABLES:
		unlink(f->settings.path);
		change_file(f, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
		break;
	case FOREIGN_ID:
		change_file(f, "PRAGMA application_id = 12345");
		break;
	case NEWER:
		change_file(f, "PRAGMA user_version = 1000");
		break;
	case NOT_A_DATABASE:
		write_file(f->settings.path, zeros, sizeof(zeros), 0);
		break;
	case SHORT_TEXT:
		write_file(f->settings.path, "hello", 5, 0);
		break;
	case TRUNCATED:
		assert_int_equal(truncate(f->settings.path, 3 * 4096), 0);
		break;
	case SCHEMA_OVERWRITTEN:
		write_file(f->settings.path, zeros, sizeof(zeros) - 200, 100);
		break;
	}
}

/* Refused with a reason, and left as it was. */
static void test_open_refuses(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		enum damage damage;
		const char *text;
	} rows[] = {
		{ "tables of another program", FOREIGN_TABLES, "another program" },
		{ "id of another program", FOREIGN_ID, "another program" },
		{ "newer than this program", NEWER, "newer repostal" },
		{ "not a database", NOT_A_DATABASE, "not a repostal store" },
		{ "a short text", SHORT_TEXT, "not a repostal store" },
		{ "cut off", TRUNCATED, "damaged" },
		{ "first page overwritten", SCHEMA_OVERWRITTEN, "damaged" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		enum status status;
		uint64_t hash;

		fixture_close(f);
		forget_store(f);
		fixture_open(f, FIXTURE_NOW_MS);
		fixture_append(f, 1, false);
		fixture_close(f);
		do_damage(f, rows[i].damage);
		hash = file_hash(f->settings.path);
		status = store_open(&f->settings, FIXTURE_NOW_MS, &f->store, &f->err);
		if (status != STATUS_INVALID || f->store != NULL)
			fail_msg("%s: status %d: %s", rows[i].name, (int)status, f->err.text);
		if (strstr(f->err.text, rows[i].text) == NULL ||
			strstr(f->err.text, f->settings.path) == NULL)
			fail_msg("%s: %s", rows[i].name, f->err.text);
		if (file_hash(f->settings.path) != hash)
			fail_msg("%s: the file was changed", rows[i].name);
	}
}

/* What a crash may leave of a file that was being created. */
static void test_open_finishes_creation(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		const char *sql; /* NULL: an empty file */
	} rows[] = {
		{ "empty file", NULL },
		{ "no table yet", "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		fixture_close(f);
		forget_store(f);
		write_file(f->settings.path, "", 0, 0);
		if (rows[i].sql != NULL)
			change_file(f, rows[i].sql);
		fixture_open(f, FIXTURE_NOW_MS);
		fixture_append(f, 1, false);
		if (fixture_query(f, "PRAGMA auto_vacuum") != 2)
			fail_msg("%s: auto_vacuum is off", rows[i].name);
	}
}

/* What is empty now and was not always: its events are gone, and somebody must be told. */
static void test_open_never_begins_anew(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		bool is_there;
		const char *sql;
	} rows[] = {
		{ "no file", false, NULL },
		{ "empty file", true, NULL },
		{ "no table", true, "PRAGMA journal_mode = WAL" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		enum status status;

		fixture_close(f);
		unlink(f->settings.path);
		if (rows[i].is_there)
			write_file(f->settings.path, "", 0, 0);
		if (rows[i].sql != NULL)
			change_file(f, rows[i].sql);
		status = store_open(&f->settings, FIXTURE_NOW_MS, &f->store, &f->err);
		if (status != STATUS_INVALID || strstr(f->err.text, "was in use before") == NULL)
			fail_msg("%s: status %d: %s", rows[i].name, (int)status, f->err.text);
	}
	forget_store(f);
	fixture_open(f, FIXTURE_NOW_MS);
	fixture_append(f, 1, false);
}

static void test_missing_folder(void **state)
{
	struct fixture *f = *state;
	struct store_settings settings = f->settings;
	struct store *store = NULL;
	char path[512];

	snprintf(path, sizeof(path), "%s/missing/store.db", f->folder);
	settings.path = path;
	assert_int_equal(store_open(&settings, FIXTURE_NOW_MS, &store, &f->err), STATUS_IO);
	assert_non_null(strstr(f->err.text, path));
	assert_non_null(strstr(f->err.text, "folder"));
}

static void test_files_are_private(void **state)
{
	struct fixture *f = *state;
	static const char *const suffixes[] = { "", "-wal", "-shm", "-lock" };
	char path[512];

	for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
		struct stat info;

		snprintf(path, sizeof(path), "%s%s", f->settings.path, suffixes[i]);
		assert_int_equal(stat(path, &info), 0);
		if ((info.st_mode & 0777) != 0600)
			fail_msg("%s: mode %o", path, (unsigned)(info.st_mode & 0777));
	}
}

static void test_busy_names_the_owner(void **state)
{
	struct fixture *f = *state;
	struct store *store = NULL;
	char want[64];

	snprintf(want, sizeof(want), "process %ld", (long)getpid());
	assert_int_equal(store_open(&f->settings, FIXTURE_NOW_MS, &store, &f->err), STATUS_BUSY);
	assert_non_null(strstr(f->err.text, want));
}

/* Whatever its name: a second owner would write a second log beside it. */
static void test_one_owner_of_a_file(void **state)
{
	struct fixture *f = *state;
	char *path = f->settings.path;
	char link_path[512], hard_path[512], log_path[600];
	const struct {
		const char *name;
		const char *path;
		const char *says;
	} rows[] = {
		{ "as it is", path, "process " },
		{ "symbolic link", link_path, "process " },
		{ "relative", "store.db", "process " },
		{ "through a dot", "./store.db", "process " },
		{ "hard link", hard_path, "another name of the same file" },
	};

	snprintf(link_path, sizeof(link_path), "%s/link.db", f->folder);
	snprintf(hard_path, sizeof(hard_path), "%s/hard.db", f->folder);
	snprintf(log_path, sizeof(log_path), "%s-wal", link_path);
	assert_int_equal(symlink(path, link_path), 0);
	assert_int_equal(link(path, hard_path), 0);
	assert_int_equal(chdir(f->folder), 0);
	fixture_append(f, 1, false);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct store_settings settings = f->settings;
		struct store *store = NULL;
		enum status status;

		settings.path = (char *)rows[i].path;
		status = store_open(&settings, FIXTURE_NOW_MS, &store, &f->err);
		if (status != STATUS_BUSY || strstr(f->err.text, rows[i].says) == NULL)
			fail_msg("%s: status %d: %s", rows[i].name, (int)status, f->err.text);
	}
	fixture_append(f, 2, false);
	fixture_close(f);
	assert_int_equal(chdir("/"), 0);
	/* By its other name, when nobody owns it: the same store, with the same log. */
	f->settings.path = link_path;
	fixture_open(f, FIXTURE_NOW_MS);
	fixture_append(f, 3, false);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 3);
	assert_int_not_equal(access(log_path, F_OK), 0);
	f->settings.path = path;
}

static void test_log_shrinks(void **state)
{
	struct fixture *f = *state;
	enum {
		LARGE = 1024 * 1024,
		LOG_LIMIT = 8 * 1024 * 1024
	};
	char *large = memory_zalloc(LARGE);
	char path[512];
	struct stat info;

	MUST(f, store_begin(f->store, &f->err));
	for (int64_t n = 0; n < 20; n++) {
		struct store_event event = fixture_event(f, n, NULL, 0);

		event.raw = slice_of(large, LARGE);
		MUST(f, store_append(f->store, &event, &f->err));
	}
	MUST(f, store_commit(f->store, &f->err));
	free(large);
	fixture_append(f, 100, false);
	snprintf(path, sizeof(path), "%s-wal", f->settings.path);
	assert_int_equal(stat(path, &info), 0);
	assert_true(info.st_size <= LOG_LIMIT + 4096);
}

/* A limit on the size of files stands for a full disk: SQLite's writes fail in the same places. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* One transaction per call, as a caller would do it. */
static enum status try_append(struct fixture *f, int64_t n, int64_t *id_out)
{
	struct store_new_delivery delivery = { .target = f->app, .leased = true };
	struct store_event event = fixture_event(f, n, &delivery, 1);
	enum status status;

	event.content_type = SLICE_LITERAL("text/plain");
	status = store_begin(f->store, &f->err);
	if (status == STATUS_OK)
		status = store_append(f->store, &event, &f->err);
	if (status == STATUS_OK)
		status = store_commit(f->store, &f->err);
	if (status != STATUS_OK)
		store_rollback(f->store);
	*id_out = event.id;
	return status;
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	int64_t n = 0, last = 0, id = 0;
	enum status status = STATUS_OK;
	bool more = false;

	signal(SIGXFSZ, SIG_IGN);
	limit_files(1024 * 1024);
	for (; status == STATUS_OK; n++) {
		assert_true(n < 100000);
		status = try_append(f, n, &id);
		if (status == STATUS_OK)
			last = id;
		if (n % 50 == 0)
			MUST(f, store_sweep(f->store, FIXTURE_NOW_MS, &more, &f->err));
	}
	assert_int_equal(status, STATUS_IO);
	assert_non_null(strstr(f->err.text, f->settings.path));
	assert_true(last > 10);
	/* It stays refused, says so each time, and a sweep does no harm. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(try_append(f, n++, &id), STATUS_IO);
	(void)store_sweep(f->store, FIXTURE_NOW_MS + 40 * DAY_MS, &more, &f->err);
	/* Memory is what the last commit left. */
	assert_int_equal(store_backlog(f->store), last);

	limit_files(RLIM_INFINITY);
	fixture_recount(f);
	MUST(f, try_append(f, n, &id));
	assert_int_equal(id, last + 1);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), last + 1);
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	fixture_recount(f);
}

/* After a failed step the rest of the transaction is refused rather than written on its own. */
static void test_steps_after_a_failure(void **state)
{
	struct fixture *f = *state;
	enum {
		LARGE = 12 * 1024 * 1024
	}; /* more than the cache: written before the commit */
	char *large = memory_zalloc(LARGE);
	struct store_event event = fixture_event(f, 1, NULL, 0);
	struct store_event small = fixture_event(f, 2, NULL, 0);
	struct store_claim claim = {
		.target = f->app, .count_max = EACH_TYPE(10), .bytes_max = 1000
	};

	event.raw = slice_of(large, LARGE);
	signal(SIGXFSZ, SIG_IGN);
	MUST(f, store_begin(f->store, &f->err));
	limit_files(1024 * 1024);
	assert_int_equal(store_append(f->store, &event, &f->err), STATUS_IO);
	limit_files(RLIM_INFINITY);
	assert_int_equal(store_append(f->store, &small, &f->err), STATUS_IO);
	assert_int_equal(store_claim(f->store, FIXTURE_NOW_MS, &claim, &f->err), STATUS_IO);
	assert_int_equal(store_commit(f->store, &f->err), STATUS_IO);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 0);
	store_rollback(f->store);
	fixture_append(f, 3, true);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 1);
	free(large);
}

/* A commit that fails ends the transaction of a target that is forgotten, too; the next one begins. */
static void test_forget_on_a_full_disk(void **state)
{
	struct fixture *f = *state;
	struct store_forget forget = { .target = f->app };
	struct store_verdict verdict =
		fixture_verdict(f, fixture_append(f, 1, true), DELIVERY_DELIVERED);

	fixture_record(f, &verdict);
	signal(SIGXFSZ, SIG_IGN);
	limit_files(1);
	assert_int_equal(store_forget(f->store, &forget, &f->err), STATUS_IO);
	limit_files(RLIM_INFINITY);
	fixture_append(f, 2, true);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM delivery"), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_open_refuses),
		CONTRACT_TEST(test_open_finishes_creation),
		CONTRACT_TEST(test_open_never_begins_anew),
		CONTRACT_TEST(test_missing_folder),
		CONTRACT_TEST(test_files_are_private),
		CONTRACT_TEST(test_busy_names_the_owner),
		CONTRACT_TEST(test_one_owner_of_a_file),
		CONTRACT_TEST(test_log_shrinks),
		CONTRACT_TEST(test_full_disk),
		CONTRACT_TEST(test_steps_after_a_failure),
		CONTRACT_TEST(test_forget_on_a_full_disk),
	};

	return contract_run_on(STORE_SQLITE, "store sqlite", tests, ARRAY_COUNT(tests));
}
