/* SPDX-License-Identifier: MIT */
/*
 * local_path.h - the address of a Unix socket, however long its path is
 *
 * Promise    A path that does not fit into sockaddr_un is reached through its open folder.
 * Threads    Values.
 * Ownership  The folder stays open until local_path_close(): the address may name its descriptor.
 * Errors     STATUS_INVALID: the name alone is too long; STATUS_NOT_FOUND: the folder is not there;
 *            STATUS_IO: it cannot be opened.
 */
#ifndef REPOSTAL_LOCAL_PATH_H
#define REPOSTAL_LOCAL_PATH_H

#include <sys/un.h>

#include "repostal/error.h"

struct local_path {
	int folder_fd;
	char name[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* within the folder */
	struct sockaddr_un address;
};

enum status local_path_open(const char *path, struct local_path *out, struct error *err);
void local_path_close(struct local_path *place);

#endif
