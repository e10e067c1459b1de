/* SPDX-License-Identifier: MIT */
/*
 * message.h - what a command says when it cannot do what was asked
 *
 * Promise    Messages go to standard error, begin with the program and the command, and name
 *            what is wrong.
 * Threads    Any, apart from the option functions.
 */
#ifndef REPOSTAL_CLI_MESSAGE_H
#define REPOSTAL_CLI_MESSAGE_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "repostal COMMAND: text", then where the help is; returns EXIT_USAGE. */
int cli_usage_error(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "repostal COMMAND: text"; returns EXIT_FAILED. */
int cli_failure(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints to standard output; returns EXIT_OK. */
int cli_help(const char *text);

/*
 * What getopt_long() did not take: found is its '?' or ':' (opterr must be 0, and the option string
 * begin with ':'). Names the option, and the one that was probably meant. Returns EXIT_USAGE.
 */
int cli_option_error(const char *command, int found, char **argv, const struct option *options);
/* A word that is none of the words; returns EXIT_USAGE. */
int cli_word_error(
	const char *command, const char *given, const char *const *words, size_t words_count);

/* A whole number min..max; when it is not, says so and returns false. */
bool cli_parse_number(const char *command, const char *option, const char *text, int64_t min,
	int64_t max, int64_t *out);

/* The same for --limit, where "all" is 0. */
bool cli_parse_limit(const char *command, const char *text, int64_t *out);

/*
 * Overwrites an argument of this process: other accounts see it in the list of processes. Only a secret that is
 * written out, not one that is named by "env:" or "file:". The text was copied before.
 */
void cli_hide_argument(char *argument);

#endif
