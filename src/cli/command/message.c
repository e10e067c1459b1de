/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "repostal/buf.h"
#include "repostal/nearest.h"
#include "repostal/text.h"

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

int cli_help(const char *text)
{
	fputs(text, stdout);
	return EXIT_OK;
}

/* "--json, --jwks": what the beginning of a name may stand for; false when it is none of two. */
static bool append_candidates(struct buf *out, struct slice name, const struct option *options)
{
	size_t count = 0;

	for (const struct option *option = options; option->name != NULL; option++) {
		if (strncmp(option->name, name.data, name.size) != 0)
			continue;
		buf_printf(out, "%s--%s", count++ == 0 ? "" : ", ", option->name);
	}
	return count > 1;
}

static int unknown_long_option(const char *command, const char *given, const struct option *options)
{
	struct slice name = slice_of(given + 2, strcspn(given + 2, "="));
	struct nearest nearest;
	struct buf text;
	int exit_code;

	buf_init(&text, MESSAGE_SIZE_MAX);
	if (append_candidates(&text, name, options)) {
		exit_code = cli_usage_error(command, "option '--%.*s' may be one of %s",
			(int)name.size, name.data, text.data);
		goto out;
	}
	buf_reset(&text);
	buf_append_slice(&text, name);
	nearest_init(&nearest, text.data == NULL ? "" : text.data);
	for (const struct option *option = options; option->name != NULL; option++)
		nearest_offer(&nearest, option->name);
	exit_code = cli_usage_error(command,
		nearest.best[0] == '\0' ? "unknown option '--%.*s'"
					: "unknown option '--%.*s', did you mean '--%s'?",
		(int)name.size, name.data, nearest.best);
out:
	buf_free(&text);
	return exit_code;
}

int cli_option_error(const char *command, int found, char **argv, const struct option *options)
{
	const char *given = argv[optind - 1];

	if (found == ':')
		return cli_usage_error(command, "option '%s' needs a value", given);
	/* getopt_long() tells a short option by optopt; a long one with a surplus value has it too.
	 */
	if (optopt == 0)
		return unknown_long_option(command, given, options);
	if (strncmp(given, "--", 2) == 0 && strchr(given, '=') != NULL)
		return cli_usage_error(command, "option '%s' takes no value", given);
	return cli_usage_error(command, "unknown option '-%c'", optopt);
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

bool cli_parse_number(const char *command, const char *option, const char *text, int64_t min,
	int64_t max, int64_t *out)
{
	int64_t number;

	if (!text_parse_uint(slice_text(text), &number) || number < min || number > max) {
		cli_usage_error(command, "%s '%s': not a whole number from %" PRId64 " to %" PRId64,
			option, text, min, max);
		return false;
	}
	*out = number;
	return true;
}

bool cli_parse_limit(const char *command, const char *text, int64_t *out)
{
	*out = 0;
	return strcmp(text, "all") == 0 ||
	       cli_parse_number(command, "--limit", text, 0, INT32_MAX, out);
}

/* Its length says nothing either: what is left is an empty text. */
void cli_hide_argument(char *argument)
{
	size_t size = strlen(argument);

	if (strncmp(argument, "env:", 4) == 0 || strncmp(argument, "file:", 5) == 0)
		return;
	memset(argument, 0, size);
	memcpy(argument, "***", size < 3 ? size : 3);
}
