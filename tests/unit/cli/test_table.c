/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cli/show/table.h"
#include "repostal/memory.h"

enum {
	OUT_SIZE_MAX = 64 * 1024,
	CELLS_MAX = 12
};

static const struct table_column columns[] = {
	{ .title = "NAME" },
	{ .title = "COUNT", .is_number = true },
	{ .title = "ADDRESS", .may_be_cut = true },
};

struct table_case {
	const char *name;
	size_t width_max;
	const char *cells[CELLS_MAX];
	const char *want;
};

static void check(const struct table_case *cases, size_t cases_count)
{
	for (size_t i = 0; i < cases_count; i++) {
		struct table table;
		struct buf out;

		buf_init(&out, OUT_SIZE_MAX);
		table_init(&table, columns, ARRAY_COUNT(columns), cases[i].width_max);
		for (size_t cell = 0; cell < CELLS_MAX && cases[i].cells[cell] != NULL; cell++)
			table_add(&table, slice_text(cases[i].cells[cell]));
		table_print(&table, &out);
		if (!slice_is(buf_slice(&out), cases[i].want))
			fail_msg("%s: got\n%s", cases[i].name, out.data);
		table_free(&table);
		buf_free(&out);
	}
}

static void test_rows(void **state)
{
	static const struct table_case cases[] = {
		{ "no rows", 0, { NULL }, "NAME  COUNT  ADDRESS\n" },
		{ "narrower than the head", 0, { "a", "1", "x" },
			"NAME  COUNT  ADDRESS\n"
			"a         1  x\n" },
		{ "wider than the head", 0, { "longer", "1234567", "x", "b", "2", "y" },
			"NAME      COUNT  ADDRESS\n"
			"longer  1234567  x\n"
			"b             2  y\n" },
		{ "nothing is a dash", 0, { "", "", "" },
			"NAME  COUNT  ADDRESS\n"
			"-         -  -\n" },
		{ "characters count, not bytes", 0,
			{ "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f!", "1", "x" },
			"NAME   COUNT  ADDRESS\n"
			"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f!      1  x\n" },
		{ "control characters are printed as text", 0, { "a\033[31m", "1", "x\ny" },
			"NAME         COUNT  ADDRESS\n"
			"a\\u001b[31m      1  x\\u000ay\n" },
	};

	(void)state;
	check(cases, ARRAY_COUNT(cases));
}

static void test_lines_that_must_fit(void **state)
{
	static const struct table_case cases[] = {
		{ "cut to fit", 30, { "a", "1", "somebody@mail.example.com" },
			"NAME  COUNT  ADDRESS\n"
			"a         1  somebody@mail.ex\xe2\x80\xa6\n" },
		{ "fits exactly", 25, { "a", "1", "123456789012" },
			"NAME  COUNT  ADDRESS\n"
			"a         1  123456789012\n" },
		{ "cut to end the line", 23, { "a", "1", "x" },
			"NAME  COUNT  ADDRESS\n"
			"a         1  x\n" },
		{ "continues on further lines before it is cut to nothing", 20,
			{ "a", "1", "somebody@mail.example", "b", "2", "x" },
			"NAME  COUNT\n"
			"  ADDRESS\n"
			"a         1\n"
			"  somebody@mail.exa\xe2\x80\xa6\n"
			"b         2\n"
			"  x\n" },
		{ "what cannot be cut is wider than the line", 5, { "longer", "1", "x" },
			"NAME\n"
			"  COUNT\n"
			"  ADDRESS\n"
			"longer\n"
			"      1\n"
			"  x\n" },
		{ "cut between characters", 25,
			{ "a", "1",
				"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				"\xc3\xa4\xc3\xa4\xc3\xa4" },
			"NAME  COUNT  ADDRESS\n"
			"a         1  \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
			"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xe2\x80\xa6\n" },
	};

	(void)state;
	check(cases, ARRAY_COUNT(cases));
}

/* What a terminal shows in two columns, in none, or not at all. */
static void test_widths_of_characters(void **state)
{
	static const struct table_case cases[] = {
		{ "wide ones", 0, { "\xe6\x97\xa5\xe6\x9c\xac!", "1", "x", "abcd", "2", "y" },
			"NAME   COUNT  ADDRESS\n"
			"\xe6\x97\xa5\xe6\x9c\xac!      1  x\n"
			"abcd       2  y\n" },
		{ "one that joins the one before it", 0, { "e\xcc\x81", "1", "x" },
			"NAME  COUNT  ADDRESS\n"
			"e\xcc\x81         1  x\n" },
		{ "wide ones are not halved", 26,
			{ "a", "1",
				"a\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5"
				"\xe6\x97\xa5\xe6\x97\xa5" },
			"NAME  COUNT  ADDRESS\n"
			"a         1  a\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5"
			"\xe6\x97\xa5\xe2\x80\xa6\n" },
		{ "a text to the other side is printed as text", 0, { "a\xe2\x80\xaez", "1", "x" },
			"NAME      COUNT  ADDRESS\n"
			"a\\u202ez      1  x\n" },
		{ "bytes that are no character", 0, { "a\xff", "1", "x" },
			"NAME   COUNT  ADDRESS\n"
			"a\\xff      1  x\n" },
	};

	(void)state;
	check(cases, ARRAY_COUNT(cases));
}

/* It is not drawn out to the end of the line. */
static void test_a_number_in_the_last_column(void **state)
{
	static const struct table_column two[] = {
		{ .title = "NAME" },
		{ .title = "COUNT", .is_number = true },
	};
	struct table table;
	struct buf out;

	(void)state;
	buf_init(&out, OUT_SIZE_MAX);
	table_init(&table, two, ARRAY_COUNT(two), 80);
	table_add(&table, slice_text("a"));
	table_add(&table, slice_text("1234567"));
	table_print(&table, &out);
	assert_string_equal(out.data, "NAME    COUNT\n"
				      "a     1234567\n");
	table_free(&table);
	buf_free(&out);
}

static void add_row(struct table *table, const char *name)
{
	table_add(table, slice_text(name));
	table_add(table, slice_text("1"));
	table_add(table, slice_text("x"));
}

static void test_portions(void **state)
{
	struct table table;
	struct buf out;

	(void)state;
	buf_init(&out, OUT_SIZE_MAX);
	table_init(&table, columns, ARRAY_COUNT(columns), 0);
	add_row(&table, "first one");
	table_print(&table, &out);
	add_row(&table, "b");
	table_print(&table, &out);
	assert_string_equal(out.data, "NAME       COUNT  ADDRESS\n"
				      "first one      1  x\n"
				      "b              1  x\n");
	table_free(&table);
	buf_free(&out);
}

static void test_many_rows(void **state)
{
	struct table table;
	struct buf out;

	(void)state;
	buf_init(&out, OUT_SIZE_MAX);
	table_init(&table, columns, ARRAY_COUNT(columns), 0);
	for (int i = 0; i < 1000; i++)
		add_row(&table, "a");
	table_print(&table, &out);
	assert_int_equal(
		out.size, strlen("NAME  COUNT  ADDRESS\n") + 1000 * strlen("a         1  x\n"));
	table_free(&table);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_lines_that_must_fit),
		cmocka_unit_test(test_widths_of_characters),
		cmocka_unit_test(test_a_number_in_the_last_column),
		cmocka_unit_test(test_portions),
		cmocka_unit_test(test_many_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
