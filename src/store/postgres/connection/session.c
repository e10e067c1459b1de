/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/store.h"
#include "repostal/text.h"

enum {
	SERVER_VERSION_MIN = 140000, /* client_connection_check_interval, multiranges, DETACH */
	BINARY = 1,
};

/*
 * A server that loses us ends what we left open: an open transaction after two seconds (a stopped
 * process must not keep others from its rows), a statement when the connection is gone. No
 * statement_timeout: it would end a commit's wait for its standbys, and report success.
 */
static const char session_settings[] = "SET client_encoding = 'UTF8';"
				       "SET default_transaction_isolation = 'read committed';"
				       "SET idle_in_transaction_session_timeout = '2s';"
				       "SET client_connection_check_interval = '1s';"
				       "SET lock_timeout = '3s';"
				       "SET statement_timeout = 0;"
				       "SET client_min_messages = 'warning';"
				       "SET timezone = 'UTC';"
				       "SET search_path = repostal;";

/*
 * Every statement is written for its index, row by row. The tables of a queue are empty or full from one
 * minute to the next, and a plan that was made for the one is a disaster for the other. Where pages cost
 * nothing, the plan that touches the fewest rows wins: with their price it is now and then the primary key,
 * in order and past everything that was delivered, to the first row that waits.
 */
static const char plan_settings[] = "SET enable_seqscan = off; SET enable_bitmapscan = off;"
				    "SET enable_hashjoin = off; SET enable_mergejoin = off;"
				    "SET seq_page_cost = 0; SET random_page_cost = 0;"
				    "SET plan_cache_mode = force_generic_plan; SET jit = off;";

/* Servers on systems other than Linux may not have it, and do without. */
static const char notice_lost_clients[] = "SET client_connection_check_interval = '1s'";

/* The server's text in one line, and without a full stop of its own making. */
static void explain(const char *purpose, const char *message, struct error *err)
{
	char line[ERROR_TEXT_SIZE];
	size_t size = 0;

	for (const char *c = message; *c != '\0' && size < sizeof(line) - 1; c++)
		line[size++] = *c == '\n' || *c == '\t' ? ' ' : *c;
	while (size > 0 && line[size - 1] == ' ')
		size--;
	line[size] = '\0';
	error_set(err, "store: PostgreSQL: %s: %s", purpose,
		size == 0 ? "the connection was lost" : line);
}

static enum status lost(struct postgres_session *session, const char *purpose, struct error *err)
{
	explain(purpose, PQerrorMessage(session->connection), err);
	session->is_lost = true;
	return STATUS_IO;
}

/*
 * A commit whose wait for its standbys is cut short (an operator cancels it, the server shuts down)
 * succeeds with a warning only. That is less than was promised.
 */
static void on_notice(void *context, const PGresult *notice)
{
	struct postgres_session *session = context;
	const char *state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
	const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (state == NULL || severity == NULL || strcmp(severity, "WARNING") != 0)
		return;
	if (strcmp(state, "57014") == 0 || strcmp(state, "57P01") == 0)
		session->is_committed_alone = true;
}

/* 1: ready; 0: the time is over; -1: to be stopped. */
static int wait_fd(int fd, short events, int stop_fd, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = fd, .events = events },
			{ .fd = stop_fd, .events = POLLIN },
		};
		int64_t left_ms = deadline_ms - clock_monotonic_ms();
		int ready = poll(fds, 2, left_ms < 0 ? 0 : (int)left_ms);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready > 0 && fds[1].revents != 0)
			return -1;
		return ready > 0 ? 1 : 0;
	}
}

static int64_t connect_timeout_ms(PGconn *connection)
{
	PQconninfoOption *options = PQconninfo(connection);
	int64_t timeout_ms = POSTGRES_CONNECT_TIMEOUT_MS;

	for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
		if (strcmp(o->keyword, "connect_timeout") == 0 && o->val != NULL) {
			int64_t seconds;

			if (text_parse_uint(slice_text(o->val), &seconds) && seconds > 0 &&
				seconds < 3600)
				timeout_ms = seconds * 1000;
		}
	PQconninfoFree(options);
	return timeout_ms;
}

/* With several hosts each is tried; the time is for all of them together. */
static enum status connect_server(struct postgres_session *session, int stop_fd, struct error *err)
{
	PGconn *connection = session->connection;
	int64_t deadline_ms = clock_monotonic_ms() + connect_timeout_ms(connection);
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	int ready = 1;

	while (state != PGRES_POLLING_OK) {
		if (state == PGRES_POLLING_FAILED)
			return lost(session, "cannot connect", err);
		ready = wait_fd(PQsocket(connection),
			state == PGRES_POLLING_READING ? POLLIN : POLLOUT, stop_fd, deadline_ms);
		if (ready <= 0) {
			error_set(err, "store: PostgreSQL: cannot connect: %s",
				ready < 0 ? "stopped" : "no answer in time");
			return STATUS_IO;
		}
		state = PQconnectPoll(connection);
	}
	return STATUS_OK;
}

/* Its own parse error would quote the text, and with it the password. */
enum status postgres_session_check(const char *dsn, struct error *err)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(dsn, &message);

	PQfreemem(message);
	if (options == NULL) {
		error_set(err, "'store.dsn' is not a connection string that libpq "
			       "understands (\"host=... dbname=...\" or "
			       "\"postgresql://...\")");
		return STATUS_INVALID;
	}
	PQconninfoFree(options);
	return STATUS_OK;
}

static enum status check_server(struct postgres_session *session, struct error *err)
{
	PGconn *connection = session->connection;
	const char *encoding = PQparameterStatus(connection, "server_encoding");
	const char *standby = PQparameterStatus(connection, "in_hot_standby");
	const char *read_only = PQparameterStatus(connection, "default_transaction_read_only");

	if (PQserverVersion(connection) < SERVER_VERSION_MIN) {
		error_set(err, "store: PostgreSQL: version 14 or newer is needed, this is %d",
			PQserverVersion(connection) / 10000);
		return STATUS_INVALID;
	}
	if (encoding == NULL || strcmp(encoding, "UTF8") != 0) {
		error_set(err,
			"store: PostgreSQL: the database's encoding is %s, and has to be "
			"UTF8",
			encoding == NULL ? "unknown" : encoding);
		return STATUS_INVALID;
	}
	if ((standby != NULL && strcmp(standby, "on") == 0) ||
		(read_only != NULL && strcmp(read_only, "on") == 0)) {
		error_set(err, "store: PostgreSQL: the server is read-only (a standby?): with "
			       "several hosts in 'store.dsn' add target_session_attrs=read-write");
		return STATUS_IO;
	}
	return STATUS_OK;
}

/* "off", "local" and "remote_write" acknowledge what a crash may lose. */
static enum status keep_commits_durable(struct postgres_session *session, struct error *err)
{
	return postgres_session_script(session,
		"SELECT set_config('synchronous_commit', 'on', false)"
		" WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')",
		err);
}

enum status postgres_session_open(const char *dsn, const char *name, int stop_fd,
	struct postgres_session **session_out, struct error *err)
{
	/* expand_dbname: the dsn is the dbname's value; what stands before it is a default. */
	const char *const keywords[] = { "keepalives_idle", "keepalives_interval",
		"keepalives_count", "tcp_user_timeout", "dbname", "application_name", NULL };
	const char *const values[] = { "10", "5", "3", "10000", dsn, name, NULL };
	struct postgres_session *session = memory_zalloc(sizeof(*session));
	enum status status = postgres_session_check(dsn, err);

	session->answer_timeout_ms = POSTGRES_ANSWER_TIMEOUT_MS;
	if (status == STATUS_OK) {
		session->connection = PQconnectStartParams(keywords, values, 1);
		if (session->connection == NULL || PQstatus(session->connection) == CONNECTION_BAD)
			status = lost(session, "cannot connect", err);
	}
	if (status == STATUS_OK) {
		PQsetNoticeReceiver(session->connection, on_notice, session);
		status = connect_server(session, stop_fd, err);
	}
	if (status == STATUS_OK)
		status = check_server(session, err);
	if (status == STATUS_OK)
		status = postgres_session_script(session, session_settings, err);
	if (status == STATUS_OK)
		status = postgres_session_script(session, plan_settings, err);
	if (status == STATUS_OK)
		status = keep_commits_durable(session, err);
	if (status == STATUS_OK && !session->is_lost)
		(void)postgres_session_script(session, notice_lost_clients, NULL);
	if (status == STATUS_OK && session->is_lost)
		status = lost(session, "cannot connect", err);
	if (status == STATUS_OK && PQsetnonblocking(session->connection, 1) != 0)
		status = lost(session, "cannot connect", err);
	if (status != STATUS_OK) {
		postgres_session_close(&session);
		return status;
	}
	*session_out = session;
	return STATUS_OK;
}

void postgres_session_close(struct postgres_session **sessionp)
{
	struct postgres_session *session = *sessionp;

	*sessionp = NULL;
	if (session == NULL)
		return;
	PQfinish(session->connection);
	free(session);
}

int postgres_session_fd(const struct postgres_session *session)
{
	return PQsocket(session->connection);
}

/* Sends what is to be sent, and waits until an answer can be read without waiting. */
static enum status await(struct postgres_session *session, const char *purpose, struct error *err)
{
	int64_t deadline_ms = clock_monotonic_ms() + session->answer_timeout_ms;

	for (;;) {
		int flushing = PQflush(session->connection);

		if (flushing < 0)
			return lost(session, purpose, err);
		if (flushing == 0 && PQisBusy(session->connection) == 0)
			return STATUS_OK;
		if (wait_fd(PQsocket(session->connection),
			    (short)(POLLIN | (flushing > 0 ? POLLOUT : 0)), -1, deadline_ms) <= 0) {
			error_set(err, "store: PostgreSQL: %s: no answer within %lld ms", purpose,
				(long long)session->answer_timeout_ms);
			session->is_lost = true;
			return STATUS_IO;
		}
		if (PQconsumeInput(session->connection) == 0)
			return lost(session, purpose, err);
	}
}

static bool is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* All results of a script; the first failure is the one that is told. */
static enum status drain(struct postgres_session *session, const char *purpose, PGresult **last_out,
	struct error *err)
{
	enum status status = STATUS_OK;

	for (;;) {
		PGresult *result;

		if (await(session, purpose, status == STATUS_OK ? err : NULL) != STATUS_OK)
			return STATUS_IO;
		result = PQgetResult(session->connection);
		if (result == NULL)
			return status;
		if (status == STATUS_OK && !is_good(result)) {
			explain(purpose, PQresultErrorMessage(result), err);
			status = STATUS_IO;
		}
		if (last_out != NULL) {
			PQclear(*last_out);
			*last_out = result;
		} else {
			PQclear(result);
		}
	}
}

enum status postgres_session_script(
	struct postgres_session *session, const char *sql, struct error *err)
{
	if (PQsendQuery(session->connection, sql) == 0)
		return lost(session, "cannot prepare the database", err);
	return drain(session, "cannot prepare the database", NULL, err);
}

enum status postgres_session_query(struct postgres_session *session, const char *sql,
	struct postgres_rows *rows, struct error *err)
{
	static const char purpose[] = "cannot read the database";
	PGresult *result = NULL;
	enum status status;

	if (PQsendQueryParams(session->connection, sql, 0, NULL, NULL, NULL, NULL, BINARY) == 0)
		return lost(session, purpose, err);
	status = drain(session, purpose, &result, err);
	if (status == STATUS_OK)
		*rows = (struct postgres_rows){ .result = result, .count = PQntuples(result) };
	else
		PQclear(result);
	return status;
}

enum status postgres_session_int(struct postgres_session *session, const char *sql,
	int64_t *value_out, bool *found_out, struct error *err)
{
	struct postgres_rows rows = { 0 };
	enum status status = postgres_session_query(session, sql, &rows, err);
	bool found = rows.count > 0 && !postgres_is_null(&rows, 0, 0);

	if (found)
		*value_out = postgres_int(&rows, 0, 0);
	if (found_out != NULL)
		*found_out = found;
	postgres_rows_free(&rows);
	return status;
}

enum status postgres_session_listen(
	struct postgres_session *session, bool *notified_out, struct error *err)
{
	PGnotify *notify;

	*notified_out = false;
	if (PQconsumeInput(session->connection) == 0)
		return lost(session, "cannot listen", err);
	while ((notify = PQnotifies(session->connection)) != NULL) {
		*notified_out = true;
		PQfreemem(notify);
	}
	return STATUS_OK;
}

static void name_of(size_t which, char name[POSTGRES_NAME_SIZE])
{
	snprintf(name, POSTGRES_NAME_SIZE, "s%zu", which);
}

enum status postgres_session_prepare(struct postgres_session *session,
	const struct postgres_statements *statements, struct error *err)
{
	char name[POSTGRES_NAME_SIZE];
	enum status status;

	session->statements = statements;
	if (PQenterPipelineMode(session->connection) == 0)
		return lost(session, "cannot prepare statements", err);
	for (size_t i = 0; i < statements->count; i++) {
		name_of(i, name);
		if (PQsendPrepare(session->connection, name, statements->list[i].sql, 0, NULL) == 0)
			return lost(session, statements->list[i].purpose, err);
	}
	status = postgres_session_go(session, err);
	for (size_t i = 0; status == STATUS_OK && i < statements->count; i++)
		status = postgres_session_take(session, i, NULL, err);
	if (postgres_session_end(session, NULL) != STATUS_OK)
		status = STATUS_IO;
	return status;
}

enum status postgres_session_send(struct postgres_session *session, size_t which,
	const struct postgres_params *params, struct error *err)
{
	const char *values[POSTGRES_PARAMS_MAX];
	int lengths[POSTGRES_PARAMS_MAX];
	int formats[POSTGRES_PARAMS_MAX];
	int count = params == NULL ? 0 : params->count;
	char name[POSTGRES_NAME_SIZE];

	if (params != NULL && !postgres_params_ok(params)) {
		error_set(err, "store: PostgreSQL: %s: more than %d bytes at once",
			session->statements->list[which].purpose, POSTGRES_PARAMS_SIZE_MAX);
		return STATUS_IO;
	}
	for (int i = 0; i < count; i++) {
		values[i] = params->params[i].is_null
				    ? NULL
				    : params->bytes.data + params->params[i].offset;
		lengths[i] = (int)params->params[i].size;
		formats[i] = BINARY;
		/* libpq takes a null pointer for NULL. */
		if (values[i] == NULL && !params->params[i].is_null)
			values[i] = "";
	}
	name_of(which, name);
	if (PQsendQueryPrepared(
		    session->connection, name, count, values, lengths, formats, BINARY) == 0)
		return lost(session, session->statements->list[which].purpose, err);
	return STATUS_OK;
}

enum status postgres_session_send_text(
	struct postgres_session *session, const char *sql, struct error *err)
{
	if (PQsendQueryParams(session->connection, sql, 0, NULL, NULL, NULL, NULL, BINARY) == 0)
		return lost(session, "cannot send", err);
	return STATUS_OK;
}

enum status postgres_session_go(struct postgres_session *session, struct error *err)
{
	if (PQpipelineSync(session->connection) == 0)
		return lost(session, "cannot send", err);
	return STATUS_OK;
}

/* A statement has one result, then a null one; after a failure what follows in a series is skipped. */
enum status postgres_session_take(struct postgres_session *session, size_t which,
	struct postgres_rows *rows, struct error *err)
{
	const char *purpose = session->statements->list[which].purpose;
	enum status status = await(session, purpose, err);
	PGresult *result;

	if (status != STATUS_OK)
		return status;
	result = PQgetResult(session->connection);
	if (!is_good(result)) {
		explain(purpose, result == NULL ? "" : PQresultErrorMessage(result), err);
		status = STATUS_IO;
	}
	if (result == NULL || PQstatus(session->connection) == CONNECTION_BAD) {
		session->is_lost = true;
		PQclear(result);
		return STATUS_IO;
	}
	if (await(session, purpose, status == STATUS_OK ? err : NULL) != STATUS_OK)
		status = STATUS_IO;
	else
		PQclear(PQgetResult(session->connection)); /* the null one */
	if (status == STATUS_OK && rows != NULL)
		*rows = (struct postgres_rows){ .result = result, .count = PQntuples(result) };
	else
		PQclear(result);
	return status;
}

enum status postgres_session_end(struct postgres_session *session, struct error *err)
{
	while (!session->is_lost) {
		PGresult *result;
		bool is_end;

		if (await(session, "cannot read", err) != STATUS_OK)
			return STATUS_IO;
		result = PQgetResult(session->connection);
		if (result == NULL && PQstatus(session->connection) == CONNECTION_BAD) {
			(void)lost(session, "cannot read", err);
			return STATUS_IO;
		}
		is_end = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		PQclear(result);
		if (is_end)
			return STATUS_OK;
	}
	return STATUS_IO;
}

/* 150008 is 15.8. */
void store_libpq_version(char text[STORE_LIBRARY_VERSION_SIZE])
{
	int number = PQlibVersion();

	snprintf(text, STORE_LIBRARY_VERSION_SIZE, "%d.%d", number / 10000, number % 10000);
}
