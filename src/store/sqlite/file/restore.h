/* SPDX-License-Identifier: MIT */
/*
 * restore.h - a copy that was put in the place of a store
 *
 * Threads    The connection's.
 * Errors     STATUS_INVALID it lies beside the log of another store; STATUS_IO.
 */
#ifndef REPOSTAL_STORE_SQLITE_RESTORE_H
#define REPOSTAL_STORE_SQLITE_RESTORE_H

#include <stdbool.h>

#include "repostal/error.h"

struct sqlite3;

/* Makes the file a copy. False: errno says why. */
bool sqlite_restore_mark(int fd);
/* For an owner, before the connection first reads: makes a restored copy a store. */
enum status sqlite_restore_settle(struct sqlite3 *db, struct error *err);
/* For readers, before the connection first reads. */
enum status sqlite_restore_check(struct sqlite3 *db, struct error *err);

#endif
