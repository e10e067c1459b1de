/* SPDX-License-Identifier: MIT */
/*
 * A copy that store_backup() made and an operator put where the store was.
 *
 * What is beside it there ("-wal", "-shm") may be of the store that was there before, after a crash with
 * pages that were not in its file yet. SQLite cannot tell, and would write them into the copy. So a copy
 * has an application id of its own, in the header of the file; its first owner removes what is beside it,
 * then makes it an ordinary store. The header is read and written without SQLite's knowledge, but with its
 * descriptor: a second one would cost the process its locks when it is closed.
 */
#include "restore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "file.h"
#include "format.h"

enum {
	ID_OFFSET = 68, /* in the header of every SQLite file */
	ID_SIZE = 4,
};

static void id_bytes(int32_t id, unsigned char bytes[ID_SIZE])
{
	for (int i = 0; i < ID_SIZE; i++)
		bytes[i] = (unsigned char)((uint32_t)id >> (8 * (ID_SIZE - 1 - i)));
}

static struct sqlite3_file *file_of(struct sqlite3 *db)
{
	struct sqlite3_file *file = NULL;

	(void)sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	return file;
}

static bool is_copy(struct sqlite3_file *file)
{
	unsigned char wanted[ID_SIZE], found[ID_SIZE];

	id_bytes(SQLITE_ID_COPY, wanted);
	return file != NULL && file->pMethods != NULL &&
	       file->pMethods->xRead(file, found, ID_SIZE, ID_OFFSET) == SQLITE_OK &&
	       memcmp(found, wanted, ID_SIZE) == 0;
}

bool sqlite_restore_mark(int fd)
{
	unsigned char bytes[ID_SIZE];

	id_bytes(SQLITE_ID_COPY, bytes);
	return pwrite(fd, bytes, ID_SIZE, ID_OFFSET) == ID_SIZE;
}

enum status sqlite_restore_check(struct sqlite3 *db, struct error *err)
{
	const char *path = sqlite3_db_filename(db, "main"); /* links resolved, as for the log */

	if (!is_copy(file_of(db)) || sqlite_file_log_bytes(path) == 0)
		return STATUS_OK;
	error_set(err,
		"store '%s' is a copy that was put beside the log of another store ('%s-wal'): "
		"start "
		"repostal once, which removes that",
		path, path);
	return STATUS_INVALID;
}

/* Without a log what the file says is so; a crash before the end begins here again. */
enum status sqlite_restore_settle(struct sqlite3 *db, struct error *err)
{
	const char *path = sqlite3_db_filename(db, "main");
	struct sqlite3_file *file = file_of(db);
	unsigned char bytes[ID_SIZE];
	enum status status;

	if (!is_copy(file))
		return STATUS_OK;
	status = sqlite_file_remove_log(path, err);
	if (status != STATUS_OK)
		return status;
	id_bytes(SQLITE_ID_STORE, bytes);
	if (file->pMethods->xWrite(file, bytes, ID_SIZE, ID_OFFSET) == SQLITE_OK &&
		file->pMethods->xSync(file, SQLITE_SYNC_FULL) == SQLITE_OK)
		return STATUS_OK;
	error_set(err, "store '%s': a copy that was restored cannot be written: %s", path,
		strerror(sqlite3_system_errno(db)));
	return STATUS_IO;
}
