/* SPDX-License-Identifier: MIT */
/*
 * error.h - what SQLite said, put into words
 *
 * Threads    The connection's.
 * Errors     STATUS_INVALID the file is damaged or no database; STATUS_BUSY another process holds a
 *            lock; STATUS_IO anything else.
 */
#ifndef REPOSTAL_STORE_SQLITE_ERROR_H
#define REPOSTAL_STORE_SQLITE_ERROR_H

#include "repostal/error.h"

struct sqlite3;

/* Says what the connection's last failure was, after "store '...': purpose: ". */
enum status sqlite_explain(
	struct sqlite3 *db, const char *path, const char *purpose, struct error *err);

#endif
