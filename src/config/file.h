/* SPDX-License-Identifier: MIT */
/*
 * file.h - a whole file, read with a ceiling
 *
 * Promise    No more than the buffer's ceiling is read, whatever the file is.
 * Threads    Any.
 * Errors     err says why, without the path.
 */
#ifndef REPOSTAL_CONFIG_FILE_H
#define REPOSTAL_CONFIG_FILE_H

#include <stdbool.h>

#include "repostal/buf.h"
#include "repostal/error.h"

bool file_read(const char *path, struct buf *out, struct error *err);
/* False also when it cannot be told. */
bool file_is_world_readable(const char *path);

#endif
