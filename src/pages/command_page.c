/* SPDX-License-Identifier: MIT */
#include "command_page.h"

#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "roff.h"

enum {
	NAME_SIZE = 64
};

/* "repostal-queue" */
static void name_page(char name[NAME_SIZE], const struct command *command)
{
	(void)snprintf(name, NAME_SIZE, "repostal-%s", command->name);
}

static void append_synopsis(struct buf *out, const struct command *command)
{
	const char *separator = "";

	roff_append_heading(out, "SYNOPSIS");
	for (size_t i = 0; i < command->actions_count; i++) {
		const struct command_action *action = &command->actions[i];
		struct slice ways = slice_text(action->usage);

		do {
			struct slice way = slice_cut(&ways, '\n');

			buf_printf(out, "%s\\fBrepostal %s", separator, command->name);
			if (action->name != NULL)
				buf_printf(out, " %s", action->name);
			buf_append_text(out, "\\fR ");
			roff_append_typed(out, way);
			buf_append_char(out, '\n');
			separator = ".br\n";
		} while (ways.size > 0);
	}
}

static void append_actions(struct buf *out, const struct command *command)
{
	if (command->actions[0].name == NULL)
		return;
	roff_append_heading(out, "ACTIONS");
	for (size_t i = 0; i < command->actions_count; i++) {
		const struct command_action *action = &command->actions[i];

		buf_printf(out, ".TP\n\\fB%s\\fR", action->name);
		if (action->operand != NULL)
			buf_printf(out,
				action->need == OPERAND_REQUIRED ? " \\fI%s\\fR" : " [\\fI%s\\fR]",
				action->operand);
		buf_append_char(out, '\n');
		roff_append_text(out, slice_text(action->help));
		buf_append_char(out, '\n');
	}
}

/* "-c, --config FILE" */
static void append_label(struct buf *out, const struct command_option *option)
{
	if (option->letter != '\0')
		buf_printf(out, "\\fB\\-%c\\fR, ", option->letter);
	buf_append_text(out, "\\fB\\-\\-");
	roff_append_plain(out, slice_text(option->name));
	buf_append_text(out, "\\fR");
	if (option->value == NULL)
		return;
	buf_append_text(out, " \\fI");
	roff_append_plain(out, slice_text(option->value));
	buf_append_text(out, "\\fR");
}

/* Which actions take it, when not all do. */
static void append_whose(struct buf *out, const struct command *command, uint32_t actions)
{
	const char *separator = "";

	if (actions == 0)
		return;
	buf_append_text(out, "\n.br\nFor ");
	for (size_t i = 0; i < command->actions_count; i++) {
		if ((actions & UINT32_C(1) << i) == 0)
			continue;
		buf_printf(out, "%s\\fB%s\\fR", separator, command->actions[i].name);
		separator = ", ";
	}
	buf_append_char(out, '.');
}

static void append_options(struct buf *out, const struct command *command)
{
	roff_append_heading(out, "OPTIONS");
	for (size_t i = 0; i < command->options_count; i++) {
		const struct command_option *option = &command->options[i];

		buf_append_text(out, ".TP\n");
		append_label(out, option);
		buf_append_char(out, '\n');
		roff_append_text(out, slice_text(option->help));
		if (option->fallback != NULL) {
			buf_append_text(out, " (default: ");
			roff_append_text(out, slice_text(option->fallback));
			buf_append_char(out, ')');
		}
		append_whose(out, command, option->actions);
		buf_append_char(out, '\n');
	}
}

static void append_exit(struct buf *out, int code, const char *when)
{
	if (when == NULL)
		return;
	buf_printf(out, ".TP\n.B %d\n", code);
	roff_append_text(out, slice_text(when));
	buf_append_char(out, '\n');
}

static void append_exits(struct buf *out, const struct command *command)
{
	roff_append_heading(out, "EXIT STATUS");
	append_exit(out, EXIT_OK, command->exit_ok);
	append_exit(out, EXIT_FAILED, command->exit_failed);
	append_exit(out, EXIT_USAGE, "wrong usage");
	append_exit(out, EXIT_CONFIG, command->exit_config);
}

static void write_page(const struct folders *folders, const struct command *command)
{
	char name[NAME_SIZE];
	struct page page;

	name_page(name, command);
	page_begin(&page, folders, name, 1, command->summary);
	append_synopsis(&page.text, command);
	roff_append_heading(&page.text, "DESCRIPTION");
	roff_append_paragraphs(&page.text, command->about);
	page_append_before(&page);
	append_actions(&page.text, command);
	append_options(&page.text, command);
	if (command->notes != NULL) {
		roff_append_heading(&page.text, "NOTES");
		roff_append_paragraphs(&page.text, command->notes);
	}
	append_exits(&page.text, command);
	page_end(&page);
}

static void write_overview(const struct folders *folders)
{
	struct page page;

	page_begin(&page, folders, "repostal", 1, "deliver BizMail's events as Postal webhooks");
	page_append_before(&page);
	roff_append_heading(&page.text, "COMMANDS");
	for (size_t i = 0; i < commands_count; i++) {
		char name[NAME_SIZE];

		name_page(name, commands[i].command);
		buf_append_text(&page.text, ".TP\n.BR ");
		roff_append_plain(&page.text, slice_text(name));
		buf_append_text(&page.text, " (1)\n");
		roff_append_text(&page.text, slice_text(commands[i].command->summary));
		buf_append_char(&page.text, '\n');
	}
	page_end(&page);
}

void command_pages_write(const struct folders *folders)
{
	write_overview(folders);
	for (size_t i = 0; i < commands_count; i++)
		write_page(folders, commands[i].command);
}
