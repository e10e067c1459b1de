/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "check_parts.h"
#include "cli/command/command.h"
#include "cli/command/command_line.h"
#include "cli/command/load_config.h"
#include "cli/commands.h"
#include "gateway/preflight.h"
#include "repostal/buf.h"
#include "repostal/config.h"
#include "repostal/memory.h"

enum {
	SETTINGS_SIZE_MAX = 64 * 1024 * 1024,
};

struct check_options {
	const char *config_path;
	bool print;
};

static void examine(void *context, const struct config *config, struct problems *problems)
{
	enum config_finding denied = CONFIG_WRONG;

	preflight_examine(&denied, config, problems);
	check_store(config, problems);
	check_listeners(config, problems);
	check_user(context, config, problems);
	check_names(config, problems);
}

/* The verdict is a comment then, so that the whole output is a configuration. */
static void print_settings(const char *path, const struct config *config)
{
	struct buf settings;

	buf_init(&settings, SETTINGS_SIZE_MAX);
	config_print(config, &settings);
	printf("# %s: ok\n", path);
	fwrite(settings.data, 1, settings.size, stdout);
	buf_free(&settings);
}

static int check(const struct check_options *options)
{
	const char *path = options->config_path;
	struct config *config = NULL;
	int exit_code = cli_examine_config(path, examine, (void *)(uintptr_t)path, &config);

	if (exit_code == EXIT_OK && options->print)
		print_settings(path, config);
	else if (exit_code == EXIT_OK)
		printf("%s: ok\n", path);
	config_free(&config);
	return exit_code;
}

static const struct command_action actions[] = {
	{ .usage = "[-c FILE] [--print]" },
};

static const struct command_option rows[] = {
	OPTION_ROW_CONFIG(struct check_options, config_path),
	{ .name = "print",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct check_options, print),
		.help = "print the effective settings, defaults included: a file that can be used "
			"again once each secret that reads *** is put back" },
	OPTION_ROW_HELP,
};

const struct command command_check = {
	.name = "check",
	.summary = "validate the configuration",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about = "Looks at everything that serve, a reload and the first delivery need: the "
		 "configuration, certificates and keys, the store, the addresses to listen on, "
		 "the names of targets, and, run as root, whether the gateway's user can read "
		 "the files. Prints every problem as FILE:LINE: text. Changes nothing; the "
		 "gateway may run meanwhile.",
	.exit_ok = "all is good, warnings apart",
	.exit_failed = "the files are good, but a port, the disk or the database cannot be used "
		       "now",
	.exit_config = "the configuration, or a file that it names, must be changed",
};

int run_check(int argc, char **argv)
{
	struct check_options options = { .config_path = CONFIG_PATH_DEFAULT };
	struct command_line line;

	if (!command_line_read(&command_check, argc, argv, &options, &line))
		return line.exit_code;
	return check(&options);
}
