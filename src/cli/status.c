/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "cli/client/session.h"
#include "cli/command/command.h"
#include "cli/command/command_line.h"
#include "cli/commands.h"
#include "cli/show/json_show.h"
#include "cli/show/target_table.h"
#include "cli/show/terminal.h"
#include "repostal/buf.h"
#include "repostal/memory.h"

enum {
	TEXT_SIZE_MAX = 256 * 1024,
	RATE_SIZE_MAX = 64,
	INDENT = 12,
	DETAIL_INDENT = 4,
	MINUTE_S = 60,
};

static bool runs(const json_t *stats)
{
	return json_is_number(json_object_get(stats, "uptime_seconds"));
}

static void append_title(struct buf *out, const char *title)
{
	buf_printf(out, "%-*s", INDENT, title);
}

static void append_life(struct buf *out, const struct session *session, const json_t *stats)
{
	const struct admin_settings *admin = &session->config->admin;

	append_title(out, "repostal");
	if (!runs(stats)) {
		buf_printf(out, "does not run (nobody answers at %s, port %d)\n", admin->address,
			admin->port);
		return;
	}
	show_append_printable(out, show_string(stats, "version"), SHOW_ONE_LINE);
	buf_append_text(out, ", runs since ");
	show_append_time(out, show_string(stats, "started"));
	buf_append_text(out, " (");
	show_append_seconds(out, show_integer(stats, "uptime_seconds"));
	buf_append_text(out, ")\n");
}

static void append_text(struct buf *out, struct slice text)
{
	show_append_wrapped(out, text, INDENT, show_terminal_width());
	buf_append_char(out, '\n');
}

static void append_reload(struct buf *out, const json_t *stats)
{
	const json_t *reload = json_object_get(stats, "reload");
	struct buf text;

	buf_init(&text, TEXT_SIZE_MAX);
	append_title(out, "Reload");
	if (json_is_object(reload)) {
		show_append_time(&text, show_string(reload, "time"));
		buf_append_text(&text, " (");
		show_append_age(&text, show_string(reload, "time"));
		buf_append_text(&text, " ago): ");
		buf_append_slice(&text, show_string(reload, "result"));
		if (json_is_string(json_object_get(reload, "error")))
			buf_append_text(&text, ", the configuration of before is at work: ");
		buf_append_slice(&text, show_string(reload, "error"));
	} else {
		buf_append_text(&text, runs(stats) ? "none since the start" : "-");
	}
	append_text(out, buf_slice(&text));
	buf_free(&text);
}

static void append_readiness(struct buf *out, const json_t *stats)
{
	const json_t *reason;
	struct buf text;
	size_t i;

	buf_init(&text, TEXT_SIZE_MAX);
	append_title(out, "Ready");
	if (!runs(stats))
		buf_append_text(&text, "-");
	else
		buf_append_text(
			&text, json_is_true(json_object_get(stats, "ready")) ? "yes" : "no");
	json_array_foreach(json_object_get(stats, "reasons"), i, reason)
	{
		buf_append_text(&text, i == 0 ? ": " : "; ");
		buf_append_slice(
			&text, slice_of(json_string_value(reason), json_string_length(reason)));
	}
	append_text(out, buf_slice(&text));
	buf_free(&text);
}

static void append_store(struct buf *out, const json_t *stats)
{
	const json_t *store = json_object_get(stats, "store");
	struct slice path = show_string(store, "path");
	struct buf text;

	buf_init(&text, TEXT_SIZE_MAX);
	append_title(out, "Store");
	buf_append_slice(&text, path.size > 0 ? path : show_string(store, "backend"));
	buf_append_text(&text, ", ");
	show_append_bytes(&text, show_integer(stats, "store_bytes"));
	buf_printf(&text, "; backlog %" PRId64 ", quarantined %" PRId64,
		show_integer(stats, "backlog"), show_integer(stats, "quarantined"));
	append_text(out, buf_slice(&text));
	buf_free(&text);
}

/* "17.2/s", or "3/min" where that would be a fraction. */
static void add_rate(struct table *table, const json_t *target)
{
	const json_t *minute = json_object_get(target, "last_minute");
	int64_t delivered = show_integer(minute, "delivered");
	struct buf cell;

	buf_init(&cell, RATE_SIZE_MAX);
	if (json_is_object(minute) && delivered >= MINUTE_S)
		buf_printf(&cell, "%.1f/s", (double)delivered / MINUTE_S);
	else if (json_is_object(minute))
		buf_printf(&cell, "%" PRId64 "/min", delivered);
	table_add(table, buf_slice(&cell));
	buf_free(&cell);
}

static void add_backlog(struct table *table, const json_t *target)
{
	struct buf cell;

	buf_init(&cell, RATE_SIZE_MAX);
	buf_append_int(&cell, show_integer(target, "ready") + show_integer(target, "waiting") +
				      show_integer(target, "inflight"));
	table_add(table, buf_slice(&cell));
	buf_free(&cell);
}

static void print_targets(const json_t *targets)
{
	static const struct table_column columns[] = {
		{ .title = "TARGET", .may_be_cut = true },
		{ .title = "STATE" },
		{ .title = "RATE", .is_number = true },
		{ .title = "BACKLOG", .is_number = true },
		{ .title = "DEAD", .is_number = true },
		{ .title = "OLDEST", .is_number = true },
		{ .title = "NEXT", .is_number = true },
	};
	const json_t *target;
	struct table table;
	size_t i;

	table_init(&table, columns, ARRAY_COUNT(columns), show_terminal_width());
	json_array_foreach(targets, i, target)
	{
		show_cell_text(&table, target, "name");
		show_cell_text(&table, target, "state");
		add_rate(&table, target);
		add_backlog(&table, target);
		show_cell_number(&table, target, "dead");
		show_cell_seconds(&table, target, "oldest_seconds");
		show_cell_age(&table, target, "next_try");
	}
	show_table(&table);
	table_free(&table);
}

static void append_failures(struct buf *out, const json_t *targets)
{
	const json_t *target;
	struct buf text;
	size_t i;

	buf_init(&text, TEXT_SIZE_MAX);
	json_array_foreach(targets, i, target)
	{
		if (!json_is_object(json_object_get(target, "last_error")))
			continue;
		buf_reset(&text);
		buf_append_slice(&text, show_string(target, "name"));
		buf_append_text(&text, ": ");
		target_append_failure(&text, target);
		buf_append_text(out, out->size == 0 ? "\n" : "");
		show_append_wrapped(out, buf_slice(&text), DETAIL_INDENT, show_terminal_width());
		buf_append_char(out, '\n');
	}
	buf_free(&text);
}

static void print_status(const struct session *session, const json_t *stats)
{
	const json_t *targets = json_object_get(stats, "targets");
	struct buf out;

	buf_init(&out, TEXT_SIZE_MAX);
	append_life(&out, session, stats);
	append_reload(&out, stats);
	append_readiness(&out, stats);
	append_store(&out, stats);
	printf("%s\n", out.data);
	print_targets(targets);
	buf_reset(&out);
	append_failures(&out, targets);
	fwrite(out.data, 1, out.size, stdout);
	buf_free(&out);
}

static int show(struct session *session)
{
	json_t *stats = NULL;
	int exit_code = session_call(session, "GET", "/stats", NULL, NULL, &stats);

	if (exit_code != EXIT_OK)
		return exit_code;
	if (session->json)
		session_print_json(stats);
	else
		print_status(session, stats);
	if (!runs(stats) || !json_is_true(json_object_get(stats, "ready")))
		exit_code = EXIT_FAILED;
	json_decref(stats);
	return exit_code;
}

static const struct command_action actions[] = {
	{ .usage = "[-c FILE] [--json]" },
};

static const struct command_option rows[] = {
	OPTION_ROW_CONFIG(struct session, config_path),
	{ .name = "json",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct session, json),
		.help = "print the API's answer (/stats), one line of JSON" },
	OPTION_ROW_HELP,
};

const struct command command_status = {
	.name = "status",
	.summary = "say whether it runs, is ready, and what each target does",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about = "One screen: since when repostal runs, its version, the last reload, whether it "
		 "is ready and why not, and for each target:\n\n"
		 "  RATE     deliveries that went well, over the last minute, by this gateway\n"
		 "  BACKLOG  what is not delivered and not given up\n"
		 "  OLDEST   age of the oldest of these\n"
		 "  NEXT     until the next attempt of what waits",
	.exit_ok = "it runs and is ready",
	.exit_failed = "it does not run or is not ready",
	.exit_config = "bad configuration",
};

int run_status(int argc, char **argv)
{
	struct session session = { .command = "status", .config_path = CONFIG_PATH_DEFAULT };
	struct command_line line;
	int exit_code;

	if (!command_line_read(&command_status, argc, argv, &session, &line))
		return line.exit_code;
	exit_code = session_open(&session);
	if (exit_code == EXIT_OK)
		exit_code = show(&session);
	session_close(&session);
	return exit_code;
}
