/* SPDX-License-Identifier: MIT */
/*
 * The secret of a store: numbers in meta that are drawn once. A store that an earlier version made gets them
 * with the next start.
 */
#include "secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "error.h"
#include "format.h"
#include "repostal/random.h"

enum {
	PARTS = STORE_SECRET_SIZE / sizeof(int64_t),
	SQL_SIZE = 256,
};

enum status sqlite_secret_make(struct sqlite3 *db, const char *path, struct error *err)
{
	int64_t parts[PARTS];
	char sql[SQL_SIZE];

	random_secret(parts, sizeof(parts));
	snprintf(sql, sizeof(sql),
		"INSERT OR IGNORE INTO meta (key, value) VALUES (%d, %" PRId64 "), (%d, %" PRId64
		"), (%d, %" PRId64 "), (%d, %" PRId64 ")",
		(int)META_SECRET, parts[0], META_SECRET + 1, parts[1], META_SECRET + 2, parts[2],
		META_SECRET + 3, parts[3]);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_explain(db, path, "cannot prepare the file", err);
	return STATUS_OK;
}

enum status sqlite_secret_read(struct sqlite3 *db, const char *path,
	uint8_t secret_out[STORE_SECRET_SIZE], struct error *err)
{
	struct sqlite3_stmt *statement = NULL;
	int64_t parts[PARTS];
	size_t count = 0;
	int result = sqlite3_prepare_v2(db,
		"SELECT value FROM meta WHERE key BETWEEN ?1 AND ?1 + 3 ORDER BY key", -1,
		&statement, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_bind_int(statement, 1, META_SECRET);
	while (result == SQLITE_OK && count < PARTS && sqlite3_step(statement) == SQLITE_ROW)
		parts[count++] = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	if (result != SQLITE_OK)
		return sqlite_explain(db, path, "read", err);
	if (count < PARTS) {
		error_set(err, "store '%s' has no secret yet", path);
		return STATUS_NOT_FOUND;
	}
	memcpy(secret_out, parts, sizeof(parts));
	return STATUS_OK;
}
