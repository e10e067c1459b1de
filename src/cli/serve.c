/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cli/command/command.h"
#include "cli/command/command_line.h"
#include "cli/commands.h"
#include "gateway/gateway.h"
#include "gateway/preflight.h"
#include "repostal/buf.h"
#include "repostal/config.h"
#include "repostal/log.h"
#include "repostal/memory.h"

enum {
	REPORT_SIZE_MAX = 4 * 1024 * 1024,
	LOG_FLUSH_MS = 1000, /* what the end waits for the reader of the log */
};

struct serve_options {
	const char *config_path;
};

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

static const struct command_action actions[] = {
	{ .usage = "[-c FILE]" },
};

static const struct command_option rows[] = {
	OPTION_ROW_CONFIG(struct serve_options, config_path),
	OPTION_ROW_HELP,
};

const struct command command_serve = {
	.name = "serve",
	.summary = "run the gateway",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about = "Runs the gateway in the foreground, logging to standard error.",
	.notes = "SIGTERM and SIGINT stop it gracefully, a second one at once. SIGHUP reads the "
		 "configuration again, all or nothing.",
	.exit_ok = "stopped as asked",
	.exit_failed = "it failed",
	.exit_config = "bad configuration",
};

int run_serve(int argc, char **argv)
{
	struct serve_options options = { .config_path = CONFIG_PATH_DEFAULT };
	struct command_line line;

	if (!command_line_read(&command_serve, argc, argv, &options, &line))
		return line.exit_code;
	return serve(options.config_path);
}
