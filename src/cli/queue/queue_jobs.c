/* SPDX-License-Identifier: MIT */
#include "queue_jobs.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/command/command.h"
#include "cli/command/message.h"
#include "cli/show/json_show.h"
#include "cli/show/terminal.h"
#include "repostal/memory.h"
#include "repostal/url.h"

enum {
	CELL_SIZE_MAX = 16 * 1024
};

void queue_jobs_append_filter(struct buf *out, const json_t *filter)
{
	size_t before = out->size;
	const json_t *value;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)filter, key, value)
	{
		if (out->size > before)
			buf_append_char(out, ' ');
		buf_append_text(out, "--");
		for (const char *c = key; *c != '\0'; c++)
			buf_append_char(out, *c == '_' ? '-' : *c);
		buf_append_char(out, ' ');
		buf_append_text(out, json_string_value(value));
	}
	if (out->size == before)
		buf_append_text(out, "everything");
}

static bool is_null(const json_t *job, const char *name)
{
	return json_is_null(json_object_get(job, name));
}

static struct slice state_of(const json_t *job)
{
	struct slice state = show_string(job, "state");

	/* Jobs run one after another. */
	if (slice_is(state, "running") && is_null(job, "started"))
		return SLICE_LITERAL("waiting");
	return state;
}

static void add_action(struct table *table, const json_t *job)
{
	struct buf cell;

	buf_init(&cell, CELL_SIZE_MAX);
	buf_append_slice(&cell, show_string(job, "action"));
	if (json_is_true(json_object_get(job, "as_new")))
		buf_append_text(&cell, " as new");
	table_add(table, buf_slice(&cell));
	buf_free(&cell);
}

static void add_progress(struct table *table, const json_t *job)
{
	struct buf cell;

	buf_init(&cell, CELL_SIZE_MAX);
	buf_printf(&cell, "%" PRId64 " changed", show_integer(job, "changed"));
	if (!is_null(job, "error")) {
		buf_append_text(&cell, ": ");
		buf_append_slice(&cell, show_string(job, "error"));
	}
	table_add(table, buf_slice(&cell));
	buf_free(&cell);
}

static void add_filter(struct table *table, const json_t *job)
{
	struct buf cell;

	buf_init(&cell, CELL_SIZE_MAX);
	queue_jobs_append_filter(&cell, json_object_get(job, "filter"));
	table_add(table, buf_slice(&cell));
	buf_free(&cell);
}

static void print_jobs(const json_t *jobs)
{
	static const struct table_column columns[] = {
		{ .title = "ID", .is_number = true },
		{ .title = "ACTION" },
		{ .title = "STATE" },
		{ .title = "PROGRESS", .may_be_cut = true },
		{ .title = "STARTED" },
		{ .title = "FINISHED" },
		{ .title = "FILTER", .may_be_cut = true },
	};
	struct table table;
	const json_t *job;
	size_t i;

	table_init(&table, columns, ARRAY_COUNT(columns), show_terminal_width());
	json_array_foreach(jobs, i, job)
	{
		show_cell_number(&table, job, "id");
		add_action(&table, job);
		table_add(&table, state_of(job));
		add_progress(&table, job);
		show_cell_time(&table, job, "started");
		show_cell_time(&table, job, "finished");
		add_filter(&table, job);
	}
	show_table(&table);
	table_free(&table);
}

int queue_jobs_print(struct session *session)
{
	json_t *json = NULL;
	int exit_code = session_call(session, "GET", "/jobs", NULL, NULL, &json);

	if (exit_code != EXIT_OK)
		return exit_code;
	if (session->json)
		session_print_json(json);
	else
		print_jobs(json_object_get(json, "jobs"));
	json_decref(json);
	return EXIT_OK;
}

static int say_cancelled(const struct session *session, const char *id, const json_t *job)
{
	struct slice state = show_string(job, "state");

	/* A running job first ends its portion, and until then says "running". */
	if (slice_is(state, "running") || slice_is(state, "cancelled")) {
		if (session->json)
			session_print_json(job);
		else
			printf("job %s: cancelled after %" PRId64 " changed\n", id,
				show_integer(job, "changed"));
		return EXIT_OK;
	}
	return cli_failure(session->command, "job %s has ended already: %.*s, %" PRId64 " changed",
		id, (int)state.size, state.data, show_integer(job, "changed"));
}

int queue_jobs_cancel(struct session *session, const char *id)
{
	json_t *json = NULL;
	struct buf path;
	int exit_code;

	buf_init(&path, API_TARGET_SIZE_MAX);
	buf_printf(&path, "/jobs/%s", id);
	exit_code = session_call(session, "DELETE", path.data, NULL, NULL, &json);
	if (exit_code == EXIT_OK)
		exit_code = say_cancelled(session, id, json);
	json_decref(json);
	buf_free(&path);
	return exit_code;
}
