/* SPDX-License-Identifier: MIT */
#include "error.h"

#include <string.h>

#include <sqlite3.h>

/* Corruption is told apart for store_open(); the front makes STATUS_IO of it in a transaction. */
static enum status status_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return STATUS_INVALID;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return STATUS_BUSY;
	default:
		return STATUS_IO;
	}
}

enum status sqlite_explain(
	struct sqlite3 *db, const char *path, const char *purpose, struct error *err)
{
	int code = sqlite3_extended_errcode(db);
	int primary = code & 0xff;
	int os_error = sqlite3_system_errno(db);
	const char *reason = sqlite3_errmsg(db);

	if (primary == SQLITE_NOTADB)
		error_set(err,
			"store '%s' is not a repostal store: set another path, or move it away",
			path);
	else if (primary == SQLITE_CORRUPT)
		error_set(err,
			"store '%s' is damaged (%s: %s): restore a copy, or move it and '%s-lock' "
			"away to start with an empty one",
			path, purpose, reason, path);
	else if (os_error != 0 && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN))
		error_set(err, "store '%s': %s: %s (%d): %s", path, purpose, reason, code,
			strerror(os_error));
	else
		error_set(err, "store '%s': %s: %s (%d)", path, purpose, reason, code);
	return status_of(code);
}
