/* SPDX-License-Identifier: MIT */
/*
 * The store's files: errors, ends, and the journal of changes.
 *
 * The journal holds, in the order in which they happened, all writes with their bytes, and the syncs.
 * A change is written down before it is made, a sync after it has succeeded: an end in between leaves
 * a journal that promises too little, never too much.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preload.h"

enum {
	FD_MAX = 65536,
	PATH_SIZE_MAX = 4096
};

enum file {
	FILE_OTHER,
	FILE_DATABASE,
	FILE_LOG,
	FILE_ROLLBACK, /* SQLite makes one until the log exists */
	FILE_FOLDER
};

enum change {
	CHANGE_WRITE,
	CHANGE_SYNC,
	CHANGE_SYNC_FAILED,
	CHANGE_TRUNCATE,
	CHANGE_CREATE,
	CHANGE_UNLINK
};

/* What stands before the bytes; the test knows it as "<IIQQ". */
struct record {
	uint32_t change;
	uint32_t file;
	uint64_t offset;
	uint64_t size;
};

typedef int open_type(const char *, int, ...);
typedef int close_type(int);
typedef ssize_t pwrite_type(int, const void *, size_t, off_t);
typedef ssize_t pread_type(int, void *, size_t, off_t);
typedef int sync_type(int);
typedef int ftruncate_type(int, off_t);
typedef int unlink_type(const char *);

static _Atomic uint8_t files[FD_MAX];
static char store_path[PATH_SIZE_MAX];
static size_t store_folder_size;
static int journal_fd = -1;

__attribute__((constructor)) static void store_find(void)
{
	const char *path = getenv("TORTURE_STORE");
	const char *journal = getenv("TORTURE_JOURNAL");

	if (path == NULL || strlen(path) >= sizeof(store_path))
		return;
	memcpy(store_path, path, strlen(path) + 1);
	store_folder_size = (size_t)(strrchr(store_path, '/') - store_path);
	if (journal != NULL)
		journal_fd = (int)syscall(SYS_openat, AT_FDCWD, journal,
			O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static enum file file_of_path(const char *path)
{
	size_t size = strlen(store_path);

	if (size == 0)
		return FILE_OTHER;
	if (strlen(path) == store_folder_size && memcmp(path, store_path, store_folder_size) == 0)
		return FILE_FOLDER;
	if (strncmp(path, store_path, size) != 0)
		return FILE_OTHER;
	if (path[size] == '\0')
		return FILE_DATABASE;
	if (strcmp(path + size, "-wal") == 0)
		return FILE_LOG;
	return strcmp(path + size, "-journal") == 0 ? FILE_ROLLBACK : FILE_OTHER;
}

static bool is_content(enum file file)
{
	return file == FILE_DATABASE || file == FILE_LOG || file == FILE_ROLLBACK;
}

static enum file file_of(int fd)
{
	return fd < 0 || fd >= FD_MAX ? FILE_OTHER : (enum file)atomic_load(&files[fd]);
}

static void note(enum change change, enum file file, off_t offset, const void *data, size_t size)
{
	struct record record = { change, file, (uint64_t)offset, data == NULL ? 0 : size };
	struct iovec parts[] = { { &record, sizeof(record) },
		{ (void *)(uintptr_t)data, record.size } };

	if (journal_fd >= 0 &&
		syscall(SYS_writev, journal_fd, parts, 2) != (long)(sizeof(record) + record.size))
		abort();
}

static bool fails(enum file file, _Atomic int64_t *number)
{
	int error = (int)atomic_load(number);

	if (error == 0 || !is_content(file))
		return false;
	if (atomic_load(&control->errors_after) > 0) {
		atomic_fetch_sub(&control->errors_after, 1);
		return false;
	}
	atomic_fetch_add(&control->errors_given, 1);
	errno = error;
	return true;
}

static int open_any(open_type *system_open, const char *path, int flags, mode_t mode)
{
	enum file file = file_of_path(path);
	bool is_new = false;
	struct stat info;
	int fd;

	if (is_content(file)) {
		if ((flags & O_ACCMODE) != O_RDONLY && fails(file, &control->errno_open))
			return -1;
		is_new = (flags & O_CREAT) != 0 && stat(path, &info) != 0;
	}
	if (is_new)
		note(CHANGE_CREATE, file, 0, NULL, 0);
	fd = system_open(path, flags, mode);
	if (fd >= 0 && fd < FD_MAX)
		atomic_store(&files[fd], (uint8_t)file);
	if (is_new)
		pass(KILL_AT_file_create);
	return fd;
}

static mode_t mode_of(int flags, va_list rest)
{
	return (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	SYSTEM(system_open, open_type);
	va_list rest;
	mode_t mode;

	va_start(rest, flags);
	mode = mode_of(flags, rest);
	va_end(rest);
	return open_any(system_open, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	SYSTEM(system_open64, open_type);
	va_list rest;
	mode_t mode;

	va_start(rest, flags);
	mode = mode_of(flags, rest);
	va_end(rest);
	return open_any(system_open64, path, flags, mode);
}

int close(int fd)
{
	SYSTEM(system_close, close_type);

	if (fd >= 0 && fd < FD_MAX)
		atomic_store(&files[fd], FILE_OTHER);
	return system_close(fd);
}

/* The system may write less than all of it; the test's model takes it for a whole one that may tear. */
ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset)
{
	SYSTEM(system_pwrite64, pwrite_type);
	enum file file = file_of(fd);

	if (!is_content(file))
		return system_pwrite64(fd, data, size, offset);
	if (fails(file, &control->errno_write))
		return -1;
	if (file == FILE_LOG && receiver_has_answered())
		pass(KILL_AT_verdict_write);
	note(CHANGE_WRITE, file, offset, data, size);
	if (dies_at(file == FILE_LOG ? KILL_AT_log_write : KILL_AT_file_write)) {
		(void)!system_pwrite64(fd, data, size / 2, offset);
		die();
	}
	return system_pwrite64(fd, data, size, offset);
}

ssize_t pread64(int fd, void *data, size_t size, off_t offset)
{
	SYSTEM(system_pread64, pread_type);

	if (fails(file_of(fd), &control->errno_read))
		return -1;
	return system_pread64(fd, data, size, offset);
}

static int sync_any(sync_type *system_sync, int fd)
{
	enum file file = file_of(fd);
	int result;

	if (file == FILE_OTHER)
		return system_sync(fd);
	if (fails(file, &control->errno_sync)) {
		note(CHANGE_SYNC_FAILED, file, 0, NULL, 0);
		return -1;
	}
	if (file != FILE_FOLDER)
		pass(file == FILE_LOG ? KILL_AT_log_sync_before : KILL_AT_file_sync_before);
	result = system_sync(fd);
	note(result == 0 ? CHANGE_SYNC : CHANGE_SYNC_FAILED, file, 0, NULL, 0);
	if (file != FILE_FOLDER)
		pass(file == FILE_LOG ? KILL_AT_log_sync_after : KILL_AT_file_sync_after);
	return result;
}

int fdatasync(int fd)
{
	SYSTEM(system_fdatasync, sync_type);

	return sync_any(system_fdatasync, fd);
}

int fsync(int fd)
{
	SYSTEM(system_fsync, sync_type);

	return sync_any(system_fsync, fd);
}

int ftruncate64(int fd, off_t size)
{
	SYSTEM(system_ftruncate64, ftruncate_type);
	enum file file = file_of(fd);

	if (!is_content(file))
		return system_ftruncate64(fd, size);
	if (fails(file, &control->errno_write))
		return -1;
	pass(KILL_AT_truncate);
	note(CHANGE_TRUNCATE, file, size, NULL, 0);
	return system_ftruncate64(fd, size);
}

int unlink(const char *path)
{
	SYSTEM(system_unlink, unlink_type);
	enum file file = file_of_path(path);

	if (is_content(file)) {
		pass(KILL_AT_unlink);
		note(CHANGE_UNLINK, file, 0, NULL, 0);
	}
	return system_unlink(path);
}
