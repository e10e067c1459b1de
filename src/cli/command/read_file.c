/* SPDX-License-Identifier: MIT */
#include "read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum {
	READ_SIZE = 64 * 1024
};

enum status cli_read_file(const char *path, struct buf *out, struct error *err)
{
	bool is_input = strcmp(path, "-") == 0;
	int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	enum status status = STATUS_IO;
	char chunk[READ_SIZE];
	ssize_t size;

	if (fd < 0) {
		error_set(err, "cannot open: %s", strerror(errno));
		return STATUS_IO;
	}
	for (;;) {
		size = read(fd, chunk, sizeof(chunk));
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0) {
			error_set(err, "cannot read: %s", strerror(errno));
			goto out;
		}
		if (size == 0)
			break;
		if (!buf_append(out, chunk, (size_t)size)) {
			error_set(err, "larger than %zu bytes", out->size_max);
			status = STATUS_FULL;
			goto out;
		}
	}
	status = STATUS_OK;
out:
	if (!is_input)
		close(fd);
	return status;
}
