/* SPDX-License-Identifier: MIT */
/*
 * secret.h - random numbers that a store gets once, in the table meta
 *
 * Threads    The connection's.
 * Errors     STATUS_NOT_FOUND from sqlite_secret_read(): an earlier version made the store.
 */
#ifndef REPOSTAL_STORE_SQLITE_SECRET_H
#define REPOSTAL_STORE_SQLITE_SECRET_H

#include <stdint.h>

#include "repostal/store.h"

struct sqlite3;

/* Unless it has one. */
enum status sqlite_secret_make(struct sqlite3 *db, const char *path, struct error *err);
enum status sqlite_secret_read(struct sqlite3 *db, const char *path,
	uint8_t secret_out[STORE_SECRET_SIZE], struct error *err);

#endif
