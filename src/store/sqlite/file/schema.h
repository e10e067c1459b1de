/* SPDX-License-Identifier: MIT */
/*
 * schema.h - the tables, and whose file it is
 *
 * Promise    A file of another program, a damaged one or a newer one is refused before anything is written.
 * Threads    The connection's.
 * Errors     STATUS_INVALID one of these, or a file that was in use before and is empty now; STATUS_IO.
 */
#ifndef REPOSTAL_STORE_SQLITE_SCHEMA_H
#define REPOSTAL_STORE_SQLITE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/error.h"

struct sqlite3;

/* For an owner: sets the connection up, makes the tables or migrates them. was_used: they were there once. */
enum status sqlite_schema_open(
	struct sqlite3 *db, const char *path, bool was_used, struct error *err);
/* Of this program, and not newer; version 0: still empty. Changes nothing. */
enum status sqlite_schema_identify(
	struct sqlite3 *db, const char *path, int64_t *version_out, struct error *err);
/* For readers: STATUS_NOT_FOUND when it is still empty. Changes nothing. */
enum status sqlite_schema_check(struct sqlite3 *db, const char *path, struct error *err);

#endif
