/* SPDX-License-Identifier: MIT */
/*
 * libsmartcols aligns and prints. What it does not know is how a row is folded into several lines, and how a
 * cut is marked: so the layout is made before, and a folded table is printed as several, one for each line of
 * a row, whose lines are taken in turn.
 */
#include "table.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <libsmartcols.h>

#include "repostal/memory.h"
#include "terminal.h"

enum {
	GAP_SIZE = 2,
	INDENT_SIZE = 2, /* of the further lines of a row */
	CUT_WIDTH_MIN = 12,
	TEXT_SIZE_MAX = 64 * 1024 * 1024,
	CELLS_FIRST = 256,
	BYTE_WIDTH = 4, /* of one that libsmartcols prints as "\xff" */
};

static const char GAP[] = "  ";
static const char ELLIPSIS[] = "\xe2\x80\xa6";

/* -- the library ------------------------------------------------------------------------------------ */

/*
 * It asks the locale for the width of characters, and takes all but ASCII for unprintable in the one that
 * programs start with.
 */
static locale_t enter_utf8(locale_t *before_out)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);

	REPOSTAL_ASSERT(utf8 != (locale_t)0);
	*before_out = uselocale(utf8);
	return utf8;
}

static void leave_utf8(locale_t utf8, locale_t before)
{
	uselocale(before);
	freelocale(utf8);
}

/* width: of a line, exactly. The last column takes what is left of it. */
static struct libscols_table *new_cells(size_t width)
{
	struct libscols_table *cells = scols_new_table();

	REPOSTAL_ASSERT(cells != NULL);
	scols_table_set_column_separator(cells, GAP);
	scols_table_set_termforce(cells, SCOLS_TERMFORCE_ALWAYS);
	scols_table_set_termwidth(cells, width);
	return cells;
}

static void add_column(struct libscols_table *cells, const struct table_column *column)
{
	REPOSTAL_ASSERT(scols_table_new_column(cells, column->title, 0,
				column->is_number ? SCOLS_FL_RIGHT : 0) != NULL);
}

static struct libscols_line *add_line(struct libscols_table *cells)
{
	struct libscols_line *line = scols_table_new_line(cells, NULL);

	REPOSTAL_ASSERT(line != NULL);
	return line;
}

static void set_cell(struct libscols_line *line, size_t column, const char *text)
{
	REPOSTAL_ASSERT(scols_line_set_data(line, column, text) == 0);
}

/* -- cells ------------------------------------------------------------------------------------------ */

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
		table->widths[i] = strlen(columns[i].title);
	buf_init(&table->text, TEXT_SIZE_MAX);
}

void table_add(struct table *table, struct slice text)
{
	struct table_cell *cell;

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
}

void table_free(struct table *table)
{
	buf_free(&table->text);
	free(table->cells);
	table->cells = NULL;
}

static struct slice cell_text(const struct table *table, size_t cell)
{
	return slice_of(table->text.data + table->cells[cell].offset, table->cells[cell].size);
}

/* Bytes of the character at the front, and how many columns it takes. */
static size_t character_of(struct slice text, size_t *width_out)
{
	mbstate_t state = { 0 };
	wchar_t character;
	size_t size = mbrtowc(&character, text.data, text.size, &state);
	int width;

	if (size == 0 || size > text.size) { /* what is no character */
		*width_out = BYTE_WIDTH;
		return 1;
	}
	width = wcwidth(character);
	*width_out = width < 0 ? size * BYTE_WIDTH : (size_t)width;
	return size;
}

static size_t width_of(struct slice text)
{
	size_t width = 0;

	for (size_t at = 0; at < text.size;) {
		size_t character_width;

		at += character_of(slice_of(text.data + at, text.size - at), &character_width);
		width += character_width;
	}
	return width;
}

/* Appends what fits into the width; a cut is marked. */
static void append_cut(struct buf *out, struct slice text, size_t width)
{
	size_t fitting = 0; /* bytes that leave room for the mark */
	size_t used = 0;
	size_t at = 0;

	while (at < text.size) {
		size_t character_width;
		size_t size =
			character_of(slice_of(text.data + at, text.size - at), &character_width);

		used += character_width;
		at += size;
		if (used < width)
			fitting = at;
	}
	buf_append(out, text.data, used > width ? fitting : text.size);
	if (used > width)
		buf_append_text(out, ELLIPSIS);
}

/* -- layout ----------------------------------------------------------------------------------------- */

struct layout {
	size_t widths[TABLE_COLUMNS_MAX];
	bool begins_line[TABLE_COLUMNS_MAX]; /* a further one of the same row */
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void measure(struct table *table)
{
	for (size_t i = 0; i < table->cells_count; i++) {
		size_t *width = &table->widths[i % table->columns_count];
		size_t cell_width = width_of(cell_text(table, i));

		if (cell_width > *width)
			*width = cell_width;
	}
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
	for (size_t i = 0; i < table->columns_count; i++)
		layout->widths[i] = table->widths[i];
	if (table->width_max == 0)
		return;
	fit(table, layout->widths);
	if (line_width(table, layout->widths) > table->width_max)
		fold(table, layout);
}

/* -- printing --------------------------------------------------------------------------------------- */

static size_t part_width(const struct layout *layout, size_t first, size_t end)
{
	size_t width = 0;

	for (size_t i = first; i < end; i++)
		width += layout->widths[i] + (i > first ? GAP_SIZE : 0);
	return width;
}

/*
 * A line that makes each column as wide as it shall be: what the library is told of widths are hints. Without
 * any line it would print no head, too.
 */
static void add_measure(
	struct libscols_table *cells, const struct layout *layout, size_t first, size_t end)
{
	struct libscols_line *line = add_line(cells);
	struct buf cell;

	buf_init(&cell, TEXT_SIZE_MAX);
	for (size_t i = first; i < end; i++) {
		buf_reset(&cell);
		for (size_t k = 0; k < layout->widths[i]; k++)
			buf_append_char(&cell, '-');
		set_cell(line, i - first, cell.data);
	}
	buf_free(&cell);
}

static void add_row(struct libscols_table *cells, const struct table *table, size_t row,
	const struct layout *layout, size_t first, size_t end)
{
	struct libscols_line *line = add_line(cells);
	struct buf cell;

	buf_init(&cell, TEXT_SIZE_MAX);
	for (size_t i = first; i < end; i++) {
		buf_reset(&cell);
		append_cut(
			&cell, cell_text(table, row * table->columns_count + i), layout->widths[i]);
		set_cell(line, i - first, cell.data);
	}
	buf_free(&cell);
}

/* The columns from first to before end: head, measure and rows; to be freed. */
static char *print_part(
	const struct table *table, const struct layout *layout, size_t first, size_t end)
{
	size_t rows_count = table->cells_count / table->columns_count;
	struct libscols_table *cells = new_cells(part_width(layout, first, end));
	char *text = NULL;

	for (size_t i = first; i < end; i++)
		add_column(cells, &table->columns[i]);
	add_measure(cells, layout, first, end);
	for (size_t row = 0; row < rows_count; row++)
		add_row(cells, table, row, layout, first, end);
	REPOSTAL_ASSERT(scols_print_table_to_string(cells, &text) == 0);
	scols_unref_table(cells);
	return text;
}

/* One line of each part, those after the first indented. */
static void append_row(struct buf *out, struct slice *parts, size_t parts_count)
{
	for (size_t i = 0; i < parts_count; i++) {
		buf_append_text(out, i == 0 ? "" : GAP);
		buf_append_slice(out, slice_cut(&parts[i], '\n'));
		buf_append_char(out, '\n');
	}
}

static void print_rows(struct table *table, const struct layout *layout, struct buf *out)
{
	size_t rows_count = table->cells_count / table->columns_count;
	struct slice parts[TABLE_COLUMNS_MAX];
	char *texts[TABLE_COLUMNS_MAX];
	size_t parts_count = 0;
	struct buf unused;

	for (size_t first = 0, end; first < table->columns_count; first = end) {
		for (end = first + 1; end < table->columns_count && !layout->begins_line[end];
			end++)
			;
		texts[parts_count] = print_part(table, layout, first, end);
		parts[parts_count] = slice_text(texts[parts_count]);
		parts_count++;
	}
	buf_init(&unused, TEXT_SIZE_MAX);
	append_row(table->has_head ? &unused : out, parts, parts_count);
	append_row(&unused, parts, parts_count); /* the measure */
	for (size_t row = 0; row < rows_count; row++)
		append_row(out, parts, parts_count);
	buf_free(&unused);
	for (size_t i = 0; i < parts_count; i++)
		free(texts[i]);
}

void table_print(struct table *table, struct buf *out)
{
	struct layout layout;
	locale_t before;
	locale_t utf8 = enter_utf8(&before);

	measure(table);
	lay_out(table, &layout);
	print_rows(table, &layout, out);
	leave_utf8(utf8, before);
	table->has_head = true;
	buf_reset(&table->text);
	table->cells_count = 0;
}
