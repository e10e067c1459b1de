/* SPDX-License-Identifier: MIT */
/*
 * A copy of the file beside its owner.
 *
 * SQLite's backup copies pages; inside one read transaction it never has to begin again, whatever the owner
 * commits meanwhile. The copy grows under a name of its own and gets the wanted one when it is complete,
 * checked and synced. It is marked as a copy (restore.c): the log of another store that may lie where it
 * is restored must not be read as its own.
 */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "error.h"
#include "file.h"
#include "repostal/memory.h"
#include "restore.h"
#include "schema.h"

enum {
	PORTION_PAGES = 256,
	BUSY_TIMEOUT_MS = 5000,
	CHECK_STEPS = 1000000, /* of SQLite's machine: a few hundredths of a second */
	PERCENT = 100,
	TEXT_SIZE = 200,
};

struct making {
	struct store_backup *backup;
	char *path; /* until it has its name; NULL: there is nothing to remove */
	struct sqlite3 *from;
	struct sqlite3 *to;
};

static bool may_continue(const struct store_backup *backup, const char *what, int percent)
{
	return backup->on_progress == NULL || backup->on_progress(backup->context, what, percent);
}

static enum status stopped(const struct making *making, struct error *err)
{
	error_set(err, "interrupted: '%s' was not written", making->backup->to);
	return STATUS_BUSY;
}

static enum status failed(const struct making *making, const char *what, struct error *err)
{
	error_set(err, "cannot %s '%s': %s", what, making->backup->to, strerror(errno));
	return STATUS_IO;
}

/* Mode 0600, as mkstemp() makes it. */
static enum status create(struct making *making, struct error *err)
{
	static const char suffix[] = ".XXXXXX";
	const char *to = making->backup->to;
	size_t size = strlen(to) + sizeof(suffix);
	struct stat info;
	char *path;
	int fd;

	if (lstat(to, &info) == 0) {
		error_set(err, "'%s' exists already: nothing was written", to);
		return STATUS_INVALID;
	}
	path = memory_alloc(size);
	snprintf(path, size, "%s%s", to, suffix);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0) {
		free(path);
		return failed(making, "create", err);
	}
	close(fd);
	making->path = path;
	return STATUS_OK;
}

static enum status open_source(struct making *making, struct error *err)
{
	const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	const char *path = making->backup->from->path;
	int64_t version = 0;
	enum status status;

	if (access(path, R_OK) != 0) {
		error_set(err, "store '%s': %s", path, strerror(errno));
		return errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_IO;
	}
	if (sqlite3_open_v2(path, &making->from, flags, NULL) != SQLITE_OK)
		return sqlite_explain(making->from, path, "cannot open", err);
	sqlite3_busy_timeout(making->from, BUSY_TIMEOUT_MS);
	status = sqlite_restore_check(making->from, err);
	if (status == STATUS_OK && sqlite3_exec(making->from, "PRAGMA cache_size = -2048; BEGIN",
					   NULL, NULL, NULL) != SQLITE_OK)
		status = sqlite_explain(making->from, path, "cannot read", err);
	/* What the first read finds, the transaction sees to its end. */
	if (status == STATUS_OK)
		status = sqlite_schema_identify(making->from, path, &version, err);
	if (status == STATUS_OK && version == 0) {
		error_set(err, "store '%s' is empty: repostal has not run with it yet", path);
		status = STATUS_NOT_FOUND;
	}
	return status;
}

/* The copy is not read before it is complete: a crash leaves nothing that would need a journal. */
static enum status open_copy(struct making *making, const char *settings, struct error *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	if (sqlite3_open_v2(making->path, &making->to, flags, NULL) != SQLITE_OK ||
		sqlite3_exec(making->to, settings, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_explain(making->to, making->path, "cannot write", err);
	return STATUS_OK;
}

static void close_copy(struct making *making)
{
	sqlite3_close(making->to);
	making->to = NULL;
}

static enum status copy_refused(struct making *making, int code, struct error *err)
{
	int os_error = sqlite3_system_errno(making->to);

	error_set(err, "cannot copy store '%s' to '%s': %s%s%s", making->backup->from->path,
		making->backup->to, sqlite3_errstr(code), os_error == 0 ? "" : ": ",
		os_error == 0 ? "" : strerror(os_error));
	return (code & 0xff) == SQLITE_CORRUPT ? STATUS_INVALID : STATUS_IO;
}

static int percent_of(sqlite3_backup *pages)
{
	int total = sqlite3_backup_pagecount(pages);

	return total == 0 ? -1
			  : (int)((int64_t)(total - sqlite3_backup_remaining(pages)) * PERCENT /
				    total);
}

static enum status copy_pages(struct making *making, struct error *err)
{
	sqlite3_backup *pages = sqlite3_backup_init(making->to, "main", making->from, "main");
	int code = pages == NULL ? sqlite3_extended_errcode(making->to) : SQLITE_OK;
	bool go_on = true;

	while (code == SQLITE_OK && go_on) {
		code = sqlite3_backup_step(pages, PORTION_PAGES);
		go_on = may_continue(making->backup, "copying", percent_of(pages));
	}
	(void)sqlite3_backup_finish(pages);
	if (code == SQLITE_DONE)
		return STATUS_OK;
	return code == SQLITE_OK ? stopped(making, err) : copy_refused(making, code, err);
}

static int on_check_step(void *context)
{
	const struct making *making = context;

	return !may_continue(making->backup, "checking", -1);
}

static enum status check_refused(struct making *making, struct error *err)
{
	if (sqlite3_errcode(making->to) == SQLITE_INTERRUPT)
		return stopped(making, err);
	return sqlite_explain(making->to, making->backup->from->path, "checking the copy", err);
}

/* Tables, indexes and their agreement: a damaged store is noticed while there is an older copy. */
static enum status check_integrity(struct making *making, struct error *err)
{
	struct sqlite3_stmt *statement = NULL;
	enum status status = STATUS_OK;
	const char *found;

	sqlite3_progress_handler(making->to, CHECK_STEPS, on_check_step, making);
	if (sqlite3_prepare_v2(making->to, "PRAGMA integrity_check(1)", -1, &statement, NULL) !=
			SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW) {
		status = check_refused(making, err);
		goto out;
	}
	found = (const char *)sqlite3_column_text(statement, 0);
	if (found == NULL || strcmp(found, "ok") != 0) {
		error_set(err, "store '%s' is damaged (%.*s): '%s' was not written",
			making->backup->from->path, TEXT_SIZE, found == NULL ? "" : found,
			making->backup->to);
		status = STATUS_INVALID;
	}
out:
	sqlite3_finalize(statement);
	sqlite3_progress_handler(making->to, 0, NULL, NULL);
	return status;
}

static enum status count(struct making *making, struct error *err)
{
	static const char query[] =
		"SELECT total(open), total(dead), (SELECT count(*) FROM quarantine) FROM target";
	struct store_backup *backup = making->backup;
	struct sqlite3_stmt *statement = NULL;
	enum status status = STATUS_OK;

	if (sqlite3_prepare_v2(making->to, query, -1, &statement, NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW) {
		status = check_refused(making, err);
		goto out;
	}
	backup->open = sqlite3_column_int64(statement, 0);
	backup->dead = sqlite3_column_int64(statement, 1);
	backup->quarantined = sqlite3_column_int64(statement, 2);
out:
	sqlite3_finalize(statement);
	return status;
}

static enum status finish_file(struct making *making, struct error *err)
{
	int fd = open(making->path, O_RDWR | O_CLOEXEC);
	enum status status = STATUS_OK;
	struct stat info;

	if (fd < 0 || !sqlite_restore_mark(fd) || fstat(fd, &info) != 0 || fsync(fd) != 0)
		status = failed(making, "write", err);
	else
		making->backup->bytes = info.st_size;
	if (fd >= 0)
		close(fd);
	return status;
}

/* Never over another file. Some file systems know only the one way, some only the other. */
static enum status give_name(struct making *making, struct error *err)
{
	const char *to = making->backup->to;

	if (renameat2(AT_FDCWD, making->path, AT_FDCWD, to, RENAME_NOREPLACE) != 0) {
		if ((errno != EINVAL && errno != ENOSYS) || link(making->path, to) != 0)
			return failed(making, "create", err);
		unlink(making->path);
	}
	free(making->path);
	making->path = NULL;
	return sqlite_file_sync_folder(to, err);
}

static void clean_up(struct making *making)
{
	sqlite3_close(making->from);
	close_copy(making);
	if (making->path != NULL) {
		(void)sqlite_file_remove_log(making->path, NULL);
		unlink(making->path);
	}
	free(making->path);
}

enum status sqlite_backup(struct store_backup *backup, struct error *err)
{
	static const char while_copying[] = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
					    "PRAGMA cache_size = -2048; PRAGMA mmap_size = 0";
	static const char while_checking[] =
		"PRAGMA cache_size = -8192; PRAGMA mmap_size = 0;"
		"PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY";
	struct making making = { .backup = backup };
	enum status status = open_source(&making, err);

	if (status == STATUS_OK)
		status = create(&making, err);
	if (status == STATUS_OK)
		status = open_copy(&making, while_copying, err);
	if (status == STATUS_OK)
		status = copy_pages(&making, err);
	sqlite3_close(making.from);
	making.from = NULL;
	close_copy(&making);
	if (status == STATUS_OK)
		status = open_copy(&making, while_checking, err);
	if (status == STATUS_OK)
		status = check_integrity(&making, err);
	if (status == STATUS_OK)
		status = count(&making, err);
	close_copy(&making);
	if (status == STATUS_OK)
		status = finish_file(&making, err);
	if (status == STATUS_OK)
		status = give_name(&making, err);
	clean_up(&making);
	return status;
}
