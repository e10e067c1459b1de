/* SPDX-License-Identifier: MIT */
#include "help.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/show/terminal.h"

enum {
	HELP_SIZE_MAX = 64 * 1024,
	LABEL_SIZE_MAX = 128,
	WIDTH = 80,
	INDENT = 2,
	GAP = 2,
	LABEL_WIDTH_MAX = 24, /* the text of a longer one begins on the next line */
};

struct slice help_cut_paragraph(struct slice *text)
{
	struct slice rest = *text;
	struct slice paragraph = rest;

	for (size_t i = 0; i + 1 < rest.size; i++) {
		if (rest.data[i] != '\n' || rest.data[i + 1] != '\n')
			continue;
		paragraph.size = i;
		*text = slice_of(rest.data + i + 2, rest.size - i - 2);
		return paragraph;
	}
	*text = slice_of(rest.data, 0);
	return paragraph;
}

static void append_paragraphs(struct buf *out, const char *text)
{
	struct slice rest = slice_text(text);

	while (rest.size > 0) {
		struct slice paragraph = help_cut_paragraph(&rest);

		buf_append_char(out, '\n');
		if (paragraph.data[0] == ' ')
			buf_append_slice(out, paragraph);
		else
			show_append_wrapped(out, paragraph, 0, WIDTH);
		buf_append_char(out, '\n');
	}
}

/* "Usage: repostal queue list [FILTER...]", the further ones below. */
static void append_usage(struct buf *out, const struct command *command)
{
	const char *title = "Usage: ";

	for (size_t i = 0; i < command->actions_count; i++) {
		const struct command_action *action = &command->actions[i];
		struct slice ways = slice_text(action->usage);

		do {
			struct slice way = slice_cut(&ways, '\n');

			buf_printf(out, "%srepostal %s", title, command->name);
			if (action->name != NULL)
				buf_printf(out, " %s", action->name);
			if (way.size > 0)
				buf_append_char(out, ' ');
			buf_append_slice(out, way);
			buf_append_char(out, '\n');
			title = "       ";
		} while (ways.size > 0);
	}
}

/* A row of two columns, the second wrapped. */
static void append_row(struct buf *out, struct slice label, size_t column, struct slice text)
{
	buf_printf(out, "%*s", INDENT, "");
	buf_append_slice(out, label);
	if (INDENT + label.size + GAP > column)
		buf_printf(out, "\n%*s", (int)column, "");
	else
		buf_printf(out, "%*s", (int)(column - INDENT - label.size), "");
	show_append_wrapped(out, text, column, WIDTH);
	buf_append_char(out, '\n');
}

static void append_actions(struct buf *out, const struct command *command)
{
	size_t column = 0;

	if (command->actions[0].name == NULL)
		return;
	for (size_t i = 0; i < command->actions_count; i++)
		if (strlen(command->actions[i].name) > column)
			column = strlen(command->actions[i].name);
	buf_append_char(out, '\n');
	for (size_t i = 0; i < command->actions_count; i++)
		append_row(out, slice_text(command->actions[i].name), INDENT + column + GAP,
			slice_text(command->actions[i].help));
}

/* "-c, --config FILE"; long names stand in one column. */
static void append_label(struct buf *out, const struct command_option *option)
{
	if (option->letter != '\0')
		buf_printf(out, "-%c, --%s", option->letter, option->name);
	else
		buf_printf(out, "    --%s", option->name);
	if (option->value != NULL)
		buf_printf(out, " %s", option->value);
}

static size_t option_column(const struct command *command)
{
	size_t width = 0;
	struct buf label;

	buf_init(&label, LABEL_SIZE_MAX);
	for (size_t i = 0; i < command->options_count; i++) {
		buf_reset(&label);
		append_label(&label, &command->options[i]);
		if (label.size > width && label.size <= LABEL_WIDTH_MAX)
			width = label.size;
	}
	buf_free(&label);
	return INDENT + width + GAP;
}

static void append_options(struct buf *out, const struct command *command)
{
	size_t column = option_column(command);
	struct buf label, text;

	buf_init(&label, LABEL_SIZE_MAX);
	buf_init(&text, HELP_SIZE_MAX);
	buf_append_char(out, '\n');
	for (size_t i = 0; i < command->options_count; i++) {
		const struct command_option *option = &command->options[i];

		buf_reset(&label);
		buf_reset(&text);
		append_label(&label, option);
		buf_append_text(&text, option->help);
		if (option->fallback != NULL)
			buf_printf(&text, " (default: %s)", option->fallback);
		append_row(out, buf_slice(&label), column, buf_slice(&text));
	}
	buf_free(&text);
	buf_free(&label);
}

static void append_exit(struct buf *line, int code, const char *when)
{
	if (when != NULL)
		buf_printf(line, "%s %d %s", line->size == 0 ? "Exit:" : ";", code, when);
}

static void append_exits(struct buf *out, const struct command *command)
{
	struct buf line;

	buf_init(&line, HELP_SIZE_MAX);
	append_exit(&line, EXIT_OK, command->exit_ok);
	append_exit(&line, EXIT_FAILED, command->exit_failed);
	append_exit(&line, EXIT_USAGE, "wrong usage");
	append_exit(&line, EXIT_CONFIG, command->exit_config);
	buf_append_char(&line, '.');
	buf_append_char(out, '\n');
	show_append_wrapped(out, buf_slice(&line), 0, WIDTH);
	buf_append_char(out, '\n');
	buf_free(&line);
}

void help_append(struct buf *out, const struct command *command)
{
	append_usage(out, command);
	append_paragraphs(out, command->about);
	append_actions(out, command);
	append_options(out, command);
	if (command->notes != NULL)
		append_paragraphs(out, command->notes);
	append_exits(out, command);
}

void help_print(const struct command *command)
{
	struct buf text;

	buf_init(&text, HELP_SIZE_MAX);
	help_append(&text, command);
	fwrite(text.data, 1, text.size, stdout);
	buf_free(&text);
}
