/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "check_parts.h"
#include "cli/command/command.h"
#include "cli/command/message.h"
#include "preflight.h"
#include "repostal/buf.h"
#include "repostal/config.h"

enum {
	REPORT_SIZE_MAX = 4 * 1024 * 1024,
	SETTINGS_SIZE_MAX = 64 * 1024 * 1024,
};

static const char help[] =
	"Usage: repostal check [-c FILE] [--print]\n"
	"\n"
	"Looks at everything that serve, a reload and the first delivery need: the\n"
	"configuration, certificates and keys, the store, the addresses to listen on, the\n"
	"names of targets, and, run as root, whether the gateway's user can read the\n"
	"files. Prints every problem as FILE:LINE: text. Changes nothing; the gateway may\n"
	"run meanwhile.\n"
	"\n"
	"  -c, --config FILE  the configuration (default: " CONFIG_PATH_DEFAULT ")\n"
	"      --print        print the effective settings, defaults included: a file that can\n"
	"                     be used again once each secret that reads *** is put back\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit: 0 all is good, warnings apart; 78 the configuration, or a file that it names,\n"
	"must be changed; 1 those are good, but a port, the disk or the database cannot be\n"
	"used now; 2 wrong usage.\n";

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

static int check(const char *path, bool print)
{
	struct config *config = NULL;
	struct buf report;
	int result = EXIT_CONFIG;
	enum status status;

	buf_init(&report, REPORT_SIZE_MAX);
	status = config_load_examined(path, examine, (void *)(uintptr_t)path, &config, &report);
	if (report.size > 0)
		fwrite(report.data, 1, report.size, stderr);
	if (status == STATUS_BUSY)
		result = EXIT_FAILED;
	if (status != STATUS_OK)
		goto out;
	if (print)
		print_settings(path, config);
	else
		printf("%s: ok\n", path);
	result = EXIT_OK;
out:
	config_free(&config);
	buf_free(&report);
	return result;
}

int command_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "print", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = CONFIG_PATH_DEFAULT;
	bool print = false;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'p':
			print = true;
			break;
		case 'h':
			return cli_help(help);
		default:
			return cli_option_error("check", option, argv, options);
		}
	}
	if (optind < argc)
		return cli_usage_error("check", "unexpected argument '%s'", argv[optind]);
	return check(path, print);
}
