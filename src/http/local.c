/* SPDX-License-Identifier: MIT */
/*
 * The Unix socket. A file that was left behind by a process that died is replaced, one that somebody listens
 * on never: which of the two it is can only be asked by connecting. The folder is locked meanwhile, for two
 * that start at once would both find the old file and the second would replace the first one's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http_private.h"
#include "repostal/local_path.h"
#include "repostal/memory.h"

enum {
	LOCAL_MODE = 0600
};

struct http_local {
	struct local_path place;
	int fd; /* -1: given away */
	dev_t device;
	ino_t inode;
};

/* STATUS_NOT_FOUND: nothing is there, or nobody listens on it any more. */
static enum status look_for_listener(
	const struct local_path *place, const char *path, struct error *err)
{
	enum status status = STATUS_BUSY;
	struct stat found;
	int fd;

	if (fstatat(place->folder_fd, place->name, &found, AT_SYMLINK_NOFOLLOW) != 0)
		return STATUS_NOT_FOUND;
	if (!S_ISSOCK(found.st_mode)) {
		error_set(err, "'%s' is in the way: it is not a socket", path);
		return STATUS_INVALID;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
		connect(fd, (const struct sockaddr *)&place->address, sizeof(place->address)) !=
			0 &&
		errno == ECONNREFUSED)
		status = STATUS_NOT_FOUND;
	if (fd >= 0)
		close(fd);
	if (status == STATUS_BUSY)
		error_set(err, "another process listens on '%s'", path);
	return status;
}

/* The mode is set before there is a file: nobody else can ever connect. */
static enum status bind_local(struct http_local *local, const char *path, struct error *err)
{
	const struct local_path *place = &local->place;
	struct stat made;

	if (unlinkat(place->folder_fd, place->name, 0) != 0 && errno != ENOENT)
		goto failed;
	local->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (local->fd < 0 || fchmod(local->fd, LOCAL_MODE) != 0 ||
		bind(local->fd, (const struct sockaddr *)&place->address, sizeof(place->address)) !=
			0 ||
		listen(local->fd, SOMAXCONN) != 0 ||
		fstatat(place->folder_fd, place->name, &made, AT_SYMLINK_NOFOLLOW) != 0)
		goto failed;
	local->device = made.st_dev;
	local->inode = made.st_ino;
	return STATUS_OK;
failed:
	error_set(err, "cannot listen on '%s': %s", path, strerror(errno));
	return STATUS_IO;
}

enum status http_local_open(const char *path, struct http_local **local_out, struct error *err)
{
	struct http_local *local = memory_zalloc(sizeof(*local));
	enum status status;

	local->fd = -1;
	status = local_path_open(path, &local->place, err);
	if (status != STATUS_OK) {
		free(local);
		return status;
	}
	while (flock(local->place.folder_fd, LOCK_EX) != 0 && errno == EINTR)
		continue;
	status = look_for_listener(&local->place, path, err);
	if (status == STATUS_NOT_FOUND)
		status = bind_local(local, path, err);
	(void)flock(local->place.folder_fd, LOCK_UN);
	if (status == STATUS_OK)
		*local_out = local;
	else
		http_local_close(&local);
	return status;
}

int http_local_take_fd(struct http_local *local)
{
	int fd = local->fd;

	local->fd = -1;
	return fd;
}

void http_local_close(struct http_local **localp)
{
	struct http_local *local = *localp;
	struct stat found;

	if (local == NULL)
		return;
	*localp = NULL;
	if (local->inode != 0 &&
		fstatat(local->place.folder_fd, local->place.name, &found, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		found.st_ino == local->inode && found.st_dev == local->device)
		(void)unlinkat(local->place.folder_fd, local->place.name, 0);
	if (local->fd >= 0)
		close(local->fd);
	local_path_close(&local->place);
	free(local);
}
