/* SPDX-License-Identifier: MIT */
#include "completion.h"

#include <stdbool.h>
#include <string.h>

#include "commands.h"

enum {
	TEXT_SIZE_MAX = 256 * 1024
};

static bool is_of(const struct command_option *option, size_t action)
{
	return option->actions == 0 || (option->actions & UINT32_C(1) << action) != 0;
}

static void append_option(struct buf *out, const struct command_option *option)
{
	if (option->letter != '\0')
		buf_printf(out, " -%c", option->letter);
	buf_printf(out, " --%s", option->name);
}

/* _repostal_actions COMMAND */
static void append_actions(struct buf *out)
{
	buf_append_text(out, "_repostal_actions()\n{\n\tcase $1 in\n");
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *command = commands[i].command;

		if (command->actions[0].name == NULL)
			continue;
		buf_printf(out, "\t%s) echo", command->name);
		for (size_t j = 0; j < command->actions_count; j++)
			buf_printf(out, " %s", command->actions[j].name);
		buf_append_text(out, " ;;\n");
	}
	buf_append_text(out, "\tesac\n}\n\n");
}

static void append_options_of(struct buf *out, const struct command *command, size_t action)
{
	const char *name = command->actions[action].name;

	buf_printf(out, "\t%s:%s) echo", command->name, name == NULL ? "" : name);
	for (size_t i = 0; i < command->options_count; i++)
		if (is_of(&command->options[i], action))
			append_option(out, &command->options[i]);
	buf_append_text(out, " ;;\n");
}

/* _repostal_options COMMAND ACTION */
static void append_options(struct buf *out)
{
	buf_append_text(out, "_repostal_options()\n{\n\tcase $1:$2 in\n");
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *command = commands[i].command;

		for (size_t j = 0; j < command->actions_count; j++)
			append_options_of(out, command, j);
		if (command->actions[0].name == NULL)
			continue;
		/* Before the action is known. */
		buf_printf(out, "\t%s:) echo", command->name);
		for (size_t j = 0; j < command->options_count; j++)
			append_option(out, &command->options[j]);
		buf_append_text(out, " ;;\n");
	}
	buf_append_text(out, "\tesac\n}\n\n");
}

/* FILES, or the words; nothing for what only a person knows. */
static void append_value(struct buf *out, const struct command_option *option)
{
	if (completion_is_file(option->value))
		buf_append_text(out, " FILES");
	for (size_t i = 0; option->words != NULL && option->words[i] != NULL; i++)
		buf_printf(out, " %s", option->words[i]);
}

/* _repostal_value COMMAND OPTION: fails for one that takes none. */
static void append_values(struct buf *out)
{
	buf_append_text(out, "_repostal_value()\n{\n\tcase $1:$2 in\n");
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *command = commands[i].command;

		for (size_t j = 0; j < command->options_count; j++) {
			const struct command_option *option = &command->options[j];

			if (option->value == NULL)
				continue;
			buf_append_char(out, '\t');
			if (option->letter != '\0')
				buf_printf(out, "%s:-%c | ", command->name, option->letter);
			buf_printf(out, "%s:--%s) echo", command->name, option->name);
			append_value(out, option);
			buf_append_text(out, " ;;\n");
		}
	}
	buf_append_text(out, "\t*) return 1 ;;\n\tesac\n}\n\n");
}

/* _repostal_operand COMMAND ACTION */
static void append_operands(struct buf *out)
{
	buf_append_text(out, "_repostal_operand()\n{\n\tcase $1:$2 in\n");
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *command = commands[i].command;

		for (size_t j = 0; j < command->actions_count; j++) {
			const struct command_action *action = &command->actions[j];

			if (completion_is_file(action->operand))
				buf_printf(out, "\t%s:%s) echo FILES ;;\n", command->name,
					action->name == NULL ? "" : action->name);
		}
	}
	buf_append_text(out, "\thelp:) echo $_repostal_commands ;;\n\tesac\n}\n\n");
}

void bash_completion_write(const struct folders *folders)
{
	struct buf out;

	buf_init(&out, TEXT_SIZE_MAX);
	buf_append_text(&out,
		"# Completion of repostal for bash, made from the tables of its commands.\n\n"
		"_repostal_commands='");
	for (size_t i = 0; i < commands_count; i++)
		buf_printf(&out, "%s%s", i == 0 ? "" : " ", commands[i].command->name);
	buf_append_text(&out, "'\n\n");
	append_actions(&out);
	append_options(&out);
	append_values(&out);
	append_operands(&out);
	page_read_source(&out, folders, "shell/bash", false);
	page_write(folders, "bash/repostal", &out);
	buf_free(&out);
}
