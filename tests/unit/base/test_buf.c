/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "repostal/buf.h"
#include "repostal/memory.h"

static void test_append(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 1000);
	assert_true(buf_append(&buf, NULL, 0));
	assert_string_equal(buf.data, "");
	assert_true(buf_append_text(&buf, "text "));
	assert_true(buf_append_slice(&buf, SLICE_LITERAL("slice ")));
	assert_true(buf_append_char(&buf, 'c'));
	assert_true(buf_printf(&buf, " %s/%d ", "x", 5));
	assert_true(buf_append_int(&buf, INT64_MIN));
	assert_string_equal(buf.data, "text slice c x/5 -9223372036854775808");
	assert_int_equal(buf_slice(&buf).size, strlen(buf.data));
	buf_reset(&buf);
	assert_string_equal(buf.data, "");
	assert_int_equal(buf.size, 0);
	buf_free(&buf);
	assert_null(buf.data);
}

static void test_ceiling(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 5);
	assert_true(buf_append_text(&buf, "1234"));
	assert_false(buf_append_text(&buf, "56"));
	assert_true(buf.overflowed);
	assert_string_equal(buf.data, "1234");
	assert_false(buf_printf(&buf, "%d", 56));
	assert_null(buf_reserve(&buf, 2));
	assert_false(buf_append(&buf, "", SIZE_MAX)); /* must not wrap */
	assert_string_equal(buf.data, "1234");
	assert_true(buf_append_char(&buf, '5'));
	assert_string_equal(buf.data, "12345");
	assert_true(buf.overflowed);
	buf_reset(&buf);
	assert_false(buf.overflowed);
	buf_free(&buf);

	buf_init(&buf, 0);
	assert_true(buf_append(&buf, "", 0));
	assert_false(buf_append_char(&buf, 'x'));
	buf_free(&buf);
}

static void test_growth(void **state)
{
	enum {
		SIZE = 100000
	};
	struct buf buf;

	(void)state;
	buf_init(&buf, SIZE);
	for (int i = 0; i < SIZE; i++)
		assert_true(buf_append_char(&buf, (char)('a' + i % 26)));
	assert_false(buf_append_char(&buf, 'x'));
	assert_true(buf.capacity <= SIZE + 1);
	for (int i = 0; i < SIZE; i++)
		assert_int_equal(buf.data[i], 'a' + i % 26);
	assert_int_equal(buf.data[SIZE], '\0');
	buf_free(&buf);
}

static void test_reserve_and_take(void **state)
{
	struct buf buf;
	char *at;
	char *taken;

	(void)state;
	buf_init(&buf, 100);
	taken = buf_take(&buf);
	assert_string_equal(taken, "");
	free(taken);
	at = buf_reserve(&buf, 100);
	assert_non_null(at);
	memcpy(at, "abc", 3);
	buf_commit(&buf, 3);
	assert_string_equal(buf.data, "abc");
	taken = buf_take(&buf);
	assert_string_equal(taken, "abc");
	free(taken);
	assert_int_equal(buf.size, 0);
	assert_int_equal(buf.size_max, 100);
	buf_free(&buf);
}

static void test_double(void **state)
{
	static const struct {
		double number;
		const char *want;
	} cases[] = {
		{ 0.005, "0.005" },
		{ 0, "0" },
		{ 60, "60" },
		{ 0.1, "0.1" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ -2.5, "-2.5" },
		{ 1e6, "1000000" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 1e300, "1e+300" },
		{ INFINITY, "+Inf" },
		{ -INFINITY, "-Inf" },
		{ NAN, "NaN" },
	};
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		buf_reset(&buf);
		buf_append_double(&buf, cases[i].number);
		assert_string_equal(buf.data, cases[i].want);
	}
	buf_reset(&buf);
	buf_append_double(&buf, DBL_MAX);
	assert_true(strtod(buf.data, NULL) == DBL_MAX);
	buf_free(&buf);
}

static void test_json_string(void **state)
{
	static const struct {
		const char *name;
		struct slice text;
		const char *want;
	} cases[] = {
		{ "plain", SLICE_LITERAL("plain / text"), "\"plain / text\"" },
		{ "empty", SLICE_LITERAL(""), "\"\"" },
		{ "null", { 0 }, "\"\"" },
		{ "quote and backslash", SLICE_LITERAL("\"a\\\"b"), "\"\\\"a\\\\\\\"b\"" },
		{ "named controls", SLICE_LITERAL("a\r\n\tb"), "\"a\\r\\n\\tb\"" },
		{ "other controls", SLICE_LITERAL("\0\x1b[0m\x7f"),
			"\"\\u0000\\u001b[0m\\u007f\"" },
		{ "C1 control",
			SLICE_LITERAL("a\xc2\x9b"
				      "b"),
			"\"a\\u009bb\"" },
		{ "no C1 control", SLICE_LITERAL("\xc2\xa0\xc3\xa4"), "\"\xc2\xa0\xc3\xa4\"" },
		{ "cut short", SLICE_LITERAL("a\xc2"), "\"a\xc2\"" },
		{ "bidirectional override", SLICE_LITERAL("a\xe2\x80\xae"), "\"a\\u202e\"" },
		{ "beyond the BMP", SLICE_LITERAL("\xf3\xa0\x81\xa1"), "\"\\udb40\\udc61\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf buf;

		buf_init(&buf, strlen(cases[i].want));
		if (!buf_append_json_string(&buf, cases[i].text) ||
			!slice_is(buf_slice(&buf), cases[i].want))
			fail_msg("%s: got %s", cases[i].name, buf.data);
		buf_free(&buf);

		/* One byte too few: nothing is written, at whichever step it fails. */
		for (size_t size_max = 1; size_max < strlen(cases[i].want) + 1; size_max++) {
			buf_init(&buf, size_max);
			buf_append_char(&buf, '>');
			if (buf_append_json_string(&buf, cases[i].text) || !buf.overflowed ||
				!slice_is(buf_slice(&buf), ">") || buf.data[1] != '\0')
				fail_msg("%s: in %zu bytes", cases[i].name, size_max);
			buf_free(&buf);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_reserve_and_take),
		cmocka_unit_test(test_double),
		cmocka_unit_test(test_json_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
