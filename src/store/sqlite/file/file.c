/* SPDX-License-Identifier: MIT */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repostal/memory.h"
#include "repostal/text.h"

enum {
	FILE_MODE = 0600,      /* events hold addresses of people */
	PID_SIZE = 20,         /* in the lock file: a number, blanks, a line feed */
	OWNER_BYTE = INT32_MAX /* of the database file, locked: after those that SQLite locks */
};

/* Behind the number, from the first good start on: a store that is empty later was not always so. */
static const char used_mark[] = "used\n";

static char *path_with(const char *path, const char *suffix)
{
	size_t size = strlen(path) + strlen(suffix) + 1;
	char *joined = memory_alloc(size);

	snprintf(joined, size, "%s%s", path, suffix);
	return joined;
}

static char *folder_of(const char *path)
{
	char *folder;
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return memory_copy_text(".");
	folder = memory_copy_text(path);
	folder[slash == path ? 1 : slash - path] = '\0';
	return folder;
}

/* 0 when the owner left no readable number. */
static int64_t owner_pid(int fd)
{
	char text[PID_SIZE];
	ssize_t size = pread(fd, text, sizeof(text), 0);
	int64_t pid = 0;

	if (size > 0)
		(void)text_parse_uint(slice_trim(slice_of(text, (size_t)size)), &pid);
	return pid;
}

static enum status lock_refused(const char *path, int fd, struct error *err)
{
	int64_t pid;

	if (errno != EWOULDBLOCK) {
		error_set(err, "store '%s': cannot lock: %s", path, strerror(errno));
		return STATUS_IO;
	}
	pid = owner_pid(fd);
	if (pid > 0)
		error_set(err, "store '%s' is in use by process %" PRId64, path, pid);
	else
		error_set(err, "store '%s' is in use by another process", path);
	return STATUS_BUSY;
}

/* For people only: the lock itself is what counts, so a full disk does not matter here. */
static void write_pid(int fd)
{
	char text[PID_SIZE + 1];

	snprintf(text, sizeof(text), "%-*ld\n", PID_SIZE - 1, (long)getpid());
	if (pwrite(fd, text, PID_SIZE, 0) != PID_SIZE)
		return;
}

bool sqlite_file_was_used(int lock_fd)
{
	char text[sizeof(used_mark) - 1];

	return pread(lock_fd, text, sizeof(text), PID_SIZE) == (ssize_t)sizeof(text) &&
	       memcmp(text, used_mark, sizeof(text)) == 0;
}

/* What fails now is tried again at the next start. */
void sqlite_file_mark_used(int lock_fd)
{
	const ssize_t size = sizeof(used_mark) - 1;

	if (!sqlite_file_was_used(lock_fd) &&
		pwrite(lock_fd, used_mark, (size_t)size, PID_SIZE) == size)
		(void)fdatasync(lock_fd);
}

enum status sqlite_file_refuse_empty(const char *path, struct error *err)
{
	error_set(err,
		"store '%s' was in use before and is empty or gone: restore a copy, or remove "
		"'%s-lock' to start with an empty one",
		path, path);
	return STATUS_INVALID;
}

/* A name that is not there yet, in a folder that is. */
static char *resolve_new(const char *path)
{
	char *folder = folder_of(path);
	char *resolved = realpath(folder, NULL);
	const char *slash = strrchr(path, '/');
	char *joined = NULL;

	free(folder);
	if (resolved == NULL)
		return memory_copy_text(path);
	folder = path_with(resolved, strcmp(resolved, "/") == 0 ? "" : "/");
	joined = path_with(folder, slash == NULL ? path : slash + 1);
	free(folder);
	free(resolved);
	return joined;
}

char *sqlite_file_resolve(const char *path)
{
	char *resolved = realpath(path, NULL);

	return resolved == NULL ? resolve_new(path) : resolved;
}

/*
 * Another name of the same file (a hard link, a mount, a name that it had before) has another lock file
 * beside it, and another log. So one byte of the file itself is locked too, by a lock of the descriptor's:
 * those of SQLite are the process's, and end when it closes any descriptor of the file. Closing this one is
 * for after SQLite.
 */
enum status sqlite_file_own(const char *path, int *fd_out, struct error *err)
{
	struct flock owner = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = OWNER_BYTE, .l_len = 1
	};
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		error_set(err, "store '%s': cannot open: %s", path, strerror(errno));
		return STATUS_IO;
	}
	*fd_out = fd;
	/* Some file systems have no such locks; there the lock file must do. */
	if (fcntl(fd, F_OFD_SETLK, &owner) == 0 || (errno != EAGAIN && errno != EACCES))
		return STATUS_OK;
	error_set(err,
		"store '%s' is in use by another process, under another name of the same file",
		path);
	return STATUS_BUSY;
}

/*
 * The lock has a file of its own: SQLite's locks on the database belong to the process and are lost
 * when any descriptor of that file is closed. The lock file stays when the store is closed, for a
 * second process may be waiting to open just this one.
 */
enum status sqlite_file_lock(const char *path, int *fd_out, struct error *err)
{
	char *lock_path = path_with(path, "-lock");
	enum status status = STATUS_IO;
	int fd;

	fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	if (fd < 0) {
		error_set(err, "store '%s': cannot create '%s': %s%s", path, lock_path,
			strerror(errno), errno == ENOENT ? " (its folder is missing)" : "");
		goto out;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		status = lock_refused(path, fd, err);
		goto out;
	}
	write_pid(fd);
	*fd_out = fd;
	fd = -1;
	status = STATUS_OK;
out:
	if (fd >= 0)
		close(fd);
	free(lock_path);
	return status;
}

/* A new file is safe only when the folder that names it is. */
enum status sqlite_file_sync_folder(const char *path, struct error *err)
{
	char *folder = folder_of(path);
	enum status status = STATUS_OK;
	int fd;

	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0) {
		error_set(err, "store '%s': cannot sync folder '%s': %s", path, folder,
			strerror(errno));
		status = STATUS_IO;
	}
	if (fd >= 0)
		close(fd);
	free(folder);
	return status;
}

static int64_t size_of(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 ? (int64_t)info.st_size : 0;
}

enum status sqlite_file_create(const char *path, int lock_fd, struct error *err)
{
	int fd;

	if (size_of(path) == 0 && sqlite_file_was_used(lock_fd))
		return sqlite_file_refuse_empty(path, err);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0 && errno == EEXIST)
		return STATUS_OK;
	if (fd < 0) {
		error_set(err, "store '%s': cannot create: %s", path, strerror(errno));
		return STATUS_IO;
	}
	close(fd);
	return sqlite_file_sync_folder(path, err);
}

int64_t sqlite_file_log_bytes(const char *path)
{
	char *log_path = path_with(path, "-wal");
	int64_t bytes = size_of(log_path);

	free(log_path);
	return bytes;
}

static enum status probe_folder(const char *path, const char *folder, struct error *err)
{
	struct stat info;

	if (stat(folder, &info) != 0) {
		error_set(err, "store '%s': its folder '%s': %s", path, folder, strerror(errno));
		return errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_IO;
	}
	if (!S_ISDIR(info.st_mode)) {
		error_set(err, "store '%s': '%s' is not a folder", path, folder);
		return STATUS_NOT_FOUND;
	}
	if (access(folder, W_OK | X_OK) != 0) {
		error_set(err, "store '%s': no files can be made in '%s': %s", path, folder,
			strerror(errno));
		return STATUS_IO;
	}
	return STATUS_OK;
}

enum status sqlite_file_probe(const char *path, struct error *err)
{
	static const char *const suffixes[] = { "", "-lock", "-wal", "-shm" };
	char *folder = folder_of(path);
	enum status status = probe_folder(path, folder, err);

	for (size_t i = 0; status == STATUS_OK && i < ARRAY_COUNT(suffixes); i++) {
		char *file = path_with(path, suffixes[i]);

		if (access(file, F_OK) == 0 && access(file, R_OK | W_OK) != 0) {
			error_set(err, "store '%s': '%s' cannot be written: %s", path, file,
				strerror(errno));
			status = STATUS_IO;
		}
		free(file);
	}
	free(folder);
	return status;
}

int64_t sqlite_file_bytes(const char *path)
{
	return size_of(path) + sqlite_file_log_bytes(path);
}

static int64_t written_ms(const char *path)
{
	struct stat info;

	if (stat(path, &info) != 0 || info.st_size == 0)
		return 0;
	return (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000;
}

/* Readers make a log too, an empty one. */
int64_t sqlite_file_changed_ms(const char *path)
{
	char *log_path = path_with(path, "-wal");
	int64_t log_ms = written_ms(log_path);
	int64_t file_ms = written_ms(path);

	free(log_path);
	return log_ms > file_ms ? log_ms : file_ms;
}

enum status sqlite_file_remove_log(const char *path, struct error *err)
{
	static const char *const suffixes[] = { "-wal", "-shm" };

	for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
		char *beside = path_with(path, suffixes[i]);
		bool is_gone = unlink(beside) == 0 || errno == ENOENT;

		if (!is_gone)
			error_set(err, "store '%s': cannot remove '%s': %s", path, beside,
				strerror(errno));
		free(beside);
		if (!is_gone)
			return STATUS_IO;
	}
	return sqlite_file_sync_folder(path, err);
}
