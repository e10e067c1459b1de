/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>

#include "cli/command/command.h"
#include "cli/command/message.h"
#include "gateway.h"
#include "preflight.h"
#include "repostal/buf.h"
#include "repostal/config.h"
#include "repostal/log.h"

enum {
	REPORT_SIZE_MAX = 4 * 1024 * 1024,
	LOG_FLUSH_MS = 1000, /* what the end waits for whoever reads the log */
};

static const char help[] =
	"Usage: repostal serve [-c FILE]\n"
	"\n"
	"Runs the gateway in the foreground, logging to standard error.\n"
	"\n"
	"  -c, --config FILE  the configuration (default: " CONFIG_PATH_DEFAULT ")\n"
	"  -h, --help         this text\n"
	"\n"
	"SIGTERM and SIGINT stop it gracefully, a second one at once. SIGHUP reads the\n"
	"configuration again, all or nothing.\n"
	"Exit: 0 stopped as asked, 1 it failed, 2 wrong usage, 78 bad configuration.\n";

static int serve(const char *path)
{
	enum config_finding denied = CONFIG_WARNING;
	struct config *config = NULL;
	struct error err = { .text = "" };
	struct buf report;
	int result = EXIT_CONFIG;
	enum status status;

	buf_init(&report, REPORT_SIZE_MAX);
	log_detect_journal();
	status = config_load_examined(path, preflight_examine, &denied, &config, &report);
	if (status != STATUS_OK) {
		log_text(LOG_LEVEL_ERROR, buf_slice(&report));
		goto out;
	}
	log_configure(&config->log);
	preflight_log_warnings(&report);
	status = log_start(&err);
	if (status == STATUS_OK)
		status = gateway_run(path, &config, &err);
	if (status != STATUS_OK)
		log_event(LOG_LEVEL_ERROR, "gateway.failed", LOG_STR("error", err.text));
	log_stop(LOG_FLUSH_MS);
	if (status == STATUS_OK)
		result = EXIT_OK;
	else if (status != STATUS_INVALID)
		result = EXIT_FAILED;
out:
	config_free(&config);
	buf_free(&report);
	return result;
}

int command_serve(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = CONFIG_PATH_DEFAULT;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'h':
			return cli_help(help);
		default:
			return cli_option_error("serve", option, argv, options);
		}
	}
	if (optind < argc)
		return cli_usage_error("serve", "unexpected argument '%s'", argv[optind]);
	return serve(path);
}
