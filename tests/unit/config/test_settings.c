/* SPDX-License-Identifier: MIT */
/* Every row of the tables: its limits, its wrong types, its wrong units. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_text.h"
#include "repostal/memory.h"
#include "setting.h"

enum {
	FILE_SIZE_MAX = 1024 * 1024,
	VALUE_SIZE_MAX = 256 * 1024,
	BAD_LINE = 2
};

/* What an element must have, as "name = value;", unless the row under test is that name. */
struct required {
	const char *name;
	const char *text;
};
static const struct required of_source[] = {
	{ "name", "name = \"s\";" },
	{ "path", "path = \"/s\";" },
	{ "auth", "auth = { allow = [ \"::1\" ]; };" },
};
static const struct required of_target[] = {
	{ "name", "name = \"t\";" },
	{ "url", "url = \"http://localhost/\";" },
};

/* Settings that only make sense with another one beside them. */
static const char *companion_of(const char *path, const char *value)
{
	if (strcmp(path, "backend") == 0 && strcmp(value, "\"postgresql\"") == 0)
		return "; dsn = \"host=db\"";
	return strcmp(path, "dsn") == 0 ? "; backend = \"postgresql\"" : "";
}

/* "a.b.c" and "5" become "a = { b = { c = 5; }; };". */
static void append_setting(struct buf *out, const char *path, const char *value)
{
	const char *dot = strchr(path, '.');

	if (dot == NULL) {
		buf_printf(out, "%s = ", path);
		buf_append_text(out, value);
		buf_append_text(out, companion_of(path, value));
	} else {
		buf_printf(out, "%.*s = { ", (int)(dot - path), path);
		append_setting(out, dot + 1, value);
		buf_append_text(out, " }");
	}
	buf_append_text(out, ";");
}

static void append_required(
	struct buf *out, const struct required *list, size_t count, const char *path)
{
	size_t group_size = strcspn(path, ".");

	for (size_t i = 0; i < count; i++) {
		if (strncmp(list[i].name, path, group_size) != 0 ||
			list[i].name[group_size] != '\0')
			buf_append_text(out, list[i].text);
	}
}

/* A good file but for one setting, which alone stands in line BAD_LINE. */
static char *compose(const struct settings_table *table, const char *path, const char *value)
{
	bool in_source = strcmp(table->name, "sources") == 0;
	bool in_target = strcmp(table->name, "targets") == 0;
	bool is_sources = table->name[0] == '\0' && strcmp(path, "sources") == 0;
	bool is_targets = table->name[0] == '\0' && strcmp(path, "targets") == 0;
	struct buf out;

	buf_init(&out, FILE_SIZE_MAX);
	if (in_source || in_target) {
		buf_printf(&out, "%s = ( {\n", table->name);
		append_setting(&out, path, value);
		buf_append_text(&out, "\n");
		if (in_source)
			append_required(&out, of_source, ARRAY_COUNT(of_source), path);
		else
			append_required(&out, of_target, ARRAY_COUNT(of_target), path);
		buf_append_text(&out, "} );\n");
	} else {
		buf_append_text(&out, "\n");
		append_setting(&out, path, value);
		buf_append_text(&out, "\n");
	}
	if (!in_source && !is_sources) {
		buf_append_text(&out, "sources = ( { ");
		append_required(&out, of_source, ARRAY_COUNT(of_source), "");
		buf_append_text(&out, " } );\n");
	}
	if (!in_target && !is_targets) {
		buf_append_text(&out, "targets = ( { ");
		append_required(&out, of_target, ARRAY_COUNT(of_target), "");
		buf_append_text(&out, " } );\n");
	}
	assert_false(out.overflowed);
	return buf_take(&out);
}

static size_t count_lines_starting(const char *text, const char *prefix)
{
	size_t count = 0;

	for (const char *line = text; line != NULL && *line != '\0';) {
		count += strncmp(line, prefix, strlen(prefix)) == 0;
		line = strchr(line, '\n');
		line = line == NULL ? NULL : line + 1;
	}
	return count;
}

static size_t count_lines(const char *text)
{
	return count_lines_starting(text, "");
}

static size_t count_warnings(const char *report)
{
	size_t count = 0;

	for (const char *at = report; (at = strstr(at, ": warning: ")) != NULL; at++)
		count++;
	return count;
}

/* Refused with its line and its name, and with nothing else. */
static void expect_refused(
	const struct settings_table *table, const struct setting *row, const char *value)
{
	char *text = compose(table, row->path, value);
	struct loaded loaded = load_text(text);
	char prefix[SETTING_PATH_SIZE + 16];
	char name[SETTING_PATH_SIZE];

	settings_name(table, row->path, name);
	(void)snprintf(prefix, sizeof(prefix), "%d: '%s", BAD_LINE, name);
	if (loaded.status != STATUS_INVALID)
		fail_msg("%s = %.200s: accepted", name, value);
	if (count_lines_starting(loaded.report, prefix) == 0)
		fail_msg("%s = %.200s: no line begins with \"%s\":\n%s", name, value, prefix,
			loaded.report);
	if (count_lines_starting(loaded.report, prefix) + count_warnings(loaded.report) !=
		count_lines(loaded.report))
		fail_msg("%s = %.200s: more than it should say:\n%s", name, value, loaded.report);
	loaded_free(&loaded);
	free(text);
}

static void expect_taken(
	const struct settings_table *table, const struct setting *row, const char *value)
{
	char *text = compose(table, row->path, value);
	struct loaded loaded = load_text(text);

	if (loaded.status != STATUS_OK)
		fail_msg("%s%s%s = %.200s: refused:\n%s", table->name, table->name[0] ? "." : "",
			row->path, value, loaded.report);
	loaded_free(&loaded);
	free(text);
}

static void expect_refused_number(const struct settings_table *table, const struct setting *row,
	const char *before, int64_t number, const char *behind)
{
	char value[64];

	(void)snprintf(value, sizeof(value), "%s%" PRId64 "%s", before, number, behind);
	expect_refused(table, row, value);
}

static void expect_taken_number(const struct settings_table *table, const struct setting *row,
	const char *before, int64_t number, const char *behind)
{
	char value[64];

	(void)snprintf(value, sizeof(value), "%s%" PRId64 "%s", before, number, behind);
	expect_taken(table, row, value);
}

/* Something of a size: before, then unit so many times, then behind. */
static char *repeated(const char *before, const char *unit, int64_t count, const char *behind)
{
	struct buf out;

	buf_init(&out, VALUE_SIZE_MAX);
	buf_append_text(&out, before);
	for (int64_t i = 0; i < count; i++)
		buf_append_text(&out, unit);
	buf_append_text(&out, behind);
	assert_false(out.overflowed);
	return buf_take(&out);
}

static void expect_refused_repeated(const struct settings_table *table, const struct setting *row,
	const char *before, const char *unit, int64_t count, const char *behind)
{
	char *value = repeated(before, unit, count, behind);

	expect_refused(table, row, value);
	free(value);
}

static void check_text(const struct settings_table *table, const struct setting *row)
{
	expect_refused(table, row, "5");
	expect_refused(table, row, "true");
	expect_refused(table, row, "[ \"a\" ]");
	expect_refused(table, row, "\"line\\nbreak\"");
	expect_refused(table, row, "\"not UTF-8: \\xff\"");
	expect_refused_repeated(table, row, "\"", "a", row->max + 1, "\"");
	if (row->min > 0)
		expect_refused(table, row, "\"\"");
	else
		expect_taken(table, row, "\"\"");
}

static void check_secret(const struct settings_table *table, const struct setting *row)
{
	check_text(table, row);
	expect_refused(table, row, "\"env:REPOSTAL_TEST_UNSET\"");
	expect_refused(table, row, "\"env:REPOSTAL_TEST_EMPTY\"");
	expect_refused(table, row, "\"file:/nonexistent/secret\"");
	expect_refused(table, row, "\"file:/\"");
	expect_refused(table, row, "\"file:/dev/zero\"");
	expect_taken(table, row, "\"env:REPOSTAL_TEST_SECRET\"");
}

static void check_integer(const struct settings_table *table, const struct setting *row)
{
	expect_refused_number(table, row, "", row->min - 1, "");
	expect_refused_number(table, row, "", row->max + 1, "");
	/* As libconfig wraps them, these would be good numbers. */
	expect_refused_number(table, row, "", (INT64_C(1) << 32) + row->max, "");
	expect_refused(table, row, "0x100000001");
	expect_refused(table, row, "18446744073709551617");
	expect_refused(table, row, "\"5\"");
	expect_refused(table, row, "5.0");
	expect_refused(table, row, "true");
	expect_taken_number(table, row, "", row->min, "");
	expect_taken_number(table, row, "", row->max, "");
	expect_taken_number(table, row, "", row->max, "L");
}

static void check_fraction(const struct settings_table *table, const struct setting *row)
{
	expect_refused_number(table, row, "", row->min - 1, "");
	expect_refused_number(table, row, "", row->max, ".001");
	expect_refused(table, row, "\"0.5\"");
	expect_refused(table, row, "\"10%\"");
	expect_taken_number(table, row, "", row->min, "");
	expect_taken_number(table, row, "", row->max, "");
	expect_taken_number(table, row, "", row->max, ".0");
}

static void check_with_unit(const struct settings_table *table, const struct setting *row,
	const char *unit, const char *wrong_unit)
{
	if (row->min > 0)
		expect_refused_number(table, row, "\"", row->min - 1, unit);
	expect_refused_number(table, row, "\"", row->max + 1, unit);
	expect_refused_number(table, row, "\"", row->max, wrong_unit);
	expect_refused_number(table, row, "", row->max, "");
	expect_refused(table, row, "\"-1\"");
	if (row->may_be_none)
		expect_taken(table, row, "\"\"");
	else
		expect_refused(table, row, "\"\"");
	expect_refused(table, row, "true");
	expect_taken_number(table, row, "\"", row->min, unit);
	expect_taken_number(table, row, "\"", row->max, unit);
}

static void check_rate(const struct settings_table *table, const struct setting *row)
{
	expect_refused(table, row, "100");
	expect_refused(table, row, "\"100\"");
	expect_refused(table, row, "\"100/d\"");
	expect_refused(table, row, "\"0/s\"");
	expect_refused_number(table, row, "\"", row->max + 1, "/s\"");
	expect_taken_number(table, row, "\"", row->max, "/s\"");
	expect_taken(table, row, "\"1/h\"");
	expect_taken(table, row, "\"none\"");
}

static void check_boolean(const struct settings_table *table, const struct setting *row)
{
	expect_refused(table, row, "1");
	expect_refused(table, row, "\"true\"");
	expect_taken(table, row, "true");
	expect_taken(table, row, "false");
}

static void check_choice(const struct settings_table *table, const struct setting *row)
{
	char value[64];

	expect_refused(table, row, "\"nonsense\"");
	expect_refused(table, row, "\"\"");
	expect_refused(table, row, "0");
	expect_refused(table, row, "true");
	for (const struct setting_choice *choice = row->choices; choice->name != NULL; choice++) {
		(void)snprintf(value, sizeof(value), "\"%s\"", choice->name);
		expect_taken(table, row, value);
	}
}

static void check_event(const struct settings_table *table, const struct setting *row)
{
	char value[64];

	expect_refused(table, row, "\"MessageLoaded\"");
	expect_refused(table, row, "0");
	for (int type = 0; type < POSTAL_EVENT_TYPE_COUNT; type++) {
		(void)snprintf(value, sizeof(value), "\"%s\"",
			postal_event_type_name((enum postal_event_type)type));
		if ((row->events & UINT32_C(1) << type) == 0)
			expect_refused(table, row, value);
		else
			expect_taken(table, row, value);
	}
}

static void check_events(const struct settings_table *table, const struct setting *row)
{
	expect_refused(table, row, "[ ]");
	expect_refused(table, row, "\"MessageSent\"");
	expect_refused(table, row, "[ \"MessageLoaded\" ]");
	expect_refused(table, row, "[ \"MessageSent\", \"MessageSent\" ]");
	expect_refused(table, row, "[ 1 ]");
	expect_taken(table, row, "[ \"MessageSent\" ]");
	expect_taken(table, row, "( \"MessageSent\", \"MessageHeld\" )");
}

static void check_retry(const struct settings_table *table, const struct setting *row)
{
	char *most = repeated("[ \"1s\"", ", \"1s\"", RETRY_DELAYS_MAX - 1, " ]");

	expect_taken(table, row, most);
	free(most);
	expect_refused_repeated(table, row, "[ \"1s\"", ", \"1s\"", RETRY_DELAYS_MAX, " ]");
	expect_refused(table, row, "\"nonsense\"");
	expect_refused(table, row, "\"5s\"");
	expect_refused(table, row, "5");
	expect_refused(table, row, "[ 5 ]");
	expect_refused(table, row, "[ \"5 s\" ]");
	expect_refused_number(table, row, "[ \"", row->min - 1, "ms\" ]");
	expect_refused_number(table, row, "[ \"", row->max + 1, "ms\" ]");
	expect_taken(table, row, "[ ]");
	expect_taken(table, row, "( \"5s\", \"1m\" )");
	expect_taken(table, row, "\"standard-webhooks\"");
}

static void check_statuses(const struct settings_table *table, const struct setting *row)
{
	expect_refused(table, row, "404");
	expect_refused(table, row, "\"4xx\"");
	expect_refused(table, row, "true");
	expect_refused(table, row, "{ }");
	expect_refused(table, row, "[ \"2xx\" ]");
	expect_refused(table, row, "[ \"6xx\" ]");
	expect_refused(table, row, "[ \"4XX\" ]");
	expect_refused(table, row, "[ \"\" ]");
	expect_refused(table, row, "[ 200 ]");
	expect_refused(table, row, "[ 299 ]");
	expect_refused(table, row, "[ 600 ]");
	expect_refused(table, row, "[ 4 ]");
	expect_refused(table, row, "[ -404 ]");
	expect_refused(table, row, "[ 4294967700 ]"); /* 404, as libconfig would wrap it */
	expect_refused(table, row, "[ 404.0 ]");
	expect_refused(table, row, "[ true ]");
	expect_refused(table, row, "( [ 404 ] )");
	expect_refused(table, row, "[ 404, 404 ]");
	expect_refused(table, row, "[ 404, \"404\" ]");
	expect_refused_repeated(table, row, "[ 404", ", 404", row->max, " ]");
	expect_taken(table, row, "[ ]");
	expect_taken(table, row, "[ 300, 599 ]");
	expect_taken(table, row, "[ \"3xx\", \"4xx\", \"5xx\" ]");
	expect_taken(table, row, "[ 404, \"5xx\", /* ] */ 0x19a, \"403\" ]");
	expect_taken(table, row, "( 404, \"5xx\" )");
}

static void check_texts(const struct settings_table *table, const struct setting *row)
{
	expect_refused(table, row, "\"alone\"");
	expect_refused(table, row, "[ 1 ]");
	expect_refused(table, row, "[ \"\" ]");
	expect_refused(table, row, "( \"a\", { } )");
	expect_refused_repeated(table, row, "[ \"s\"", ", \"s\"", row->max, " ]");
	expect_refused_repeated(table, row, "[ \"", "s", SETTING_TEXT_SIZE_MAX + 1, "\" ]");
	expect_taken(table, row, "[ ]");
}

static void check_ranges(const struct settings_table *table, const struct setting *row)
{
	expect_refused(table, row, "\"127.0.0.1\"");
	expect_refused(table, row, "[ 127 ]");
	expect_refused(table, row, "[ \"localhost\" ]");
	expect_refused(table, row, "[ \"10.0.0.1/8\" ]");
	expect_refused(table, row, "[ \"10.0.0.0/33\" ]");
	expect_refused(table, row, "[ \"::1\", \"::1\" ]");
	expect_refused_repeated(table, row, "[ \"::1\"", ", \"::1\"", row->max, " ]");
	if (row->min > 0)
		expect_refused(table, row, "[ ]");
	else
		expect_taken(table, row, "[ ]");
	expect_taken(table, row, "( \"10.0.0.0/8\", \"fe80::/10\", \"::1\" )");
}

static void check_headers(const struct settings_table *table, const struct setting *row)
{
	expect_refused(table, row, "\"X: y\"");
	expect_refused(table, row, "[ \"X\" ]");
	expect_refused(table, row, "{ X-A = 1; }");
	expect_refused(table, row, "{ X-A = \"\"; }");
	expect_refused(table, row, "{ X-A = \"a\\r\\nX-B: b\"; }");
	expect_refused(table, row, "{ X-A = \"env:REPOSTAL_TEST_UNSET\"; }");
	expect_refused(table, row, "{ X-A = \"a\"; x-a = \"b\"; }");
	expect_refused(table, row, "{ content-type = \"text/plain\"; }");
	expect_refused(table, row, "{ X-Postal-Signature = \"forged\"; }");
	expect_taken(table, row, "{ }");
	expect_taken(table, row, "{ X-A = \"a\"; X-B = \"env:REPOSTAL_TEST_SECRET\"; }");
}

static void check_too_many_headers(const struct settings_table *table, const struct setting *row)
{
	struct buf value;

	buf_init(&value, VALUE_SIZE_MAX);
	buf_append_text(&value, "{ ");
	for (int64_t i = 0; i <= row->max; i++)
		buf_printf(&value, "X%" PRId64 " = \"a\"; ", i);
	buf_append_text(&value, "}");
	expect_refused(table, row, value.data);
	buf_free(&value);
}

static void check_elements(const struct settings_table *table, const struct setting *row)
{
	expect_refused(table, row, "( )");
	expect_refused(table, row, "[ ]");
	expect_refused(table, row, "{ }");
	expect_refused(table, row, "\"one\"");
	expect_refused(table, row, "( 1 )");
	expect_refused(table, row, "( \"one\" )");
	expect_refused_repeated(table, row, "( { }", ", { }", row->max, " )");
}

static void check_row(const struct settings_table *table, const struct setting *row)
{
	switch (row->kind) {
	case SETTING_TEXT:
	case SETTING_URL:
	case SETTING_ROUTE:
		check_text(table, row);
		break;
	case SETTING_SECRET:
		check_secret(table, row);
		break;
	case SETTING_INTEGER:
		check_integer(table, row);
		break;
	case SETTING_FRACTION:
		check_fraction(table, row);
		break;
	case SETTING_DURATION:
		check_with_unit(table, row, "ms\"", "KiB\"");
		break;
	case SETTING_SIZE:
		check_with_unit(table, row, "B\"", "s\"");
		break;
	case SETTING_RATE:
		check_rate(table, row);
		break;
	case SETTING_BOOLEAN:
		check_boolean(table, row);
		break;
	case SETTING_CHOICE:
		check_choice(table, row);
		break;
	case SETTING_EVENT:
		check_event(table, row);
		break;
	case SETTING_EVENTS:
		check_events(table, row);
		break;
	case SETTING_RETRY:
		check_retry(table, row);
		break;
	case SETTING_STATUSES:
		check_statuses(table, row);
		break;
	case SETTING_TEXTS:
		check_texts(table, row);
		break;
	case SETTING_RANGES:
		check_ranges(table, row);
		break;
	case SETTING_HEADERS:
		check_headers(table, row);
		check_too_many_headers(table, row);
		break;
	case SETTING_ELEMENTS:
		check_elements(table, row);
		break;
	}
}

static void check_table(const struct settings_table *table)
{
	for (size_t i = 0; i < table->rows_count; i++) {
		check_row(table, &table->rows[i]);
		if (table->rows[i].element != NULL)
			check_table(table->rows[i].element);
	}
}

static void test_every_row(void **state)
{
	(void)state;
	setenv("REPOSTAL_TEST_SECRET", "user:secret", 1);
	setenv("REPOSTAL_TEST_EMPTY", "", 1);
	unsetenv("REPOSTAL_TEST_UNSET");
	check_table(&settings_of_file);
}

static void check_group(const struct settings_table *table, const char *path)
{
	const char *dot = strrchr(path, '.');
	struct setting group = { 0 };
	char group_path[SETTING_PATH_SIZE];

	if (dot == NULL)
		return;
	(void)snprintf(group_path, sizeof(group_path), "%.*s", (int)(dot - path), path);
	if (settings_find(table, group_path) != NULL)
		return; /* auth, which may be a text: a row of its own */
	group.path = group_path;
	expect_refused(table, &group, "5");
	expect_refused(table, &group, "\"none\"");
	expect_refused(table, &group, "[ ]");
	expect_refused(table, &group, "( { } )");
}

static void test_every_group(void **state)
{
	(void)state;
	for (size_t i = 0; i < settings_of_file.rows_count; i++) {
		const struct setting *row = &settings_of_file.rows[i];

		check_group(&settings_of_file, row->path);
		for (size_t j = 0; row->element != NULL && j < row->element->rows_count; j++)
			check_group(row->element, row->element->rows[j].path);
	}
}

/* Nobody learns of a row without help, and a required one has nothing to fall back on. */
static void check_shape(const struct settings_table *table)
{
	for (size_t i = 0; i < table->rows_count; i++) {
		const struct setting *row = &table->rows[i];

		if (row->help == NULL || row->help[0] == '\0' || strchr(row->help, '\n') != NULL)
			fail_msg("%s: no help, or more than a line", row->path);
		if (row->required && row->fallback != NULL)
			fail_msg("%s: required, and has a default", row->path);
		if (settings_find(table, row->path) != row)
			fail_msg("%s: two rows", row->path);
		if (row->min > row->max)
			fail_msg("%s: limits", row->path);
		if (row->element != NULL)
			check_shape(row->element);
	}
}

static void test_shape(void **state)
{
	(void)state;
	check_shape(&settings_of_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_every_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
