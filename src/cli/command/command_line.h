/* SPDX-License-Identifier: MIT */
/*
 * command_line.h - the arguments of a command, read by its table
 *
 * Promise    What passed is complete: the action and its operands are there, options are known, belong to
 *            the action and have values that they take. Each refusal says on standard error why, and names
 *            what was probably meant.
 * Threads    The main thread (getopt).
 * Ownership  Texts are those of argv.
 */
#ifndef REPOSTAL_CLI_COMMAND_LINE_H
#define REPOSTAL_CLI_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"

struct command_line {
	size_t action; /* its place in the table */
	char **operands;
	size_t operands_count;
	uint32_t given; /* 1 << place of an option */
	int exit_code;  /* when reading ended the command */
};

/*
 * options is the command's own struct, filled with defaults. False: the command has ended with exit_code;
 * the help was printed, or the message. argv[0] is the command's name.
 */
bool command_line_read(const struct command *command, int argc, char **argv, void *options,
	struct command_line *line);

/* The first operand; NULL: none was given. */
const char *command_line_operand(const struct command_line *line);

#endif
