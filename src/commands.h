/* SPDX-License-Identifier: MIT */
/*
 * commands.h - all commands of the program
 *
 * Threads    The main thread.
 */
#ifndef REPOSTAL_ALL_COMMANDS_H
#define REPOSTAL_ALL_COMMANDS_H

#include <stddef.h>
#include <stdio.h>

#include "cli/command/command.h"

struct commands_entry {
	const struct command *command;
	int (*run)(int argc, char **argv);
};
extern const struct commands_entry commands[];
extern const size_t commands_count;

/* What "repostal --help" prints. */
void commands_print_usage(FILE *file);
/* argv[0] is the command's name. Returns what the process exits with. */
int commands_run(int argc, char **argv);

#endif
