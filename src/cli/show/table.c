/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "repostal/memory.h"
#include "repostal/text.h"
#include "terminal.h"

enum {
	GAP_SIZE = 2,
	INDENT_SIZE = 2, /* of the further lines of a row */
	CUT_WIDTH_MIN = 12,
	TEXT_SIZE_MAX = 64 * 1024 * 1024,
	CELLS_FIRST = 256,
};

static const char ELLIPSIS[] = "\xe2\x80\xa6";

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Characters, as many as columns of a terminal for what addresses and names are made of. */
static size_t width_of(struct slice text)
{
	size_t width = 0;

	for (size_t i = 0; i < text.size; i++)
		width += ((unsigned char)text.data[i] & 0xc0) != 0x80;
	return width;
}

void table_init(struct table *table, const struct table_column *columns, size_t columns_count,
	size_t width_max)
{
	REPOSTAL_ASSERT(columns_count > 0 && columns_count <= TABLE_COLUMNS_MAX);
	*table = (struct table){
		.columns = columns,
		.columns_count = columns_count,
		.width_max = width_max,
	};
	for (size_t i = 0; i < columns_count; i++)
		table->widths[i] = width_of(slice_text(columns[i].title));
	buf_init(&table->text, TEXT_SIZE_MAX);
}

void table_add(struct table *table, struct slice text)
{
	struct table_cell *cell;
	size_t *width = &table->widths[table->cells_count % table->columns_count];

	if (table->cells_count == table->cells_capacity) {
		table->cells_capacity =
			table->cells_capacity == 0 ? CELLS_FIRST : 2 * table->cells_capacity;
		table->cells =
			memory_regrow(table->cells, table->cells_capacity, sizeof(*table->cells));
	}
	cell = &table->cells[table->cells_count++];
	cell->offset = table->text.size;
	show_append_printable(
		&table->text, text.size > 0 ? text : SLICE_LITERAL("-"), SHOW_ONE_LINE);
	cell->size = table->text.size - cell->offset;
	cell->width = width_of(slice_of(table->text.data + cell->offset, cell->size));
	if (cell->width > *width)
		*width = cell->width;
}

static size_t line_width(const struct table *table, const size_t *widths)
{
	size_t width = (table->columns_count - 1) * GAP_SIZE;

	for (size_t i = 0; i < table->columns_count; i++)
		width += widths[i];
	return width;
}

/* Takes from the widest column that may be cut, until the line fits or nothing is left to take. */
static void fit(const struct table *table, size_t *widths)
{
	while (line_width(table, widths) > table->width_max) {
		size_t widest = table->columns_count;

		for (size_t i = 0; i < table->columns_count; i++)
			if (table->columns[i].may_be_cut && widths[i] > CUT_WIDTH_MIN &&
				(widest == table->columns_count || widths[i] > widths[widest]))
				widest = i;
		if (widest == table->columns_count)
			return;
		widths[widest]--;
	}
}

struct layout {
	size_t widths[TABLE_COLUMNS_MAX];
	bool begins_line[TABLE_COLUMNS_MAX]; /* a further one of the same row */
};

/*
 * Over several lines there is room: what may be cut is cut only to end its line, and not to less than
 * CUT_WIDTH_MIN.
 */
static void fold(const struct table *table, struct layout *layout)
{
	size_t used = 0; /* of the present line, with the gap after it */

	for (size_t i = 0; i < table->columns_count; i++) {
		size_t width = table->widths[i];
		size_t room = table->width_max > used ? table->width_max - used : 0;
		bool is_cut = table->columns[i].may_be_cut && width > room;

		if (i > 0 && width > room && !(is_cut && room >= CUT_WIDTH_MIN)) {
			layout->begins_line[i] = true;
			used = INDENT_SIZE;
			room = table->width_max > used ? table->width_max - used : 0;
		}
		if (is_cut)
			width = smaller(width, room > CUT_WIDTH_MIN ? room : CUT_WIDTH_MIN);
		layout->widths[i] = width;
		used += width + GAP_SIZE;
	}
}

static void lay_out(const struct table *table, struct layout *layout)
{
	*layout = (struct layout){ 0 };
	memcpy(layout->widths, table->widths, sizeof(layout->widths));
	if (table->width_max == 0)
		return;
	fit(table, layout->widths);
	if (line_width(table, layout->widths) > table->width_max)
		fold(table, layout);
}

static void print_cell(const struct table *table, const struct layout *layout, size_t column,
	struct slice text, size_t width, struct buf *out)
{
	size_t column_width = layout->widths[column];
	size_t shown = smaller(width, column_width);
	int padding = (int)(column_width - shown);
	bool is_last = column + 1 == table->columns_count || layout->begins_line[column + 1];

	if (layout->begins_line[column])
		buf_printf(out, "%*s", INDENT_SIZE, "");
	if (table->columns[column].is_number)
		buf_printf(out, "%*s", padding, "");
	if (width > column_width) {
		buf_append_slice(out, text_utf8_prefix(text, column_width - 1));
		buf_append_text(out, ELLIPSIS);
	} else {
		buf_append_slice(out, text);
	}
	if (!table->columns[column].is_number && !is_last)
		buf_printf(out, "%*s", padding, "");
	buf_append_text(out, is_last ? "\n" : "  ");
}

void table_print(struct table *table, struct buf *out)
{
	size_t rows_count = table->cells_count / table->columns_count;
	struct layout layout;

	lay_out(table, &layout);
	for (size_t i = 0; i < table->columns_count && !table->has_head; i++) {
		struct slice title = slice_text(table->columns[i].title);

		print_cell(table, &layout, i, title, title.size, out);
	}
	table->has_head = true;
	for (size_t i = 0; i < rows_count * table->columns_count; i++) {
		const struct table_cell *cell = &table->cells[i];

		print_cell(table, &layout, i % table->columns_count,
			slice_of(table->text.data + cell->offset, cell->size), cell->width, out);
	}
	buf_reset(&table->text);
	table->cells_count = 0;
}

void table_free(struct table *table)
{
	buf_free(&table->text);
	free(table->cells);
	table->cells = NULL;
}
