/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "command.h"
#include "repostal/config.h"
#include "repostal/signer.h"
#include "support.h"

enum {
	REPORT_SIZE_MAX = 4 * 1024 * 1024,
	SETTINGS_SIZE_MAX = 64 * 1024 * 1024,
};

static const char help[] =
	"Usage: repostal check [-c FILE] [--print]\n"
	"\n"
	"Validates the configuration and prints every problem as FILE:LINE: text.\n"
	"\n"
	"  -c, --config FILE  the configuration (default: " CONFIG_PATH_DEFAULT ")\n"
	"      --print        print the effective settings, defaults included, without secrets\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit: 0 the configuration is good, 2 wrong usage, 78 it is not.\n";

/* What only those can judge who will use it. */
static bool try_out(const char *path, const struct config *config)
{
	struct signer *signer = NULL;
	struct error err;
	bool good = signer_load(&config->signing, &signer, &err) == STATUS_OK &&
		    store_check_settings(&config->store, &err) == STATUS_OK;

	if (!good)
		fprintf(stderr, "%s: %s\n", path, err.text);
	signer_free(&signer);
	return good;
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
	status = config_load(path, CONFIG_SECRETS_ALL, &config, &report);
	if (report.size > 0)
		fwrite(report.data, 1, report.size, stderr);
	if (status != STATUS_OK || !try_out(path, config))
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
