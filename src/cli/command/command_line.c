/* SPDX-License-Identifier: MIT */
#include "command_line.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "message.h"
#include "repostal/buf.h"
#include "repostal/memory.h"
#include "repostal/nearest.h"
#include "repostal/text.h"

enum {
	MESSAGE_SIZE_MAX = 1024,
	LABEL_SIZE_MAX = 64,
	FOUND_FIRST = 256, /* what getopt_long() returns for the first option of the table */
};

/* The table as getopt_long() wants it. */
struct getopt_table {
	struct option options[COMMAND_OPTIONS_MAX + 1];
	char letters[2 * COMMAND_OPTIONS_MAX + 2];
};

static void make_table(const struct command *command, struct getopt_table *table)
{
	char *letter = table->letters;

	REPOSTAL_ASSERT(command->options_count <= COMMAND_OPTIONS_MAX &&
			command->actions_count <= COMMAND_ACTIONS_MAX);
	*letter++ = ':';
	for (size_t i = 0; i < command->options_count; i++) {
		const struct command_option *option = &command->options[i];
		bool has_value = option->value != NULL;

		table->options[i] = (struct option){
			.name = option->name,
			.has_arg = has_value ? required_argument : no_argument,
			.val = FOUND_FIRST + (int)i,
		};
		if (option->letter == '\0')
			continue;
		*letter++ = option->letter;
		if (has_value)
			*letter++ = ':';
	}
	*letter = '\0';
	table->options[command->options_count] = (struct option){ 0 };
}

/* COMMAND_OPTIONS_MAX when it is none of the table. */
static size_t place_of(const struct command *command, int found)
{
	if (found >= FOUND_FIRST)
		return (size_t)(found - FOUND_FIRST);
	for (size_t i = 0; i < command->options_count; i++)
		if (command->options[i].letter == found)
			return i;
	return COMMAND_OPTIONS_MAX;
}

/* -- what getopt_long() did not take ---------------------------------------------------------------- */

/* "--json, --jwks": what the beginning of a name may stand for; false when it is none of two. */
static bool append_candidates(struct buf *out, struct slice name, const struct command *command)
{
	size_t count = 0;

	for (size_t i = 0; i < command->options_count; i++) {
		const char *candidate = command->options[i].name;

		if (strncmp(candidate, name.data, name.size) == 0)
			buf_printf(out, "%s--%s", count++ == 0 ? "" : ", ", candidate);
	}
	return count > 1;
}

static int unknown_long_option(const struct command *command, const char *given)
{
	struct slice name = slice_of(given + 2, strcspn(given + 2, "="));
	struct nearest nearest;
	struct buf text;
	int exit_code;

	buf_init(&text, MESSAGE_SIZE_MAX);
	if (append_candidates(&text, name, command)) {
		exit_code = cli_usage_error(command->name, "option '--%.*s' may be one of %s",
			(int)name.size, name.data, text.data);
		goto out;
	}
	buf_reset(&text);
	buf_append_slice(&text, name);
	nearest_init(&nearest, text.data == NULL ? "" : text.data);
	for (size_t i = 0; i < command->options_count; i++)
		nearest_offer(&nearest, command->options[i].name);
	exit_code = cli_usage_error(command->name,
		nearest.best[0] == '\0' ? "unknown option '--%.*s'"
					: "unknown option '--%.*s', did you mean '--%s'?",
		(int)name.size, name.data, nearest.best);
out:
	buf_free(&text);
	return exit_code;
}

/* found is the '?' or ':' of getopt_long(). */
static int option_error(const struct command *command, int found, char **argv)
{
	const char *given = argv[optind - 1];

	if (found == ':')
		return cli_usage_error(command->name, "option '%s' needs a value", given);
	/* getopt_long() tells a short option by optopt; a long one with a surplus value has it too. */
	if (optopt == 0)
		return unknown_long_option(command, given);
	if (strncmp(given, "--", 2) == 0 && strchr(given, '=') != NULL)
		return cli_usage_error(command->name, "option '%s' takes no value", given);
	return cli_usage_error(command->name, "unknown option '-%c'", optopt);
}

/* -- values ----------------------------------------------------------------------------------------- */

/* "-n, --count": as it is named in messages. */
static const char *label_of(const struct command_option *option, char label[LABEL_SIZE_MAX])
{
	if (option->letter != '\0')
		(void)snprintf(label, LABEL_SIZE_MAX, "-%c, --%s", option->letter, option->name);
	else
		(void)snprintf(label, LABEL_SIZE_MAX, "--%s", option->name);
	return label;
}

static void *field_of(const struct command_option *option, void *options, size_t size)
{
	REPOSTAL_ASSERT(option->size == size);
	return (char *)options + option->offset;
}

static bool take_number(
	const char *command, const struct command_option *option, const char *text, int64_t *out)
{
	char label[LABEL_SIZE_MAX];
	int64_t number;

	if (!text_parse_uint(slice_text(text), &number) || number < option->min ||
		number > option->max) {
		cli_usage_error(command, "%s '%s': not a whole number from %" PRId64 " to %" PRId64,
			label_of(option, label), text, option->min, option->max);
		return false;
	}
	*out = number;
	return true;
}

static bool take_word(
	const char *command, const struct command_option *option, const char *text, int *out)
{
	char label[LABEL_SIZE_MAX];
	struct buf known;

	buf_init(&known, MESSAGE_SIZE_MAX);
	for (int i = 0; option->words[i] != NULL; i++) {
		if (strcmp(option->words[i], text) == 0) {
			*out = i;
			buf_free(&known);
			return true;
		}
		buf_printf(&known, "%s%s", i == 0 ? "" : ", ", option->words[i]);
	}
	cli_usage_error(
		command, "%s '%s': not one of %s", label_of(option, label), text, known.data);
	buf_free(&known);
	return false;
}

static bool take_text(const char *command, const struct command_option *option, const char *text,
	const char **out)
{
	char label[LABEL_SIZE_MAX];

	if (strlen(text) < (size_t)option->min) {
		cli_usage_error(command, "%s is empty", label_of(option, label));
		return false;
	}
	*out = text;
	return true;
}

/* False after the message. */
static bool take(
	const char *command, const struct command_option *option, void *options, char *text)
{
	switch (option->kind) {
	case OPTION_HELP:
		return true;
	case OPTION_SWITCH:
		*(bool *)field_of(option, options, sizeof(bool)) = true;
		return true;
	case OPTION_TEXT:
		return take_text(command, option, text, field_of(option, options, sizeof(char *)));
	case OPTION_LIMIT:
		if (strcmp(text, "all") == 0) {
			*(int64_t *)field_of(option, options, sizeof(int64_t)) = 0;
			return true;
		}
		return take_number(
			command, option, text, field_of(option, options, sizeof(int64_t)));
	case OPTION_NUMBER:
		return take_number(
			command, option, text, field_of(option, options, sizeof(int64_t)));
	case OPTION_WORD:
		return take_word(command, option, text, field_of(option, options, sizeof(int)));
	case OPTION_OWN:
		return option->take(options, option, text);
	}
	return false; /* not reached: -Wswitch guards the cases */
}

/* False when the command ends here. */
static bool take_option(
	const struct command *command, size_t place, void *options, struct command_line *line)
{
	const struct command_option *option = &command->options[place];
	uint32_t bit = UINT32_C(1) << place;
	char label[LABEL_SIZE_MAX];

	if (option->once && (line->given & bit) != 0) {
		line->exit_code = cli_usage_error(
			command->name, "%s is given twice", label_of(option, label));
		return false;
	}
	line->given |= bit;
	if (option->kind == OPTION_HELP) {
		help_print(command);
		line->exit_code = EXIT_OK;
		return false;
	}
	line->exit_code = EXIT_USAGE;
	return take(command->name, option, options, optarg);
}

/* -- actions and operands --------------------------------------------------------------------------- */

/* "list, show or retry" */
static void append_actions(struct buf *out, const struct command *command)
{
	for (size_t i = 0; i < command->actions_count; i++) {
		if (i > 0)
			buf_append_text(out, i + 1 == command->actions_count ? " or " : ", ");
		buf_append_text(out, command->actions[i].name);
	}
}

static int no_action(const struct command *command)
{
	struct buf names;
	int exit_code;

	buf_init(&names, MESSAGE_SIZE_MAX);
	append_actions(&names, command);
	exit_code = cli_usage_error(command->name, "%s is missing", names.data);
	buf_free(&names);
	return exit_code;
}

static int take_action(const struct command *command, const char *name, struct command_line *line)
{
	const char *names[COMMAND_ACTIONS_MAX];

	for (size_t i = 0; i < command->actions_count; i++) {
		names[i] = command->actions[i].name;
		if (strcmp(name, names[i]) != 0)
			continue;
		line->action = i;
		return EXIT_OK;
	}
	return cli_word_error(command->name, name, names, command->actions_count);
}

static int check_operands(const struct command *command, const struct command_line *line)
{
	const struct command_action *action = &command->actions[line->action];
	size_t count_max = action->need == OPERAND_NONE ? 0 : 1;
	const char *first = command_line_operand(line);

	if (action->need != OPERAND_ANY && line->operands_count > count_max)
		return cli_usage_error(
			command->name, "unexpected argument '%s'", line->operands[count_max]);
	if (action->need != OPERAND_REQUIRED || (first != NULL && first[0] != '\0'))
		return EXIT_OK;
	if (action->name != NULL)
		return cli_usage_error(
			command->name, "%s: %s is missing", action->name, action->operand);
	return cli_usage_error(command->name, "%s is missing", action->operand);
}

static int take_operands(
	const struct command *command, int argc, char **argv, struct command_line *line)
{
	bool has_actions = command->actions[0].name != NULL;
	int exit_code = EXIT_OK;

	if (has_actions && optind == argc)
		return no_action(command);
	if (has_actions)
		exit_code = take_action(command, argv[optind++], line);
	if (exit_code != EXIT_OK)
		return exit_code;
	line->operands = argv + optind;
	line->operands_count = (size_t)(argc - optind);
	return check_operands(command, line);
}

/* "for pause only" of an option of one action, else "not for list". */
static int check_actions(const struct command *command, const struct command_line *line)
{
	uint32_t bit = UINT32_C(1) << line->action;
	char label[LABEL_SIZE_MAX];

	for (size_t i = 0; i < command->options_count; i++) {
		const struct command_option *option = &command->options[i];

		if ((line->given & UINT32_C(1) << i) == 0 || option->actions == 0 ||
			(option->actions & bit) != 0)
			continue;
		label_of(option, label);
		for (size_t j = 0; j < command->actions_count; j++)
			if (option->actions == UINT32_C(1) << j)
				return cli_usage_error(command->name, "%s is for %s only", label,
					command->actions[j].name);
		return cli_usage_error(command->name, "%s is not for %s", label,
			command->actions[line->action].name);
	}
	return EXIT_OK;
}

bool command_line_read(const struct command *command, int argc, char **argv, void *options,
	struct command_line *line)
{
	struct getopt_table table;
	int found;

	*line = (struct command_line){ .exit_code = EXIT_OK };
	make_table(command, &table);
	opterr = 0;
	optind = 0; /* also where another command line was read before */
	while ((found = getopt_long(argc, argv, table.letters, table.options, NULL)) != -1) {
		size_t place = place_of(command, found);

		if (place == COMMAND_OPTIONS_MAX) {
			line->exit_code = option_error(command, found, argv);
			return false;
		}
		if (!take_option(command, place, options, line))
			return false;
	}
	line->exit_code = take_operands(command, argc, argv, line);
	if (line->exit_code == EXIT_OK)
		line->exit_code = check_actions(command, line);
	return line->exit_code == EXIT_OK;
}

const char *command_line_operand(const struct command_line *line)
{
	return line->operands_count > 0 ? line->operands[0] : NULL;
}
