/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command/command.h"
#include "cli/command/message.h"
#include "repostal/buf.h"
#include "repostal/clock.h"
#include "repostal/config.h"
#include "repostal/log.h"
#include "repostal/store_backup.h"
#include "repostal/store_copy.h"

enum {
	REPORT_SIZE_MAX = 4 * 1024 * 1024,
	PROGRESS_INTERVAL_MS = 1000,
};

#define LINE_ERASE "\r\033[K"

static const char help[] =
	"Usage: repostal store copy [-c FILE] --from PATH\n"
	"       repostal store backup [-c FILE] PATH\n"
	"\n"
	"  copy    what the SQLite store at PATH holds, into the configured store:\n"
	"          PostgreSQL, or another SQLite file\n"
	"  backup  the configured SQLite store, into a new file: all that was\n"
	"          acknowledged until now. Works while repostal runs, and while not\n"
	"\n"
	"copy: Stop the gateway first: a store that is in use is not copied. What waits\n"
	"there waits here, due when it was, and begins its retries anew (what keeps the\n"
	"order of its message: at once). Delivered, dead and discarded deliveries stay\n"
	"so, each with its last attempt; quarantine and pauses come along. Events that\n"
	"no target wanted stay behind. What cannot be understood any more goes into\n"
	"quarantine.\n"
	"\n"
	"Nothing is removed anywhere. Run it again when it was cut short: what is here\n"
	"already is skipped. Run it as the user that repostal runs as. Never start a\n"
	"gateway on the old store afterwards: it would deliver again what waits there.\n"
	"\n"
	"backup: The file has mode 0600, is checked (every table and index) and on disk\n"
	"when the command is done; nothing is overwritten. To restore it stop repostal,\n"
	"put the file where store.path says, readable and writable for its user, and\n"
	"start it: what was delivered since the backup is delivered again. PostgreSQL has\n"
	"pg_dump.\n"
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

/* Pressed Ctrl-C, or was told to end: the half of a file is removed first. */
static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	is_interrupted = 1;
}

struct backup_progress {
	bool is_terminal;
	int64_t shown_ms;
};

static bool show_backup(void *context, const char *what, int percent)
{
	struct backup_progress *progress = context;
	int64_t now_ms = clock_monotonic_ms();

	if (progress->is_terminal && now_ms - progress->shown_ms >= PROGRESS_INTERVAL_MS) {
		progress->shown_ms = now_ms;
		fprintf(stderr, LINE_ERASE "%s", what);
		if (percent >= 0)
			fprintf(stderr, " %d %%", percent);
	}
	return is_interrupted == 0;
}

static int back_up(const struct config *config, const char *path)
{
	struct backup_progress progress = {
		.is_terminal = isatty(STDERR_FILENO),
		.shown_ms = clock_monotonic_ms(),
	};
	struct store_backup backup = {
		.from = &config->store,
		.to = path,
		.on_progress = show_backup,
		.context = &progress,
	};
	enum status status;
	struct error err;

	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
	status = store_backup(&backup, &err);
	if (progress.is_terminal)
		fputs(LINE_ERASE, stderr);
	if (status != STATUS_OK)
		return cli_failure("store", "%s", err.text);
	print_count("bytes", backup.bytes, "");
	print_count("open", backup.open,
		"  deliveries: a gateway that starts with this copy makes them");
	print_count("dead", backup.dead, "");
	print_count("quarantined", backup.quarantined, "");
	return EXIT_OK;
}

static int run(const char *config_path, int (*act)(const struct config *config, const char *path),
	const char *path)
{
	struct config *config = NULL;
	int exit_code = EXIT_CONFIG;
	struct buf report;

	buf_init(&report, REPORT_SIZE_MAX);
	if (config_load(config_path, CONFIG_SECRETS_CONTROL, &config, &report) == STATUS_OK)
		exit_code = act(config, path);
	else
		fwrite(report.data, 1, report.size, stderr);
	config_free(&config);
	buf_free(&report);
	return exit_code;
}

static int choose(const char *config_path, const char *from, char **arguments, int count)
{
	const char *action = count > 0 ? arguments[0] : NULL;
	bool is_copy = action != NULL && strcmp(action, "copy") == 0;
	int surplus = is_copy ? 1 : 2;

	if (action == NULL)
		return cli_usage_error("store", "copy or backup is missing");
	if (!is_copy && strcmp(action, "backup") != 0)
		return cli_usage_error("store", "'%s' is not one of copy, backup", action);
	if (count > surplus)
		return cli_usage_error("store", "unexpected argument '%s'", arguments[surplus]);
	if (is_copy && (from == NULL || from[0] == '\0'))
		return cli_usage_error("store", "--from PATH is missing");
	if (is_copy)
		return run(config_path, copy, from);
	if (from != NULL)
		return cli_usage_error("store", "--from is for copy only");
	if (count < 2 || arguments[1][0] == '\0')
		return cli_usage_error("store", "backup: PATH is missing");
	return run(config_path, back_up, arguments[1]);
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
			return cli_option_error("store", option, argv, options);
		}
	}
	return choose(config_path, from, argv + optind, argc - optind);
}
