/* SPDX-License-Identifier: MIT */
#include "target_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json_show.h"
#include "repostal/memory.h"
#include "terminal.h"

enum {
	TEXT_SIZE_MAX = 64 * 1024,
	INDENT = 4
};

static void print_rows(const json_t *targets)
{
	static const struct table_column columns[] = {
		{ .title = "TARGET", .may_be_cut = true },
		{ .title = "STATE" },
		{ .title = "READY", .is_number = true },
		{ .title = "WAITING", .is_number = true },
		{ .title = "INFLIGHT", .is_number = true },
		{ .title = "DEAD", .is_number = true },
		{ .title = "OLDEST", .is_number = true },
		{ .title = "PROBE", .is_number = true },
	};
	const json_t *target;
	struct table table;
	size_t i;

	table_init(&table, columns, ARRAY_COUNT(columns), show_terminal_width());
	json_array_foreach(targets, i, target)
	{
		show_cell_text(&table, target, "name");
		show_cell_text(&table, target, "state");
		show_cell_number(&table, target, "ready");
		show_cell_number(&table, target, "waiting");
		show_cell_number(&table, target, "inflight");
		show_cell_number(&table, target, "dead");
		show_cell_seconds(&table, target, "oldest_seconds");
		show_cell_age(&table, target, "next_probe");
	}
	show_table(&table);
	table_free(&table);
}

void target_append_failure(struct buf *out, const json_t *target)
{
	const json_t *error = json_object_get(target, "last_error");
	struct slice hint = show_string(error, "hint");

	if (!json_is_object(error))
		return;
	buf_append_text(out, "last failure ");
	show_append_age(out, show_string(error, "time"));
	buf_append_text(out, " ago: ");
	buf_append_slice(out, show_string(error, "cause"));
	if (hint.size > 0) {
		buf_append_text(out, "; ");
		buf_append_slice(out, hint);
	}
}

/* "active since 2h 3m" */
static void append_state(struct buf *out, const json_t *target)
{
	struct slice reason = show_string(target, "reason");

	if (!json_is_string(json_object_get(target, "since")) && reason.size == 0)
		return;
	buf_append_slice(out, show_string(target, "state"));
	if (json_is_string(json_object_get(target, "since"))) {
		buf_append_text(out, " for ");
		show_append_age(out, show_string(target, "since"));
	}
	if (reason.size > 0) {
		buf_append_text(out, ": ");
		buf_append_slice(out, reason);
	}
}

static void print_line(struct buf *line, size_t width)
{
	struct buf out;

	if (line->size > 0) {
		buf_init(&out, TEXT_SIZE_MAX);
		show_append_wrapped(&out, buf_slice(line), INDENT, width);
		printf("%*s%s\n", INDENT, "", out.data);
		buf_free(&out);
	}
	buf_reset(line);
}

static void print_details(const json_t *target)
{
	size_t width = show_terminal_width();
	struct buf line;

	buf_init(&line, TEXT_SIZE_MAX);
	show_append_wrapped(&line, show_string(target, "name"), 0, 0);
	printf("\n%s\n", line.data);
	buf_reset(&line);
	buf_append_slice(&line, show_string(target, "url"));
	print_line(&line, width);
	append_state(&line, target);
	print_line(&line, width);
	target_append_failure(&line, target);
	print_line(&line, width);
	buf_free(&line);
}

void target_table_print(const json_t *targets)
{
	const json_t *target;
	size_t i;

	print_rows(targets);
	json_array_foreach(targets, i, target) print_details(target);
}
