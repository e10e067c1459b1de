/* SPDX-License-Identifier: MIT */
/*
 * table.h - aligned columns for people
 *
 * Promise    Cells are shown as printable text in columns that are as wide as their widest cell, as wide
 *            as a terminal shows it; with a width_max, columns that may be cut shrink until a line fits; when
 *            that is not enough, a row continues on further lines, which are indented. A table may be printed
 *            in portions: the head comes once, and columns only grow.
 * Threads    One owner.
 * Ownership  The table copies its cells; the columns belong to the caller and outlive it.
 */
#ifndef REPOSTAL_CLI_TABLE_H
#define REPOSTAL_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "repostal/buf.h"
#include "repostal/slice.h"

enum {
	TABLE_COLUMNS_MAX = 16
};

struct table_column {
	const char *title;
	bool is_number; /* to the right */
	bool may_be_cut;
};

struct table_cell {
	size_t offset;
	size_t size;
};

struct table {
	const struct table_column *columns;
	size_t columns_count;
	size_t width_max; /* characters of a line; 0: nothing is cut */
	bool has_head;    /* it was printed */
	size_t widths[TABLE_COLUMNS_MAX];
	struct buf text;
	struct table_cell *cells;
	size_t cells_count;
	size_t cells_capacity;
};

void table_init(struct table *table, const struct table_column *columns, size_t columns_count,
	size_t width_max);
/* The next cell, row by row; an empty text is shown as "-". */
void table_add(struct table *table, struct slice text);
/* Appends the complete rows since the last time, after the head; then the table is empty. */
void table_print(struct table *table, struct buf *out);
void table_free(struct table *table);

#endif
