/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <stdarg.h>
#include <stdio.h>

#include "command.h"
#include "repostal/buf.h"
#include "repostal/nearest.h"

enum {
	MESSAGE_SIZE_MAX = 1024,
};

int cli_usage_error(const char *command, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "repostal %s: ", command);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\nTry 'repostal %s --help'.\n", command);
	return EXIT_USAGE;
}

int cli_failure(const char *command, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "repostal %s: ", command);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return EXIT_FAILED;
}

int cli_word_error(
	const char *command, const char *given, const char *const *words, size_t words_count)
{
	struct nearest nearest;
	struct buf known;
	int exit_code;

	buf_init(&known, MESSAGE_SIZE_MAX);
	nearest_init(&nearest, given);
	for (size_t i = 0; i < words_count; i++) {
		buf_printf(&known, "%s%s", i == 0 ? "" : ", ", words[i]);
		nearest_offer(&nearest, words[i]);
	}
	exit_code = cli_usage_error(command,
		nearest.best[0] == '\0' ? "'%s' is not one of %s"
					: "'%s' is not one of %s, did you mean '%s'?",
		given, known.data, nearest.best);
	buf_free(&known);
	return exit_code;
}
