/* SPDX-License-Identifier: MIT */
#include "store_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

struct fixture_backend {
	const char *name;
	enum store_backend backend;
	int64_t (*query)(struct fixture *fixture, const char *sql);
};

static int64_t query_sqlite(struct fixture *fixture, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	int64_t value;

	if (sqlite3_open_v2(fixture->settings.path, &db, SQLITE_OPEN_READWRITE, NULL) !=
			SQLITE_OK ||
		sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

static const struct fixture_backend backends[] = {
	{ "sqlite", STORE_SQLITE, query_sqlite },
};

static const struct fixture_backend *current;

int contract_run(const char *group, const struct CMUnitTest *tests, size_t tests_count)
{
	int failed = 0;

	for (size_t i = 0; i < ARRAY_COUNT(backends); i++) {
		char name[128];

		current = &backends[i];
		snprintf(name, sizeof(name), "%s, %s", group, current->name);
		failed += _cmocka_run_group_tests(name, tests, tests_count, NULL, NULL);
	}
	return failed;
}

void contract_must(
	struct fixture *fixture, enum status status, const char *call, const char *file, int line)
{
	if (status == STATUS_OK)
		return;
	print_error("%s: status %d: %s\n", call, (int)status, fixture->err.text);
	_fail(file, line);
}

void fixture_open(struct fixture *fixture, int64_t now_ms)
{
	MUST(fixture, store_open(&fixture->settings, now_ms, &fixture->store, &fixture->err));
	MUST(fixture, store_register_target(fixture->store, "app", &fixture->app, &fixture->err));
	MUST(fixture,
		store_register_target(fixture->store, "other", &fixture->other, &fixture->err));
	MUST(fixture,
		store_register_source(fixture->store, "bizmail", &fixture->source, &fixture->err));
}

void fixture_close(struct fixture *fixture)
{
	store_close(&fixture->store);
}

int fixture_setup(void **state)
{
	static const char pattern[] = "posthorn-contract-XXXXXX";
	const char *parent = getenv("TMPDIR");
	struct fixture *fixture = memory_zalloc(sizeof(*fixture));
	size_t size;

	if (parent == NULL)
		parent = "/tmp";
	size = strlen(parent) + sizeof(pattern) + 16;
	fixture->backend = current;
	fixture->folder = memory_zalloc(size);
	snprintf(fixture->folder, size, "%s/%s", parent, pattern);
	if (mkdtemp(fixture->folder) == NULL)
		fail_msg("%s: %s", fixture->folder, strerror(errno));
	fixture->settings = (struct store_settings){
		.backend = current->backend,
		.path = memory_zalloc(size),
		.keep_delivered_ms = 7 * DAY_MS,
		.keep_dead_ms = 30 * DAY_MS,
		.keep_quarantine_ms = 30 * DAY_MS,
		.dedup_window_ms = 3 * DAY_MS,
		.max_backlog = 1000,
	};
	snprintf(fixture->settings.path, size, "%s/store.db", fixture->folder);
	fixture_open(fixture, FIXTURE_NOW_MS);
	*state = fixture;
	return 0;
}

static void remove_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	(void)rmdir(folder);
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	fixture_close(fixture);
	remove_folder(fixture->folder);
	free(fixture->settings.path);
	free(fixture->folder);
	free(fixture);
	return 0;
}

void fixture_crash(struct fixture *fixture, bool (*work)(struct fixture *fixture))
{
	int status = 0;
	pid_t pid;

	fixture_close(fixture);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		bool done = store_open(&fixture->settings, FIXTURE_NOW_MS, &fixture->store,
				    &fixture->err) == STATUS_OK &&
			    work(fixture);

		if (!done)
			fprintf(stderr, "child: %s\n", fixture->err.text);
		_exit(done ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child process failed");
}

int64_t fixture_query(struct fixture *fixture, const char *sql)
{
	return fixture->backend->query(fixture, sql);
}

static void recount_target(struct fixture *fixture, uint16_t target)
{
	static const char open_sql[] =
		"SELECT count(*) FROM delivery WHERE state IN (0, 1) AND target = %d";
	static const char retrying_sql[] =
		"SELECT count(*) FROM delivery WHERE state = 1 AND attempts > 0 AND target = %d";
	static const char dead_sql[] =
		"SELECT count(*) FROM delivery WHERE state = 3 AND target = %d";
	struct store_target_counts counts = store_counts(fixture->store, target);
	char sql[128];

	snprintf(sql, sizeof(sql), open_sql, target);
	assert_int_equal(counts.open, fixture_query(fixture, sql));
	snprintf(sql, sizeof(sql), retrying_sql, target);
	assert_int_equal(counts.retrying, fixture_query(fixture, sql));
	snprintf(sql, sizeof(sql), dead_sql, target);
	assert_int_equal(counts.dead, fixture_query(fixture, sql));
}

void fixture_recount(struct fixture *fixture)
{
	recount_target(fixture, fixture->app);
	recount_target(fixture, fixture->other);
	assert_int_equal(store_backlog(fixture->store),
		fixture_query(fixture, "SELECT count(*) FROM delivery WHERE state IN (0, 1)"));
	assert_int_equal(store_quarantine_count(fixture->store),
		fixture_query(fixture, "SELECT count(*) FROM quarantine"));
}

struct store_event fixture_event(const struct fixture *fixture, int64_t n,
	const struct store_new_delivery *deliveries, size_t deliveries_count)
{
	return (struct store_event){
		.occurred_ms = FIXTURE_NOW_MS + n,
		.identity = (uint64_t)n * UINT64_C(0x9e3779b97f4a7c15) >> 1,
		.received_us = (FIXTURE_NOW_MS + n * SECOND_MS) * 1000,
		.source = fixture->source,
		.kind = 1,
		.content_type = SLICE_LITERAL("application/json"),
		.raw = SLICE_LITERAL("{\"event\":\"delivered\"}"),
		.deliveries = deliveries,
		.deliveries_count = deliveries_count,
	};
}

int64_t fixture_append(struct fixture *fixture, int64_t n, bool leased)
{
	const struct store_new_delivery delivery = { .target = fixture->app, .leased = leased };
	struct store_event event = fixture_event(fixture, n, &delivery, 1);

	MUST(fixture, store_begin(fixture->store, &fixture->err));
	MUST(fixture, store_append(fixture->store, &event, &fixture->err));
	MUST(fixture, store_commit(fixture->store, &fixture->err));
	return event.id;
}

struct store_claim fixture_claim(struct fixture *fixture, uint16_t target, int64_t now_ms)
{
	struct store_claim claim = { .target = target, .count_max = 100, .bytes_max = 1 << 20 };

	MUST(fixture, store_begin(fixture->store, &fixture->err));
	MUST(fixture, store_claim(fixture->store, now_ms, &claim, &fixture->err));
	MUST(fixture, store_commit(fixture->store, &fixture->err));
	return claim;
}

struct store_verdict fixture_verdict(
	const struct fixture *fixture, int64_t event, enum delivery_state next)
{
	return (struct store_verdict){
		.event = event,
		.target = fixture->app,
		.next = next,
		.attempts = 1,
		.due_ms = FIXTURE_NOW_MS + 120 * SECOND_MS,
		.started_ms = FIXTURE_NOW_MS,
		.duration_ms = 25,
		.http_status = next == DELIVERY_DELIVERED ? 200 : 500,
		.answer = SLICE_LITERAL("answer"),
	};
}

void fixture_record(struct fixture *fixture, const struct store_verdict *verdict)
{
	MUST(fixture, store_begin(fixture->store, &fixture->err));
	MUST(fixture, store_record(fixture->store, verdict, &fixture->err));
	MUST(fixture, store_commit(fixture->store, &fixture->err));
}
