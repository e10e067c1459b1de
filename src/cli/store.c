/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "repostal/clock.h"
#include "repostal/config.h"
#include "repostal/log.h"
#include "repostal/store_copy.h"
#include "support.h"

enum {
	REPORT_SIZE_MAX = 4 * 1024 * 1024,
	PROGRESS_INTERVAL_MS = 1000,
};

#define LINE_ERASE "\r\033[K"

static const char help[] =
	"Usage: repostal store copy [-c FILE] --from PATH\n"
	"\n"
	"  copy  what the SQLite store at PATH holds, into the configured store:\n"
	"        PostgreSQL, or another SQLite file\n"
	"\n"
	"Stop the gateway first: a store that is in use is not copied. What waits there\n"
	"waits here, due when it was, and begins its retries anew (what keeps the order\n"
	"of its message: at once). Delivered, dead and discarded deliveries stay so, each\n"
	"with its last attempt; quarantine and pauses come along. Events that\n"
	"no target wanted stay behind. What cannot be understood any more goes into\n"
	"quarantine.\n"
	"\n"
	"Nothing is removed anywhere. Run it again when it was cut short: what is here\n"
	"already is skipped. Run it as the user that repostal runs as. Never start a\n"
	"gateway on the old store afterwards: it would deliver again what waits there.\n"
	"\n"
	"  -c, --config FILE  the configuration (default: " CONFIG_PATH_DEFAULT ")\n"
	"      --from PATH    the SQLite file to copy from\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit: 0 done, 1 it failed, 2 wrong usage, 78 bad configuration.\n";

static void show_progress(void *context, const struct store_copy_counts *counts)
{
	int64_t *shown_ms = context;
	int64_t now_ms = clock_monotonic_ms();

	if (now_ms - *shown_ms < PROGRESS_INTERVAL_MS)
		return;
	*shown_ms = now_ms;
	fprintf(stderr, LINE_ERASE "%" PRId64 " events copied, %" PRId64 " skipped", counts->events,
		counts->duplicates);
}

static void print_count(const char *label, int64_t count, const char *remark)
{
	printf("%-12s %10" PRId64 "%s\n", label, count, count == 0 ? "" : remark);
}

static void print_summary(const struct store_copy_counts *counts)
{
	print_count("events", counts->events, "");
	print_count("skipped", counts->duplicates, "  events that were here already");
	print_count("waiting", counts->deliveries[DELIVERY_WAITING], "");
	print_count("delivered", counts->deliveries[DELIVERY_DELIVERED], "");
	print_count("dead", counts->deliveries[DELIVERY_DEAD], "");
	print_count("discarded", counts->deliveries[DELIVERY_DISCARDED], "");
	print_count("quarantined", counts->quarantined, "");
	if (counts->unreadable > 0)
		print_count("  of these", counts->unreadable,
			"  events that cannot be understood any more");
	if (counts->quarantined_known > 0)
		print_count("skipped", counts->quarantined_known,
			"  bodies that were in quarantine here already");
	print_count("paused", counts->paused, "  targets");
}

static int copy(const struct config *config, const char *from)
{
	/* This process is no gateway: what its parts would log is not what was asked for. */
	static const struct log_settings quiet = { .level = LOG_LEVEL_ERROR };
	int64_t shown_ms = clock_monotonic_ms();
	bool is_terminal = isatty(STDERR_FILENO);
	struct store_copy_counts counts;
	struct store_copy settings = {
		.from = from,
		.to = &config->store,
		.targets = config->targets,
		.targets_count = config->targets_count,
		.on_progress = is_terminal ? show_progress : NULL,
		.context = &shown_ms,
	};
	enum status status;
	struct error err;

	log_configure(&quiet);
	status = store_copy(&settings, &counts, &err);
	if (is_terminal)
		fputs(LINE_ERASE, stderr);
	if (status == STATUS_OK) {
		print_summary(&counts);
		return EXIT_OK;
	}
	if (counts.events > 0)
		return cli_failure("store",
			"%s (%" PRId64 " events are copied; run it again for the rest)", err.text,
			counts.events);
	return cli_failure("store", "%s", err.text);
}

static int copy_configured(const char *config_path, const char *from)
{
	struct config *config = NULL;
	int exit_code = EXIT_CONFIG;
	struct buf report;

	buf_init(&report, REPORT_SIZE_MAX);
	if (config_load(config_path, CONFIG_SECRETS_CONTROL, &config, &report) == STATUS_OK)
		exit_code = copy(config, from);
	else
		fwrite(report.data, 1, report.size, stderr);
	config_free(&config);
	buf_free(&report);
	return exit_code;
}

int command_store(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "from", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *config_path = CONFIG_PATH_DEFAULT;
	const char *from = NULL;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config_path = optarg;
			break;
		case 'f':
			from = optarg;
			break;
		case 'h':
			return cli_help(help);
		default:
			return cli_option_error("store", option, argv);
		}
	}
	if (optind == argc)
		return cli_usage_error("store", "copy is missing");
	if (strcmp(argv[optind], "copy") != 0)
		return cli_usage_error("store", "'%s' is not copy", argv[optind]);
	if (optind + 1 < argc)
		return cli_usage_error("store", "unexpected argument '%s'", argv[optind + 1]);
	if (from == NULL || from[0] == '\0')
		return cli_usage_error("store", "--from PATH is missing");
	return copy_configured(config_path, from);
}
