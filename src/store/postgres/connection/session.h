/* SPDX-License-Identifier: MIT */
/*
 * session.h - one connection to PostgreSQL
 *
 * Promise    No call waits without a limit: connecting takes at most CONNECT_TIMEOUT_MS (unless the dsn says
 *            connect_timeout), an answer POSTGRES_ANSWER_TIMEOUT_MS; whatever takes longer loses the
 *            session. A commit is never weakened: synchronous_commit is at least "on", so that where
 *            synchronous standbys are configured a commit returns when they have it.
 * Threads    One at a time; a session may be handed from one thread to another.
 * Ownership  The caller closes what it opened.
 * Errors     Texts never contain the dsn: it may hold a password. STATUS_INVALID the dsn or the server
 *            cannot be used at all; STATUS_IO the connection failed, or a statement did.
 */
#ifndef REPOSTAL_STORE_POSTGRES_SESSION_H
#define REPOSTAL_STORE_POSTGRES_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "repostal/error.h"

enum {
	POSTGRES_CONNECT_TIMEOUT_MS = 5000,
	POSTGRES_ANSWER_TIMEOUT_MS = 5000,
	POSTGRES_NAME_SIZE = 32,
};

struct pg_conn;

struct postgres_statement_text {
	const char *purpose; /* of error texts */
	const char *sql;
};

/* Prepared once for each session; the index names the statement. */
struct postgres_statements {
	const struct postgres_statement_text *list;
	size_t count;
};

struct postgres_session {
	struct pg_conn *connection;
	const struct postgres_statements *statements;
	bool is_lost;
	bool is_committed_alone; /* a commit was acknowledged without its standbys */
	int64_t answer_timeout_ms;
};

/* Whether libpq understands it; nothing is connected. */
enum status postgres_session_check(const char *dsn, struct error *err);
/*
 * name: what the server shows as application_name. stop_fd: gives up as soon as it is readable; -1:
 * nothing stops it. Refuses a server that is too old, not in UTF-8 or read-only.
 */
enum status postgres_session_open(const char *dsn, const char *name, int stop_fd,
	struct postgres_session **session_out, struct error *err);
void postgres_session_close(struct postgres_session **sessionp);
/* To wait on; what arrived is taken by the other calls. */
int postgres_session_fd(const struct postgres_session *session);

/* Before postgres_session_prepare(): several statements, without parameters or rows. */
enum status postgres_session_script(
	struct postgres_session *session, const char *sql, struct error *err);
/* The first column of the first row; *found_out may be NULL. */
enum status postgres_session_int(struct postgres_session *session, const char *sql,
	int64_t *value_out, bool *found_out, struct error *err);
/* Rows of a text without parameters, binary. */
enum status postgres_session_query(struct postgres_session *session, const char *sql,
	struct postgres_rows *rows, struct error *err);
/* Takes what arrived and says whether there was a notification. STATUS_IO: the session is lost. */
enum status postgres_session_listen(
	struct postgres_session *session, bool *notified_out, struct error *err);

/* From here on statements are sent in series. */
enum status postgres_session_prepare(struct postgres_session *session,
	const struct postgres_statements *statements, struct error *err);
enum status postgres_session_send(struct postgres_session *session, size_t which,
	const struct postgres_params *params, struct error *err);
/* A text that is made for the occasion; its answer is taken as that of the statement which. */
enum status postgres_session_send_text(
	struct postgres_session *session, const char *sql, struct error *err);
/* Ends the series. */
enum status postgres_session_go(struct postgres_session *session, struct error *err);
/* The answers, in the order of the statements. */
enum status postgres_session_take(struct postgres_session *session, size_t which,
	struct postgres_rows *rows, struct error *err);
/* After the last, also after a failed one: reads to the end of the series. */
enum status postgres_session_end(struct postgres_session *session, struct error *err);

#endif
