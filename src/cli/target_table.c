/* SPDX-License-Identifier: MIT */
#include "target_table.h"

#include "json_show.h"
#include "repostal/memory.h"

void target_table_print(const json_t *targets)
{
	static const struct table_column columns[] = {
		{ .title = "TARGET" },
		{ .title = "STATE" },
		{ .title = "READY", .is_number = true },
		{ .title = "WAITING", .is_number = true },
		{ .title = "INFLIGHT", .is_number = true },
		{ .title = "DEAD", .is_number = true },
		{ .title = "OLDEST", .is_number = true },
		{ .title = "URL", .may_be_cut = true },
		{ .title = "REASON", .may_be_cut = true },
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
		show_cell_text(&table, target, "url");
		show_cell_text(&table, target, "reason");
	}
	show_table(&table);
	table_free(&table);
}
