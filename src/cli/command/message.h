/* SPDX-License-Identifier: MIT */
/*
 * message.h - what a command says when it cannot do what was asked
 *
 * Promise    Messages go to standard error, begin with the program and the command, and name
 *            what is wrong.
 * Threads    Any.
 */
#ifndef REPOSTAL_CLI_MESSAGE_H
#define REPOSTAL_CLI_MESSAGE_H

#include <stddef.h>

/* "repostal COMMAND: text", then where the help is; returns EXIT_USAGE. */
int cli_usage_error(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "repostal COMMAND: text"; returns EXIT_FAILED. */
int cli_failure(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A word that is none of the words, and the one that was probably meant; returns EXIT_USAGE. */
int cli_word_error(
	const char *command, const char *given, const char *const *words, size_t words_count);

#endif
