/* SPDX-License-Identifier: MIT */
#include "json_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/text.h"
#include "terminal.h"

enum {
	CELL_SIZE_MAX = 1024,
	PAGE_SIZE_MAX = 64 * 1024 * 1024,
	MINUTE_S = 60,
	HOUR_S = 60 * MINUTE_S,
	DAY_S = 24 * HOUR_S,
	KIBI = 1024,
	INDENT_SIZE = 2,
	/* Enough for what was a number of microseconds, and no tail of what binary cannot hold. */
	REAL_DIGITS = 16,
};

struct slice show_string(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return slice_of(json_string_value(value), json_string_length(value));
}

int64_t show_integer(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_real(value) ? (int64_t)json_real_value(value) : json_integer_value(value);
}

static void append_utc(struct buf *out, struct slice time)
{
	struct slice fraction = time;
	struct slice seconds = slice_cut(&fraction, '.');

	buf_append_slice(out, seconds);
	if (fraction.data != NULL)
		buf_append_char(out, 'Z');
}

static void append_local(struct buf *out, struct slice time)
{
	char text[CLOCK_TEXT_SIZE];
	int64_t us;

	if (time.size < CLOCK_TEXT_SIZE / 2 || !clock_parse_when(time, 0, CLOCK_UTC, &us)) {
		buf_append_slice(out, time);
		return;
	}
	clock_format_local(us / 1000, text);
	buf_append_text(out, text);
}

void show_append_time_as(struct buf *out, struct slice time, enum clock_zone zone)
{
	switch (zone) {
	case CLOCK_UTC:
		append_utc(out, time);
		return;
	case CLOCK_LOCAL:
		append_local(out, time);
		return;
	}
}

void show_append_time(struct buf *out, struct slice time)
{
	show_append_time_as(out, time, isatty(STDOUT_FILENO) ? CLOCK_LOCAL : CLOCK_UTC);
}

void show_append_instant(struct buf *out, int64_t unix_ms)
{
	char text[CLOCK_TEXT_SIZE];

	if (isatty(STDOUT_FILENO))
		clock_format_local(unix_ms, text);
	else
		clock_format_utc(unix_ms, text);
	buf_append_text(out, text);
}

void show_append_seconds(struct buf *out, int64_t seconds)
{
	if (seconds < MINUTE_S)
		buf_printf(out, "%" PRId64 "s", seconds);
	else if (seconds < HOUR_S)
		buf_printf(
			out, "%" PRId64 "m %" PRId64 "s", seconds / MINUTE_S, seconds % MINUTE_S);
	else if (seconds < DAY_S)
		buf_printf(out, "%" PRId64 "h %" PRId64 "m", seconds / HOUR_S,
			seconds % HOUR_S / MINUTE_S);
	else
		buf_printf(out, "%" PRId64 "d %" PRId64 "h", seconds / DAY_S,
			seconds % DAY_S / HOUR_S);
}

void show_append_age(struct buf *out, struct slice time)
{
	int64_t now_ms = clock_unix_ms();
	int64_t time_ms;

	if (!clock_parse_date(time, &time_ms))
		return;
	show_append_seconds(out, (time_ms < now_ms ? now_ms - time_ms : time_ms - now_ms) / 1000);
}

void show_append_bytes(struct buf *out, int64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double amount = (double)bytes / KIBI;
	size_t unit = 0;

	if (bytes < KIBI) {
		buf_printf(out, "%" PRId64 " B", bytes);
		return;
	}
	for (; amount >= KIBI && unit + 1 < ARRAY_COUNT(units); unit++)
		amount /= KIBI;
	buf_printf(out, "%.1f %s", amount, units[unit]);
}

void show_append_result(struct buf *out, const json_t *attempt)
{
	if (json_is_integer(json_object_get(attempt, "status")))
		buf_append_int(out, show_integer(attempt, "status"));
	else
		buf_append_slice(out, show_string(attempt, "result"));
}

void show_append_block(struct buf *out, struct slice text, int indent)
{
	struct slice rest = text;

	while (rest.size > 0) {
		buf_printf(out, "%*s", indent, "");
		show_append_printable(out, slice_cut(&rest, '\n'), SHOW_ONE_LINE);
		buf_append_char(out, '\n');
	}
}

void show_append_json(struct buf *out, const json_t *value, int indent)
{
	char *text = json_dumps(value,
		JSON_INDENT(INDENT_SIZE) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(REAL_DIGITS));

	REPOSTAL_ASSERT(text != NULL);
	show_append_block(out, slice_text(text), indent);
	free(text);
}

void show_print_json(const json_t *value)
{
	json_dumpf(
		value, stdout, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(REAL_DIGITS));
}

static void add_and_free(struct table *table, struct buf *cell)
{
	table_add(table, buf_slice(cell));
	buf_free(cell);
}

static bool is_number(const json_t *object, const char *name)
{
	return json_is_number(json_object_get(object, name));
}

void show_cell_text(struct table *table, const json_t *object, const char *name)
{
	table_add(table, show_string(object, name));
}

void show_cell_number(struct table *table, const json_t *object, const char *name)
{
	struct buf cell;

	buf_init(&cell, CELL_SIZE_MAX);
	if (is_number(object, name))
		buf_append_int(&cell, show_integer(object, name));
	add_and_free(table, &cell);
}

void show_cell_time(struct table *table, const json_t *object, const char *name)
{
	struct buf cell;

	buf_init(&cell, CELL_SIZE_MAX);
	show_append_time(&cell, show_string(object, name));
	add_and_free(table, &cell);
}

void show_cell_age(struct table *table, const json_t *object, const char *name)
{
	struct buf cell;

	buf_init(&cell, CELL_SIZE_MAX);
	show_append_age(&cell, show_string(object, name));
	add_and_free(table, &cell);
}

void show_cell_seconds(struct table *table, const json_t *object, const char *name)
{
	struct buf cell;

	buf_init(&cell, CELL_SIZE_MAX);
	if (is_number(object, name))
		show_append_seconds(&cell, show_integer(object, name));
	add_and_free(table, &cell);
}

void show_cell_bytes(struct table *table, const json_t *object, const char *name)
{
	struct buf cell;

	buf_init(&cell, CELL_SIZE_MAX);
	if (is_number(object, name))
		show_append_bytes(&cell, show_integer(object, name));
	add_and_free(table, &cell);
}

void show_cell_result(struct table *table, const json_t *attempt)
{
	struct buf cell;

	buf_init(&cell, CELL_SIZE_MAX);
	show_append_result(&cell, attempt);
	add_and_free(table, &cell);
}

void show_table(struct table *table)
{
	struct buf out;

	buf_init(&out, PAGE_SIZE_MAX);
	table_print(table, &out);
	fwrite(out.data, 1, out.size, stdout);
	buf_free(&out);
}
