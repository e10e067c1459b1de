/* SPDX-License-Identifier: MIT */
#include "commands.h"

#include <stdbool.h>
#include <string.h>

#include "cli/command/command_line.h"
#include "cli/command/help.h"
#include "cli/command/message.h"
#include "cli/commands.h"
#include "repostal/memory.h"
#include "repostal/nearest.h"
#include "trial/trial.h"

static int run_help(int argc, char **argv);

static const struct command_action help_actions[] = {
	{ .operand = "COMMAND", .need = OPERAND_OPTIONAL, .usage = "[COMMAND]" },
};

static const struct command_option help_options[] = {
	OPTION_ROW_HELP,
};

static const struct command command_help = {
	.name = "help",
	.summary = "say how a command is used",
	.actions = help_actions,
	.actions_count = ARRAY_COUNT(help_actions),
	.options = help_options,
	.options_count = ARRAY_COUNT(help_options),
	.about = "Prints what COMMAND --help prints; without COMMAND, all commands.",
	.exit_ok = "done",
};

const struct commands_entry commands[] = {
	{ &command_serve, run_serve },
	{ &command_check, run_check },
	{ &command_status, run_status },
	{ &command_translate, run_translate },
	{ &command_trigger, run_trigger },
	{ &command_listen, run_listen },
	{ &command_queue, run_queue },
	{ &command_target, run_target },
	{ &command_quarantine, run_quarantine },
	{ &command_store, run_store },
	{ &command_keygen, run_keygen },
	{ &command_help, run_help },
	{ &command_version, run_version },
};
const size_t commands_count = ARRAY_COUNT(commands);

void commands_print_usage(FILE *file)
{
	fputs("Usage: repostal COMMAND [OPTION...]\n"
	      "       repostal help [COMMAND] | version | --version | --help | COMMAND --help\n"
	      "\n"
	      "Takes BizMail events over HTTP and delivers them as Postal webhooks.\n"
	      "\n",
		file);
	for (size_t i = 0; i < commands_count; i++)
		fprintf(file, "  %-10s %s\n", commands[i].command->name,
			commands[i].command->summary);
	fputs("\nExit: 0 done, 1 it failed, 2 wrong usage, 78 bad configuration.\n", file);
}

/* What a name was until another thing needed it; NULL when it was nothing. */
static const char *renamed(const char *given)
{
	return strcmp(given, "send") == 0 ? "trigger" : NULL;
}

static int report_unknown(const char *given)
{
	const char *what = given[0] == '-' ? "option" : "command";
	struct nearest nearest;

	fprintf(stderr, "repostal: unknown %s '%s'", what, given);
	nearest_init(&nearest, given);
	for (size_t i = 0; i < commands_count; i++)
		nearest_offer(&nearest, commands[i].command->name);
	if (renamed(given) != NULL)
		fprintf(stderr, ": sample events are posted by 'repostal %s'", renamed(given));
	else if (nearest.best[0] != '\0')
		fprintf(stderr, ", did you mean '%s'?", nearest.best);
	fputs("\nTry 'repostal --help'.\n", stderr);
	return EXIT_USAGE;
}

static const struct commands_entry *find(const char *name)
{
	for (size_t i = 0; i < commands_count; i++)
		if (strcmp(name, commands[i].command->name) == 0)
			return &commands[i];
	return NULL;
}

static int run_help(int argc, char **argv)
{
	const struct commands_entry *entry;
	struct command_line line;

	if (!command_line_read(&command_help, argc, argv, NULL, &line))
		return line.exit_code;
	if (line.operands_count == 0) {
		commands_print_usage(stdout);
		return EXIT_OK;
	}
	entry = find(line.operands[0]);
	if (entry == NULL)
		return report_unknown(line.operands[0]);
	help_print(entry->command);
	return EXIT_OK;
}

int commands_run(int argc, char **argv)
{
	const struct commands_entry *entry = find(argv[0]);

	return entry == NULL ? report_unknown(argv[0]) : entry->run(argc, argv);
}
