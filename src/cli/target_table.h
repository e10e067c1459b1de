/* SPDX-License-Identifier: MIT */
/*
 * target_table.h - the targets, for people
 *
 * Threads    The main thread.
 */
#ifndef REPOSTAL_CLI_TARGET_TABLE_H
#define REPOSTAL_CLI_TARGET_TABLE_H

#include <jansson.h>

/* Prints the API's array of targets to standard output. */
void target_table_print(const json_t *targets);

#endif
