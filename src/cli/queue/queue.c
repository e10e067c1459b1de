/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "cli/client/session.h"
#include "cli/command/message.h"
#include "cli/commands.h"
#include "cli/show/json_show.h"
#include "cli/show/target_table.h"
#include "cli/show/terminal.h"
#include "queue_change.h"
#include "queue_jobs.h"
#include "queue_options.h"
#include "queue_show.h"
#include "repostal/buf.h"
#include "repostal/memory.h"
#include "repostal/url.h"

enum {
	EVENT_SIZE_MAX = 512 * 1024 * 1024,
	STATS_SIZE_MAX = 64 * 1024,
};

static void on_page(void *context, const json_t *deliveries)
{
	struct table *table = context;
	const json_t *delivery;
	size_t i;

	json_array_foreach(deliveries, i, delivery)
	{
		show_cell_time(table, delivery, "received");
		show_cell_text(table, delivery, "event");
		show_cell_text(table, delivery, "target");
		show_cell_text(table, delivery, "state");
		show_cell_number(table, delivery, "attempts");
		show_cell_result(table, delivery);
		show_cell_time(table, delivery, "due");
		show_cell_text(table, delivery, "uuid");
		show_cell_text(table, delivery, "recipient");
	}
	show_table(table);
}

static int print_list(struct session *session, const struct queue_options *options)
{
	static const struct table_column columns[] = {
		{ .title = "RECEIVED" },
		{ .title = "EVENT" },
		{ .title = "TARGET" },
		{ .title = "STATE" },
		{ .title = "ATTEMPTS", .is_number = true },
		{ .title = "ANSWER" },
		{ .title = "DUE" },
		{ .title = "UUID" },
		{ .title = "RECIPIENT", .may_be_cut = true },
	};
	struct table table;
	struct buf query;
	int exit_code;

	buf_init(&query, API_TARGET_SIZE_MAX);
	queue_append_filters(options, &query);
	table_init(&table, columns, ARRAY_COUNT(columns), show_terminal_width());
	exit_code = session_list(
		session, "/deliveries", &query, "deliveries", options->limit, on_page, &table);
	table_free(&table);
	buf_free(&query);
	return exit_code;
}

static int print_event(struct session *session, const struct queue_options *options)
{
	json_t *event = NULL;
	struct buf path;
	struct buf out;
	int exit_code;

	buf_init(&path, API_TARGET_SIZE_MAX);
	buf_init(&out, EVENT_SIZE_MAX);
	buf_printf(&path, "/events/%s", options->uuid);
	exit_code = session_call(session, "GET", path.data, NULL, NULL, &event);
	if (exit_code == EXIT_OK && session->json) {
		session_print_json(event);
	} else if (exit_code == EXIT_OK) {
		queue_show_append(&out, event);
		fwrite(out.data, 1, out.size, stdout);
	}
	json_decref(event);
	buf_free(&out);
	buf_free(&path);
	return exit_code;
}

/* Leaves the one target; false when it is not there. */
static bool keep_target(json_t *targets, const char *name)
{
	for (size_t i = json_array_size(targets); i > 0; i--)
		if (!slice_is(show_string(json_array_get(targets, i - 1), "name"), name))
			json_array_remove(targets, i - 1);
	return json_array_size(targets) > 0;
}

static void print_totals(const json_t *stats)
{
	struct buf out;

	buf_init(&out, STATS_SIZE_MAX);
	buf_append_text(&out, "Version      ");
	buf_append_slice(&out, show_string(stats, "version"));
	if (json_is_number(json_object_get(stats, "uptime_seconds"))) {
		buf_append_text(&out, "\nUp           ");
		show_append_seconds(&out, show_integer(stats, "uptime_seconds"));
	}
	buf_printf(&out, "\nGeneration   %" PRId64 "\nFingerprint  ",
		show_integer(stats, "generation"));
	buf_append_slice(&out, show_string(stats, "fingerprint"));
	buf_printf(&out, "\nBacklog      %" PRId64 "\nQuarantined  %" PRId64 "\nStore        ",
		show_integer(stats, "backlog"), show_integer(stats, "quarantined"));
	show_append_bytes(&out, show_integer(stats, "store_bytes"));
	buf_append_text(&out, "\n\n");
	fwrite(out.data, 1, out.size, stdout);
	buf_free(&out);
}

static int print_stats(struct session *session, const struct queue_options *options)
{
	const char *target = options->filters[QUEUE_FILTER_TARGET];
	json_t *stats = NULL;
	json_t *targets;
	int exit_code = session_call(session, "GET", "/stats", NULL, NULL, &stats);

	if (exit_code != EXIT_OK)
		return exit_code;
	targets = json_object_get(stats, "targets");
	if (target != NULL && !keep_target(targets, target)) {
		exit_code = cli_failure("queue", "--target: there is no target '%s'", target);
	} else if (session->json) {
		session_print_json(stats);
	} else {
		print_totals(stats);
		target_table_print(targets);
	}
	json_decref(stats);
	return exit_code;
}

static int act(struct session *session, const struct queue_options *options)
{
	switch (options->action) {
	case QUEUE_LIST:
		return print_list(session, options);
	case QUEUE_SHOW:
		return print_event(session, options);
	case QUEUE_RETRY:
	case QUEUE_DISCARD:
		return queue_change(session, options);
	case QUEUE_STATS:
		return print_stats(session, options);
	case QUEUE_JOBS:
		return queue_jobs_print(session);
	case QUEUE_CANCEL:
		return queue_jobs_cancel(session, options->job);
	}
	return EXIT_FAILED; /* not reached */
}

int run_queue(int argc, char **argv)
{
	struct session session = { .command = "queue" };
	struct queue_options options;
	int exit_code;

	if (!queue_options_read(argc, argv, &options, &exit_code))
		return exit_code;
	session.config_path = options.config_path;
	session.json = options.json;
	exit_code = session_open(&session);
	if (exit_code == EXIT_OK)
		exit_code = act(&session, &options);
	session_close(&session);
	return exit_code;
}
