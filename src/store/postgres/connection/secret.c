/* SPDX-License-Identifier: MIT */
/* The secret of a store: numbers in meta that are drawn once; see sqlite/file/secret.c. */
#include "secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "repostal/random.h"

enum {
	PARTS = STORE_SECRET_SIZE / sizeof(int64_t),
	SQL_SIZE = 384,
};

enum status postgres_secret_make(struct postgres_session *session, struct error *err)
{
	int64_t parts[PARTS];
	char sql[SQL_SIZE];

	random_secret(parts, sizeof(parts));
	snprintf(sql, sizeof(sql),
		"INSERT INTO repostal.meta (key, value) VALUES ('secret_0', %" PRId64
		"), ('secret_1', %" PRId64 "), ('secret_2', %" PRId64 "), ('secret_3', %" PRId64
		") ON CONFLICT (key) DO NOTHING",
		parts[0], parts[1], parts[2], parts[3]);
	return postgres_session_script(session, sql, err);
}

enum status postgres_secret_read(
	struct postgres_session *session, uint8_t secret_out[STORE_SECRET_SIZE], struct error *err)
{
	int64_t parts[PARTS];
	bool found = true;

	for (size_t i = 0; found && i < PARTS; i++) {
		char sql[SQL_SIZE];
		enum status status;

		snprintf(sql, sizeof(sql),
			"SELECT value FROM repostal.meta WHERE key = 'secret_%zu'", i);
		status = postgres_session_int(session, sql, &parts[i], &found, err);
		if (status != STATUS_OK)
			return status;
	}
	if (!found) {
		error_set(err, "store: the database has no secret yet");
		return STATUS_NOT_FOUND;
	}
	memcpy(secret_out, parts, sizeof(parts));
	return STATUS_OK;
}
