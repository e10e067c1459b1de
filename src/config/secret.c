/* SPDX-License-Identifier: MIT */
#include "repostal/secret.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "repostal/memory.h"

static const char env_prefix[] = "env:";
static const char file_prefix[] = "file:";

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool secret_is_literal(const char *text)
{
	return !starts_with(text, env_prefix) && !starts_with(text, file_prefix);
}

const char *secret_file(const char *text)
{
	return starts_with(text, file_prefix) ? text + strlen(file_prefix) : NULL;
}

bool secret_file_is_open(const char *text)
{
	return secret_file(text) != NULL && file_is_world_readable(secret_file(text));
}

static char *from_environment(const char *name, struct error *err)
{
	const char *value = getenv(name);

	if (value == NULL) {
		error_set(err, "needs the environment variable %.128s, which is not set", name);
		return NULL;
	}
	return memory_copy_text(value);
}

static char *from_file(const char *path, struct error *err)
{
	struct buf contents;
	size_t size;
	char *secret = NULL;
	struct error reason;

	buf_init(&contents, SECRET_FILE_SIZE_MAX);
	if (!file_read(path, &contents, &reason)) {
		error_set(err, "needs the file %.256s: %s", path, reason.text);
		goto out;
	}
	size = contents.size;
	if (size > 0 && contents.data[size - 1] == '\n')
		size--;
	if (size > 0 && contents.data[size - 1] == '\r')
		size--;
	if (size > 0 && memchr(contents.data, '\0', size) != NULL) {
		error_set(err, "needs a text, but the file %.256s is binary", path);
		goto out;
	}
	secret = memory_copy_bytes(contents.data, size);
out:
	buf_free(&contents);
	return secret;
}

char *secret_resolve(const char *text, struct error *err)
{
	if (starts_with(text, env_prefix))
		return from_environment(text + strlen(env_prefix), err);
	if (starts_with(text, file_prefix))
		return from_file(text + strlen(file_prefix), err);
	return memory_copy_text(text);
}
