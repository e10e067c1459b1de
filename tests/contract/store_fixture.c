/* SPDX-License-Identifier: MIT */
#include "store_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>
#include <sqlite3.h>

struct fixture_backend {
	const char *name;
	enum store_backend backend;
	/* Before the first test; false: it cannot be tested here. */
	bool (*prepare)(void);
	/* Before each: nothing is left of the one before. */
	void (*clear)(struct fixture *fixture);
	int64_t (*query)(struct fixture *fixture, const char *sql);
};

static bool prepare_sqlite(void)
{
	return true;
}

static void clear_sqlite(struct fixture *fixture)
{
	(void)fixture; /* the folder is new */
}

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

/* A server that somebody runs for the tests: tests/support/with_postgres.py does. */
static const char dsn_variable[] = "REPOSTAL_TEST_DSN";
static char postgres_dsn[1024];

static PGconn *connect_postgres(const char *dsn)
{
	PGconn *connection = PQconnectdb(dsn);

	if (PQstatus(connection) != CONNECTION_OK)
		fail_msg("%s: %s", dsn, PQerrorMessage(connection));
	PQclear(PQexec(connection, "SET client_min_messages = 'warning'"));
	return connection;
}

static int64_t run_postgres(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	int64_t value = 0;

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
		value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	else if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(connection));
	PQclear(result);
	return value;
}

/* A database of its own for each process: test programs run side by side. */
static bool prepare_postgres(void)
{
	const char *dsn = getenv(dsn_variable);
	char sql[64];
	PGconn *connection;

	if (dsn == NULL) {
		print_message("SKIPPED: postgresql: %s is not set\n", dsn_variable);
		return false;
	}
	connection = connect_postgres(dsn);
	snprintf(sql, sizeof(sql), "CREATE DATABASE contract_%ld", (long)getpid());
	run_postgres(connection, sql);
	PQfinish(connection);
	snprintf(postgres_dsn, sizeof(postgres_dsn), "%s dbname=contract_%ld", dsn, (long)getpid());
	return true;
}

static void clear_postgres(struct fixture *fixture)
{
	PGconn *connection = connect_postgres(postgres_dsn);

	(void)fixture;
	run_postgres(connection, "DROP SCHEMA IF EXISTS repostal CASCADE");
	PQfinish(connection);
}

static int64_t query_postgres(struct fixture *fixture, const char *sql)
{
	PGconn *connection = connect_postgres(postgres_dsn);
	int64_t value;

	(void)fixture;
	run_postgres(connection, "SET search_path = repostal");
	value = run_postgres(connection, sql);
	PQfinish(connection);
	return value;
}

static const struct fixture_backend backends[] = {
	[STORE_SQLITE] = { "sqlite", STORE_SQLITE, prepare_sqlite, clear_sqlite, query_sqlite },
	[STORE_POSTGRESQL] = { "postgresql", STORE_POSTGRESQL, prepare_postgres, clear_postgres,
		query_postgres },
};

static const struct fixture_backend *current;

/* Leases that this test was given, newest last: until the commit nobody else can see them. */
enum {
	LEASES_MAX = 4096
};
static struct lease {
	int64_t event, lease;
	uint16_t target;
} leases[LEASES_MAX];
static size_t leases_count;

bool fixture_leave_out(const struct fixture *fixture, enum store_backend backend)
{
	if (fixture->backend->backend == backend)
		return false;
	print_message("not for %s\n", fixture->backend->name);
	return true;
}

int contract_run_on(enum store_backend backend, const char *group, const struct CMUnitTest *tests,
	size_t tests_count)
{
	char name[128];

	current = &backends[backend];
	if (!current->prepare())
		return 0;
	snprintf(name, sizeof(name), "%s, %s", group, current->name);
	return _cmocka_run_group_tests(name, tests, tests_count, NULL, NULL);
}

int contract_run(const char *group, const struct CMUnitTest *tests, size_t tests_count)
{
	return contract_run_on(STORE_SQLITE, group, tests, tests_count) +
	       contract_run_on(STORE_POSTGRESQL, group, tests, tests_count);
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
	static const char pattern[] = "repostal-contract-XXXXXX";
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
		.max_backlog = 2000,
	};
	snprintf(fixture->settings.path, size, "%s/store.db", fixture->folder);
	fixture->settings.dsn = postgres_dsn;
	leases_count = 0;
	current->clear(fixture);
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

static const struct store_news no_news;

void fixture_crash(struct fixture *fixture, bool (*work)(struct fixture *fixture))
{
	int status = 0;
	pid_t pid;

	fixture_close(fixture);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		bool done = store_open(&fixture->settings, FIXTURE_NOW_MS, &fixture->store,
				    &fixture->err) == STATUS_OK;

		/* Its leases end with it, so that nobody has to wait for that. */
		store_set_lease_ms(fixture->store, 1);
		done = done && store_poll(fixture->store, FIXTURE_NOW_MS, &no_news,
				       &fixture->err) == STATUS_OK;
		done = done && work(fixture);

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

static void recount_source(struct fixture *fixture, uint16_t source)
{
	static const char open_sql[] =
		"SELECT count(*) FROM delivery AS d JOIN event AS e ON e.id = d.id >> 16"
		" WHERE d.state IN (0, 1) AND e.source = %d";
	char sql[128];

	snprintf(sql, sizeof(sql), open_sql, source);
	assert_int_equal(store_source_open(fixture->store, source), fixture_query(fixture, sql));
}

void fixture_recount(struct fixture *fixture)
{
	for (size_t i = 0; i < store_sources_count(fixture->store); i++)
		recount_source(fixture, (uint16_t)i);
	recount_target(fixture, fixture->app);
	recount_target(fixture, fixture->other);
	assert_int_equal(store_backlog(fixture->store),
		fixture_query(fixture, "SELECT count(*) FROM delivery WHERE state IN (0, 1)"));
	assert_int_equal(store_quarantine_count(fixture->store),
		fixture_query(fixture, "SELECT count(*) FROM quarantine"));
}

static void note_lease(int64_t event, uint16_t target, int64_t lease)
{
	leases[leases_count++ % LEASES_MAX] = (struct lease){ event, lease, target };
}

enum status append_now(struct store *store, struct store_event *event, struct error *err)
{
	enum status status = store_append(store, event, err);

	if (status == STATUS_OK)
		status = store_flush(store, err);
	for (size_t i = 0; status == STATUS_OK && i < event->deliveries_count; i++)
		if (event->deliveries[i].leased && !event->duplicate)
			note_lease(event->id, event->deliveries[i].target, event->lease);
	return status;
}

enum status claim_now(
	struct store *store, int64_t now_ms, struct store_claim *claim, struct error *err)
{
	enum status status = store_claim(store, now_ms, claim, err);

	if (status == STATUS_OK)
		status = store_flush(store, err);
	for (struct store_claimed *c = claim->list; status == STATUS_OK && c != NULL; c = c->next)
		note_lease(c->event, c->target, c->lease);
	return status;
}

static int64_t lease_of(struct fixture *fixture, const struct store_verdict *verdict)
{
	char sql[128];

	if (fixture->backend->backend == STORE_SQLITE || verdict->lease != 0)
		return verdict->lease;
	for (size_t i = leases_count; i > 0 && i + LEASES_MAX > leases_count; i--) {
		const struct lease *lease = &leases[(i - 1) % LEASES_MAX];

		if (lease->event == verdict->event && lease->target == verdict->target)
			return lease->lease;
	}
	snprintf(sql, sizeof(sql), "SELECT coalesce(max(lease), 0) FROM delivery WHERE id = %lld",
		(long long)(verdict->event << 16 | verdict->target));
	return fixture_query(fixture, sql);
}

enum status record_now(struct fixture *fixture, const struct store_verdict *verdict)
{
	struct store_verdict leased = *verdict;
	enum status status;

	leased.lease = lease_of(fixture, verdict);
	status = store_record(fixture->store, &leased, &fixture->err);
	return status == STATUS_OK ? store_flush(fixture->store, &fixture->err) : status;
}

struct store_event fixture_event(const struct fixture *fixture, int64_t n,
	struct store_new_delivery *deliveries, size_t deliveries_count)
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
	struct store_new_delivery delivery = { .target = fixture->app, .leased = leased };
	struct store_event event = fixture_event(fixture, n, &delivery, 1);

	MUST(fixture, store_begin(fixture->store, &fixture->err));
	MUST(fixture, store_append(fixture->store, &event, &fixture->err));
	MUST(fixture, store_commit(fixture->store, &fixture->err));
	return event.id;
}

int64_t claim_next_due_ms(const struct store_claim *claim)
{
	int64_t soonest_ms = INT64_MAX;

	for (size_t type = 0; type < STORE_TYPES; type++)
		if (claim->next_due_ms[type] < soonest_ms)
			soonest_ms = claim->next_due_ms[type];
	return soonest_ms;
}

struct store_claim fixture_claim(struct fixture *fixture, uint16_t target, int64_t now_ms)
{
	struct store_claim claim = {
		.target = target, .count_max = EACH_TYPE(100), .bytes_max = 1 << 20
	};

	MUST(fixture, store_begin(fixture->store, &fixture->err));
	MUST(fixture, claim_now(fixture->store, now_ms, &claim, &fixture->err));
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
	MUST(fixture, record_now(fixture, verdict));
	MUST(fixture, store_commit(fixture->store, &fixture->err));
}
