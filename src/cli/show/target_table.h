/* SPDX-License-Identifier: MIT */
/*
 * target_table.h - the targets, for people
 *
 * Promise    Lines fit the terminal: 80 columns are enough. What the API does not know is shown as "-".
 * Threads    The main thread.
 */
#ifndef REPOSTAL_CLI_TARGET_TABLE_H
#define REPOSTAL_CLI_TARGET_TABLE_H

#include <jansson.h>

#include "repostal/buf.h"

/* Prints the API's array of targets to standard output: a table, then what it has no room for. */
void target_table_print(const json_t *targets);

/* "last failure 5s ago: CAUSE; HINT", not escaped; nothing when there is none. */
void target_append_failure(struct buf *out, const json_t *target);

#endif
