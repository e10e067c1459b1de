/* SPDX-License-Identifier: MIT */
#include "repostal/local_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "repostal/memory.h"

static char *folder_of(const char *path, const char *slash)
{
	char *folder;

	if (slash == NULL)
		return memory_copy_text(".");
	folder = memory_copy_text(path);
	folder[slash == path ? 1 : slash - path] = '\0';
	return folder;
}

static bool fill(struct local_path *out, const char *path)
{
	struct sockaddr_un *address = &out->address;
	size_t size = sizeof(address->sun_path);
	int length;

	address->sun_family = AF_UNIX;
	if (strlen(path) < size)
		length = snprintf(address->sun_path, size, "%s", path);
	else
		length = snprintf(
			address->sun_path, size, "/proc/self/fd/%d/%s", out->folder_fd, out->name);
	return length > 0 && (size_t)length < size;
}

enum status local_path_open(const char *path, struct local_path *out, struct error *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	enum status status = STATUS_OK;
	char *folder;

	memset(out, 0, sizeof(*out));
	if (name[0] == '\0' || strlen(name) >= sizeof(out->name)) {
		error_set(err, "'%s': not a name that a socket can have", path);
		return STATUS_INVALID;
	}
	memcpy(out->name, name, strlen(name));
	folder = folder_of(path, slash);
	out->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->folder_fd < 0) {
		status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
		error_set(err, "'%s': %s", folder, strerror(errno));
	} else if (!fill(out, path)) {
		status = STATUS_INVALID;
		error_set(err, "'%s': longer than the name of a socket can be", path);
		local_path_close(out);
	}
	free(folder);
	return status;
}

void local_path_close(struct local_path *place)
{
	close(place->folder_fd);
	place->folder_fd = -1;
}
