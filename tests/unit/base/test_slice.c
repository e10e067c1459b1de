/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "repostal/memory.h"
#include "repostal/slice.h"

static void test_comparisons(void **state)
{
	static const struct {
		const char *name;
		const char *a;
		const char *b;
		bool is;
		bool is_nocase;
		bool starts_nocase;
	} cases[] = {
		{ "same", "token", "token", true, true, true },
		{ "case", "Token", "tOKEN", false, true, true },
		{ "longer", "tokens", "token", false, false, true },
		{ "shorter", "toke", "token", false, false, false },
		{ "both empty", "", "", true, true, true },
		{ "empty prefix", "x", "", false, false, true },
		{ "not letters", "[", "{", false, false, false },
		{ "only ASCII is folded", "\xc3\x84", "\xc3\xa4", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct slice a = slice_text(cases[i].a);
		struct slice b = slice_text(cases[i].b);

		if (slice_is(a, cases[i].b) != cases[i].is || slice_equal(a, b) != cases[i].is ||
			slice_equal_constant_time(a, b) != cases[i].is)
			fail_msg("%s: equality", cases[i].name);
		if (slice_is_nocase(a, cases[i].b) != cases[i].is_nocase)
			fail_msg("%s: slice_is_nocase", cases[i].name);
		if (slice_starts_nocase(a, cases[i].b) != cases[i].starts_nocase)
			fail_msg("%s: slice_starts_nocase", cases[i].name);
	}
}

static void test_null_is_empty(void **state)
{
	struct slice null = slice_text(NULL);

	(void)state;
	assert_int_equal(null.size, 0);
	assert_true(slice_equal(null, SLICE_LITERAL("")));
	assert_true(slice_equal_constant_time(null, SLICE_LITERAL("")));
	assert_true(slice_is(null, ""));
	assert_int_equal(slice_trim(null).size, 0);
	assert_int_equal(slice_cut(&null, ',').size, 0);
}

static void test_nul_is_a_byte(void **state)
{
	(void)state;
	assert_false(slice_is(SLICE_LITERAL("a\0b"), "a"));
	assert_false(slice_equal_constant_time(SLICE_LITERAL("a\0b"), SLICE_LITERAL("a\0c")));
}

static void test_trim(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ "x", "x" },
		{ " \t\r\n x y \v\f", "x y" },
		{ " \t ", "" },
		{ "", "" },
		{ "\xc2\xa0x", "\xc2\xa0x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (!slice_is(slice_trim(slice_text(cases[i].text)), cases[i].want))
			fail_msg("'%s'", cases[i].text);
	}
}

static void test_cut(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *parts[4];
	} cases[] = {
		{ "two parts", "a,b", { "a", "b" } },
		{ "no separator", "ab", { "ab" } },
		{ "separator first", ",b", { "", "b" } },
		{ "separator last", "a,", { "a", "" } },
		{ "only separators", ",,", { "", "", "" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct slice rest = slice_text(cases[i].text);
		size_t part;

		for (part = 0; rest.data != NULL; part++) {
			struct slice cut = slice_cut(&rest, ',');

			if (cases[i].parts[part] == NULL || !slice_is(cut, cases[i].parts[part]))
				fail_msg("%s: part %zu", cases[i].name, part);
		}
		if (cases[i].parts[part] != NULL)
			fail_msg("%s: only %zu parts", cases[i].name, part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_null_is_empty),
		cmocka_unit_test(test_nul_is_a_byte),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
