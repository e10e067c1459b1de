/* SPDX-License-Identifier: MIT */
#include "completion.h"

#include <stdbool.h>
#include <string.h>

#include "commands.h"
#include "repostal/slice.h"
#include "repostal/text.h"

enum {
	TEXT_SIZE_MAX = 256 * 1024,
	DESCRIPTION_SIZE_MAX = 60,
};

/* Inside single quotes; what ends a part of a specification loses its meaning by a backslash. */
static void append_quoted(struct buf *out, struct slice text, const char *special)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '\'')
			buf_append_text(out, "'\\'");
		else if (strchr(special, text.data[i]) != NULL)
			buf_append_char(out, '\\');
		buf_append_char(out, text.data[i]);
	}
}

/* Whole words, as many as there is room for beside the name. */
static struct slice shortened(const char *text)
{
	struct slice all = slice_text(text);
	size_t size = DESCRIPTION_SIZE_MAX;

	if (all.size <= size)
		return all;
	while (size > 0 && all.data[size] != ' ')
		size--;
	return slice_of(all.data, size);
}

/* reply=( 'name:what it is' ... ) */
static void append_entry(struct buf *out, const char *name, const char *what)
{
	buf_printf(out, " '%s:", name);
	append_quoted(out, shortened(what), ":");
	buf_append_char(out, '\'');
}

static void append_commands(struct buf *out)
{
	buf_append_text(out, "_repostal_commands()\n{\n\treply=(");
	for (size_t i = 0; i < commands_count; i++)
		append_entry(out, commands[i].command->name, commands[i].command->summary);
	buf_append_text(out, " )\n}\n\n");
}

static void append_actions(struct buf *out)
{
	buf_append_text(out, "_repostal_actions()\n{\n\treply=()\n\tcase $1 in\n");
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *command = commands[i].command;

		if (command->actions[0].name == NULL)
			continue;
		buf_printf(out, "\t%s) reply=(", command->name);
		for (size_t j = 0; j < command->actions_count; j++)
			append_entry(out, command->actions[j].name, command->actions[j].help);
		buf_append_text(out, " ) ;;\n");
	}
	buf_append_text(out, "\tesac\n}\n\n");
}

/* ":FILE:_files" */
static void append_value(struct buf *out, const struct command_option *option)
{
	buf_append_char(out, ':');
	append_quoted(out, slice_text(option->value), ":");
	buf_append_char(out, ':');
	if (option->words == NULL) {
		buf_append_text(out, completion_is_file(option->value) ? "_files" : " ");
		return;
	}
	buf_append_char(out, '(');
	for (size_t i = 0; option->words[i] != NULL; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : " ", option->words[i]);
	buf_append_char(out, ')');
}

/* A specification of _arguments: "'(-c --config)'{-c,--config}'[the configuration]:FILE:_files'" */
static void append_option(struct buf *out, const struct command_option *option)
{
	bool may_repeat = option->kind == OPTION_OWN && !option->once;

	buf_append_text(out, " ");
	if (option->letter != '\0' && may_repeat)
		buf_printf(out, "'*'{-%c,--%s}'", option->letter, option->name);
	else if (option->letter != '\0')
		buf_printf(out, "'(-%c --%s)'{-%c,--%s}'", option->letter, option->name,
			option->letter, option->name);
	else
		buf_printf(out, "'%s--%s", may_repeat ? "*" : "", option->name);
	buf_append_char(out, '[');
	append_quoted(out, shortened(option->help), "[]");
	buf_append_char(out, ']');
	if (option->value != NULL)
		append_value(out, option);
	buf_append_char(out, '\'');
}

/* actions: whose options; 0: all of them. */
static void append_specifications_of(
	struct buf *out, const struct command *command, const char *action, uint32_t actions)
{
	buf_printf(out, "\t%s:%s) reply=(", command->name, action == NULL ? "" : action);
	for (size_t i = 0; i < command->options_count; i++) {
		const struct command_option *option = &command->options[i];

		if (actions == 0 || option->actions == 0 || (option->actions & actions) != 0)
			append_option(out, option);
	}
}

static void append_operand(struct buf *out, const struct command_action *action)
{
	if (action->need == OPERAND_NONE)
		return;
	buf_printf(out, " '%s:%s:%s'", action->need == OPERAND_ANY ? "*" : "", action->operand,
		completion_is_file(action->operand) ? "_files" : " ");
}

static void append_specifications(struct buf *out)
{
	buf_append_text(out, "_repostal_specifications()\n{\n\tcase $1:$2 in\n");
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *command = commands[i].command;
		bool has_actions = command->actions[0].name != NULL;

		if (has_actions) {
			append_specifications_of(out, command, NULL, 0);
			buf_append_text(out, " '1:action:_repostal_action' ) ;;\n");
		}
		for (size_t j = 0; j < command->actions_count; j++) {
			append_specifications_of(
				out, command, command->actions[j].name, UINT32_C(1) << j);
			buf_append_text(out, has_actions ? " '1:action: '" : "");
			append_operand(out, &command->actions[j]);
			buf_append_text(out, " ) ;;\n");
		}
	}
	buf_append_text(out, "\tesac\n}\n\n");
}

void zsh_completion_write(const struct folders *folders)
{
	struct buf out;

	buf_init(&out, TEXT_SIZE_MAX);
	buf_append_text(&out,
		"#compdef repostal\n"
		"# Completion of repostal for zsh, made from the tables of its commands.\n\n");
	append_commands(&out);
	append_actions(&out);
	append_specifications(&out);
	page_read_source(&out, folders, "shell/zsh", false);
	page_write(folders, "zsh/_repostal", &out);
	buf_free(&out);
}
