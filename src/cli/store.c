/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/command/command.h"
#include "cli/command/command_line.h"
#include "cli/command/load_config.h"
#include "cli/command/message.h"
#include "cli/commands.h"
#include "repostal/buf.h"
#include "repostal/clock.h"
#include "repostal/config.h"
#include "repostal/log.h"
#include "repostal/memory.h"
#include "repostal/store_backup.h"
#include "repostal/store_copy.h"

enum {
	PROGRESS_INTERVAL_MS = 1000,
};

#define LINE_ERASE "\r\033[K"

enum store_action {
	ACTION_COPY,
	ACTION_BACKUP,
};

struct store_options {
	const char *config_path;
	const char *from; /* NULL: not given */
};

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

static int act(const struct command_line *line, const struct store_options *options)
{
	struct config *config = NULL;
	int exit_code = cli_load_config(options->config_path, CONFIG_SECRETS_CONTROL, &config);

	if (exit_code == EXIT_OK)
		exit_code = line->action == ACTION_COPY
				    ? copy(config, options->from)
				    : back_up(config, command_line_operand(line));
	config_free(&config);
	return exit_code;
}

static const struct command_action actions[] = {
	[ACTION_COPY] = { .name = "copy",
		.usage = "[-c FILE] --from PATH",
		.help = "what the SQLite store at PATH holds, into the configured store: "
			"PostgreSQL, or another SQLite file" },
	[ACTION_BACKUP] = { .name = "backup",
		.operand = "PATH",
		.need = OPERAND_REQUIRED,
		.usage = "[-c FILE] PATH",
		.help = "the configured SQLite store, into a new file: all that was acknowledged "
			"until now. Works while repostal runs, and while not" },
};

static const struct command_option rows[] = {
	OPTION_ROW_CONFIG(struct store_options, config_path),
	{ .name = "from",
		.value = "PATH",
		.kind = OPTION_TEXT,
		OPTION_INTO(struct store_options, from),
		.actions = 1 << ACTION_COPY,
		.help = "the SQLite file to copy from" },
	OPTION_ROW_HELP,
};

const struct command command_store = {
	.name = "store",
	.summary = "copy a store into another one, back it up",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about = "Takes a whole store elsewhere.",
	.notes = "copy: Stop the gateway first: a store that is in use is not copied. What waits "
		 "there waits here, due when it was, and begins its retries anew (what keeps the "
		 "order of its message: at once). Delivered, dead and discarded deliveries stay "
		 "so, each with its last attempt; quarantine and pauses come along. Events that "
		 "no target wanted are not copied. What cannot be understood any more goes into "
		 "quarantine.\n\n"
		 "Nothing is removed anywhere. Run it again when it was cut short: what is here "
		 "already is skipped. Run it as the user that repostal runs as. Never start a "
		 "gateway on the old store afterwards: it would deliver again what waits "
		 "there.\n\n"
		 "backup: The file has mode 0600, is checked (every table and index) and on disk "
		 "when the command is done; nothing is overwritten. To restore it stop repostal, "
		 "put the file where store.path says, readable and writable for its user, and "
		 "start it: what was delivered since the backup is delivered again. PostgreSQL "
		 "has pg_dump.",
	.exit_ok = "done",
	.exit_failed = "it failed",
	.exit_config = "bad configuration",
};

int run_store(int argc, char **argv)
{
	struct store_options options = { .config_path = CONFIG_PATH_DEFAULT };
	struct command_line line;

	if (!command_line_read(&command_store, argc, argv, &options, &line))
		return line.exit_code;
	if (line.action == ACTION_COPY && (options.from == NULL || options.from[0] == '\0'))
		return cli_usage_error("store", "copy: --from PATH is missing");
	return act(&line, &options);
}
