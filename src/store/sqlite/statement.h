/* SPDX-License-Identifier: MIT */
/*
 * statement.h - every statement of the store's connection, prepared once
 *
 * Threads    The store's.
 * Ownership  What is bound stays the caller's, and has to stay until the statement is reset.
 * Errors     As sqlite_explain() has them.
 */
#ifndef REPOSTAL_STORE_SQLITE_STATEMENT_H
#define REPOSTAL_STORE_SQLITE_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "file/format.h"
#include "repostal/error.h"

struct sqlite_store;

enum sqlite_statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_TARGET_FIND,
	SQL_TARGET_ADD,
	SQL_TARGET_LIST,
	SQL_TARGET_COUNT,
	SQL_TARGET_PAUSE,
	SQL_SOURCE_FIND,
	SQL_SOURCE_ADD,
	SQL_SOURCE_LIST,
	SQL_SOURCE_COUNT,
	SQL_META_READ,
	SQL_META_WRITE,
	SQL_EVENT_LAST,
	SQL_EVENT_INSERT,
	SQL_EVENT_DUPLICATE,
	SQL_EVENT_FORGET_IDENTITY,
	SQL_SEARCH_INSERT,
	SQL_DELIVERY_INSERT,
	SQL_DELIVERY_FINISH,
	SQL_DELIVERY_RETRY,
	SQL_DELIVERY_RELEASE,
	SQL_DELIVERY_EXTRAS,
	SQL_ATTEMPT_INSERT,
	SQL_ORDER_BUSY,
	SQL_ORDER_RELEASE,
	SQL_DELIVERY_DUE,
	SQL_DELIVERY_LEASE,
	SQL_DELIVERY_NEXT_DUE,
	SQL_DELIVERY_OLDEST,
	SQL_LEASED_COUNT,
	SQL_LEASED_RECOVER,
	SQL_QUARANTINE_FIND,
	SQL_QUARANTINE_REPEAT,
	SQL_QUARANTINE_INSERT,
	SQL_UNQUARANTINE,
	SQL_CHANGE_READ,
	SQL_CHANGE_KEEP_ATTEMPT,
	SQL_CHANGE_RETRY,
	SQL_CHANGE_DISCARD,
	SQL_CHANGE_NUMBER_ANEW,
	SQL_SWEEP_SCAN,
	SQL_SWEEP_DEAD,
	SQL_SWEEP_ATTEMPTS,
	SQL_SWEEP_DELIVERIES,
	SQL_SWEEP_EVENTS,
	SQL_SWEEP_SEARCH,
	SQL_SWEEP_QUARANTINE,
	SQL_PAGES,
	SQL_PAGES_FREE,
	SQL_PAGES_GIVE_BACK,
	SQL_COUNT,
};

enum status sqlite_prepare_all(struct sqlite_store *sqlite, struct error *err);
void sqlite_finalize_all(struct sqlite_store *sqlite);
/* For a statement that gives no rows, or whose rows do not matter. Resets it. */
enum status sqlite_execute(
	struct sqlite_store *sqlite, enum sqlite_statement which, struct error *err);
/*
 * The next row. Without one (*row_out false) and after a failure the statement is reset; the caller
 * resets it with sqlite_done() when it does not read to the end.
 */
enum status sqlite_fetch(
	struct sqlite_store *sqlite, enum sqlite_statement which, bool *row_out, struct error *err);
void sqlite_done(struct sqlite_store *sqlite, enum sqlite_statement which);
/* First column of the only row; *found_out (may be NULL) is false and *value_out kept without one.
 */
enum status sqlite_read_int(struct sqlite_store *sqlite, enum sqlite_statement which,
	int64_t *value_out, bool *found_out, struct error *err);
enum status sqlite_meta_write(
	struct sqlite_store *sqlite, enum sqlite_meta key, int64_t value, struct error *err);
/* Says what the connection's last failure was, after "store '...': purpose: ". */
enum status sqlite_failed(struct sqlite_store *sqlite, const char *purpose, struct error *err);

#endif
