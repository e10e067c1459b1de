/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/client/confirm.h"
#include "cli/client/session.h"
#include "cli/command/command_line.h"
#include "cli/command/message.h"
#include "cli/commands.h"
#include "cli/show/json_show.h"
#include "cli/show/terminal.h"
#include "repostal/buf.h"
#include "repostal/memory.h"
#include "repostal/text.h"
#include "repostal/url.h"

enum {
	LIMIT_DEFAULT = 50,
	RAW_SIZE_MAX = 512 * 1024 * 1024,
};

enum quarantine_action {
	ACTION_LIST,
	ACTION_SHOW,
	ACTION_REPLAY,
	ACTION_DISCARD,
};

struct quarantine {
	struct session session;
	enum quarantine_action action;
	const char *id;
	bool all;
	bool yes;
	bool dry_run;
	int64_t limit;
};

static void on_page(void *context, const json_t *entries)
{
	struct table *table = context;
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		show_cell_number(table, entry, "id");
		show_cell_time(table, entry, "received");
		show_cell_time(table, entry, "last_seen");
		show_cell_number(table, entry, "seen");
		show_cell_text(table, entry, "source");
		show_cell_text(table, entry, "kind");
		show_cell_bytes(table, entry, "size");
		show_cell_text(table, entry, "reason");
	}
	show_table(table);
}

static int print_list(struct quarantine *quarantine)
{
	static const struct table_column columns[] = {
		{ .title = "ID", .is_number = true },
		{ .title = "RECEIVED" },
		{ .title = "LAST-SEEN" },
		{ .title = "SEEN", .is_number = true },
		{ .title = "SOURCE" },
		{ .title = "KIND" },
		{ .title = "SIZE", .is_number = true },
		{ .title = "REASON" },
	};
	struct table table;
	struct buf query;
	int exit_code;

	buf_init(&query, API_TARGET_SIZE_MAX);
	table_init(&table, columns, ARRAY_COUNT(columns), show_terminal_width());
	exit_code = session_list(&quarantine->session, "/quarantine", &query, "quarantine",
		quarantine->limit, on_page, &table);
	table_free(&table);
	buf_free(&query);
	return exit_code;
}

static void append_line(struct buf *out, const char *title, struct slice text)
{
	buf_printf(out, "%-14s", title);
	show_append_printable(out, text.size > 0 ? text : SLICE_LITERAL("-"), SHOW_ONE_LINE);
	buf_append_char(out, '\n');
}

static void append_time(struct buf *out, const char *title, struct slice time)
{
	buf_printf(out, "%-14s", title);
	show_append_time(out, time);
	buf_append_char(out, '\n');
}

static void print_entry(const json_t *entry)
{
	struct buf out;

	buf_init(&out, RAW_SIZE_MAX);
	buf_printf(&out, "%-14s%" PRId64 "\n", "Quarantined", show_integer(entry, "id"));
	append_line(&out, "Source", show_string(entry, "source"));
	append_line(&out, "Kind", show_string(entry, "kind"));
	append_line(&out, "Reason", show_string(entry, "reason"));
	append_time(&out, "Received", show_string(entry, "received"));
	append_time(&out, "Last seen", show_string(entry, "last_seen"));
	buf_printf(&out, "%-14s%" PRId64 "\n", "Seen", show_integer(entry, "seen"));
	append_line(&out, "Content type", show_string(entry, "content_type"));
	buf_append_char(&out, '\n');
	show_append_printable(&out, show_string(entry, "raw"), SHOW_MANY_LINES);
	buf_append_char(&out, '\n');
	fwrite(out.data, 1, out.size, stdout);
	buf_free(&out);
}

/* True when a replayed one is where it was. */
static bool is_unchanged(const struct quarantine *quarantine, const json_t *json)
{
	return quarantine->action == ACTION_REPLAY && !quarantine->all &&
	       slice_is(show_string(json, "status"), "quarantined");
}

static void print_change(const struct quarantine *quarantine, const json_t *json)
{
	if (quarantine->action == ACTION_DISCARD)
		printf("%" PRId64 " discarded\n", show_integer(json, "discarded"));
	else if (quarantine->all)
		printf("%" PRId64 " replayed, %" PRId64 " still in quarantine\n",
			show_integer(json, "replayed"), show_integer(json, "still_quarantined"));
	else
		printf("%s: %s\n", quarantine->id,
			json_string_value(json_object_get(json, "status")));
}

/* /quarantine/ID, /quarantine/ID/replay, /quarantine/replay */
static void append_path(const struct quarantine *quarantine, struct buf *path)
{
	buf_append_text(path, "/quarantine");
	if (quarantine->id != NULL) {
		buf_append_char(path, '/');
		url_append_encoded(path, slice_text(quarantine->id));
	}
	if (quarantine->action != ACTION_SHOW)
		buf_printf(path, "/%s", command_quarantine.actions[quarantine->action].name);
}

static int change(struct quarantine *quarantine)
{
	struct session *session = &quarantine->session;
	bool is_show = quarantine->action == ACTION_SHOW;
	json_t *body = is_show ? NULL : json_object();
	json_t *json = NULL;
	struct buf path;
	int exit_code;

	buf_init(&path, API_TARGET_SIZE_MAX);
	append_path(quarantine, &path);
	if (quarantine->all)
		json_object_set_new(body, "all", json_true());
	if (path.overflowed)
		exit_code = cli_usage_error("quarantine", "ID is too long");
	else
		exit_code = session_call(
			session, is_show ? "GET" : "POST", path.data, NULL, body, &json);
	if (exit_code == EXIT_OK) {
		if (session->json)
			session_print_json(json);
		else if (is_show)
			print_entry(json);
		else
			print_change(quarantine, json);
		if (is_unchanged(quarantine, json))
			exit_code = EXIT_FAILED;
	}
	json_decref(json);
	json_decref(body);
	buf_free(&path);
	return exit_code;
}

static bool is_change(const struct quarantine *quarantine)
{
	return quarantine->action == ACTION_REPLAY || quarantine->action == ACTION_DISCARD;
}

/* EXIT_OK, or the exit code after the message. */
static int check_combination(const struct quarantine *quarantine)
{
	const char *name = command_quarantine.actions[quarantine->action].name;
	int64_t id;

	if (is_change(quarantine) && !quarantine->all && quarantine->id == NULL)
		return cli_usage_error("quarantine", "%s: ID is missing", name);
	if (quarantine->id != NULL && !text_parse_uint(slice_text(quarantine->id), &id))
		return cli_usage_error("quarantine",
			"not an id: '%s' (a number that 'repostal quarantine list' shows)",
			quarantine->id);
	if (quarantine->all && quarantine->id != NULL)
		return cli_usage_error("quarantine", "ID or --all, not both");
	if (quarantine->yes && quarantine->action != ACTION_DISCARD && !quarantine->all)
		return cli_usage_error("quarantine", "--yes is for discard and replay --all only");
	if (quarantine->dry_run && !quarantine->all)
		return cli_usage_error("quarantine", "--dry-run goes with --all only");
	return EXIT_OK;
}

static int confirm_all(struct quarantine *quarantine, bool *act_out)
{
	struct session *session = &quarantine->session;
	const struct confirm confirm = {
		.command = session->command,
		.verb = quarantine->action == ACTION_REPLAY ? &confirm_replay : &confirm_discard,
		.one = "quarantined event",
		.many = "quarantined events",
		.which = "",
		.yes = quarantine->yes,
		.dry_run = quarantine->dry_run,
		.json = session->json,
	};
	json_t *stats = NULL;
	int exit_code;

	*act_out = true;
	if (!quarantine->all || !confirm_needs_count(&confirm))
		return EXIT_OK;
	exit_code = session_call(session, "GET", "/stats", NULL, NULL, &stats);
	if (exit_code == EXIT_OK)
		exit_code =
			confirm_ask(&confirm, show_integer(stats, "quarantined"), true, act_out);
	json_decref(stats);
	return exit_code;
}

static int act(struct quarantine *quarantine)
{
	bool act = true;
	int exit_code = session_open(&quarantine->session);

	if (exit_code == EXIT_OK)
		exit_code = confirm_all(quarantine, &act);
	if (exit_code == EXIT_OK && act)
		exit_code = quarantine->action == ACTION_LIST ? print_list(quarantine)
							      : change(quarantine);
	session_close(&quarantine->session);
	return exit_code;
}

static const struct command_action actions[] = {
	[ACTION_LIST] = { .name = "list",
		.usage = "[-c FILE] [--json] [--limit N]",
		.help = "newest first" },
	[ACTION_SHOW] = { .name = "show",
		.operand = "ID",
		.need = OPERAND_REQUIRED,
		.usage = "ID [-c FILE] [--json]",
		.help = "one, with its bytes" },
	[ACTION_REPLAY] = { .name = "replay",
		.operand = "ID",
		.need = OPERAND_OPTIONAL,
		.usage = "ID|--all [-c FILE] [--json]",
		.help = "takes it in again as if it arrived now; what can be translated by now is "
			"delivered and leaves the quarantine, the rest stays" },
	[ACTION_DISCARD] = { .name = "discard",
		.operand = "ID",
		.need = OPERAND_OPTIONAL,
		.usage = "ID|--all [-c FILE] [--json]",
		.help = "removes it for good" },
};

enum {
	CHANGES = 1 << ACTION_REPLAY | 1 << ACTION_DISCARD
};

static const struct command_option rows[] = {
	OPTION_ROW_CONFIG(struct quarantine, session.config_path),
	{ .name = "all",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct quarantine, all),
		.actions = CHANGES,
		.help = "all that is in quarantine" },
	{ .name = "dry-run",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct quarantine, dry_run),
		.actions = CHANGES,
		.help = "only say how many would be replayed or discarded" },
	{ .name = "yes",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct quarantine, yes),
		.actions = CHANGES,
		.help = "do not ask before replaying or discarding all" },
	{ .name = "limit",
		.value = "N",
		.kind = OPTION_LIMIT,
		OPTION_INTO(struct quarantine, limit),
		.max = INT32_MAX,
		.actions = 1 << ACTION_LIST,
		.fallback = "50",
		.help = "at most so many; 0 or all: every one" },
	{ .name = "json",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct quarantine, session.json),
		.help = "print JSON: list one object with all pages, else the API's answer, on one "
			"line" },
	OPTION_ROW_HELP,
};

const struct command command_quarantine = {
	.name = "quarantine",
	.summary = "see, replay and discard what cannot be translated",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about = "What arrived and could not be translated is kept in quarantine.",
	.notes = "Asks the running gateway through its admin API; when no gateway runs, opens "
		 "the store itself. Times are local with their offset on a terminal, else in UTC. "
		 "Without a terminal, discard --all needs --yes.",
	.exit_ok = "done",
	.exit_failed = "it failed, there is no such ID, or it was replayed and stays in quarantine",
	.exit_config = "bad configuration",
};

int run_quarantine(int argc, char **argv)
{
	struct quarantine quarantine = {
		.session = { .command = "quarantine", .config_path = CONFIG_PATH_DEFAULT },
		.limit = LIMIT_DEFAULT,
	};
	struct command_line line;
	int exit_code;

	if (!command_line_read(&command_quarantine, argc, argv, &quarantine, &line))
		return line.exit_code;
	quarantine.action = (enum quarantine_action)line.action;
	quarantine.id = command_line_operand(&line);
	exit_code = check_combination(&quarantine);
	return exit_code == EXIT_OK ? act(&quarantine) : exit_code;
}
