/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "repostal/config.h"

#define SOCKET_NAME "admin.sock"

/* What comes first of a list that is separated by colons. */
static void append_first(struct buf *path, const char *folders)
{
	buf_append(path, folders, strcspn(folders, ":"));
}

enum config_socket config_admin_socket(
	const struct config *config, const char *runtime_directory, struct buf *path)
{
	const char *given = config->admin.socket;
	const char *slash;

	if (given != NULL && strcmp(given, "none") == 0)
		return CONFIG_SOCKET_NONE;
	if (given != NULL && given[0] != '\0') {
		buf_append_text(path, given);
		return CONFIG_SOCKET_GIVEN;
	}
	if (runtime_directory != NULL && runtime_directory[0] == '/') {
		append_first(path, runtime_directory);
		buf_append_text(path, "/" SOCKET_NAME);
		return CONFIG_SOCKET_FOUND;
	}
	if (config->store.backend != STORE_SQLITE || config->store.path == NULL)
		return CONFIG_SOCKET_NONE;
	slash = strrchr(config->store.path, '/');
	if (slash != NULL)
		buf_append(path, config->store.path, (size_t)(slash + 1 - config->store.path));
	buf_append_text(path, SOCKET_NAME);
	return CONFIG_SOCKET_FOUND;
}
