/* SPDX-License-Identifier: MIT */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	READ_SIZE = 16 * 1024
};

bool file_read(const char *path, struct buf *out, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[READ_SIZE];
	ssize_t size = 0;
	bool good = false;

	if (fd < 0) {
		error_set(err, "%s", strerror(errno));
		return false;
	}
	for (;;) {
		size = read(fd, chunk, sizeof(chunk));
		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			break;
		if (!buf_append(out, chunk, (size_t)size)) {
			error_set(err, "it is larger than %zu bytes", out->size_max);
			goto out;
		}
	}
	if (size < 0)
		error_set(err, "%s", strerror(errno));
	good = size == 0;
out:
	close(fd);
	return good;
}

bool file_is_world_readable(const char *path)
{
	struct stat file;

	return stat(path, &file) == 0 && S_ISREG(file.st_mode) && (file.st_mode & S_IROTH) != 0;
}
