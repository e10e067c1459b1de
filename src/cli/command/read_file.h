/* SPDX-License-Identifier: MIT */
/*
 * read_file.h - a file that an argument names
 *
 * Threads    Any.
 * Errors     STATUS_IO; STATUS_FULL when it is larger than the buffer's ceiling.
 */
#ifndef REPOSTAL_CLI_READ_FILE_H
#define REPOSTAL_CLI_READ_FILE_H

#include "repostal/buf.h"
#include "repostal/error.h"

/* Appends the file, or standard input for "-". err does not name it. */
enum status cli_read_file(const char *path, struct buf *out, struct error *err);

#endif
