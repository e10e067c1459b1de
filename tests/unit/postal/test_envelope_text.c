/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "repostal/envelope.h"
#include "repostal/memory.h"

enum {
	TIMES_RANDOM = 40000
};

static struct buf out;

static void test_strings(void **state)
{
	static const struct {
		const char *name;
		struct slice text;
		const char *want;
	} cases[] = {
		{ "nothing", { NULL, 0 }, "\"\"" },
		{ "plain", SLICE_LITERAL("250 2.0.0 OK"), "\"250 2.0.0 OK\"" },
		{ "quote and backslash", SLICE_LITERAL("a\"b\\c"), "\"a\\\"b\\\\c\"" },
		{ "slash stays", SLICE_LITERAL("a/b"), "\"a/b\"" },
		{ "short escapes", SLICE_LITERAL("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
		{ "HTML", SLICE_LITERAL("<a>&'"), "\"\\u003ca\\u003e\\u0026'\"" },
		{ "NUL", SLICE_LITERAL("a\0b"),
			"\"a\xEF\xBF\xBD"
			"b\"" },
		{ "first and last control", SLICE_LITERAL("\x01\x1f"), "\"\\u0001\\u001f\"" },
		{ "vertical tab and escape", SLICE_LITERAL("\v\x1b"), "\"\\u000b\\u001b\"" },
		{ "space and tilde", SLICE_LITERAL(" ~"), "\" ~\"" },
		{ "delete stays", SLICE_LITERAL("\x7f"), "\"\x7f\"" },
		{ "C1 control stays", SLICE_LITERAL("\xc2\x85"), "\"\xc2\x85\"" },
		{ "two bytes", SLICE_LITERAL("\xc3\xa9"), "\"\xc3\xa9\"" },
		{ "Vietnamese", SLICE_LITERAL("Ti\xe1\xba\xbfng"), "\"Ti\xe1\xba\xbfng\"" },
		{ "emoji", SLICE_LITERAL("\xf0\x9f\x93\xaf"), "\"\xf0\x9f\x93\xaf\"" },
		{ "line separator", SLICE_LITERAL("a\xe2\x80\xa8"), "\"a\\u2028\"" },
		{ "paragraph separator", SLICE_LITERAL("\xe2\x80\xa9z"), "\"\\u2029z\"" },
		{ "their neighbours", SLICE_LITERAL("\xe2\x80\xa7\xe2\x80\xaa"),
			"\"\xe2\x80\xa7\xe2\x80\xaa\"" },
		{ "same first byte", SLICE_LITERAL("\xe2\x82\xac"), "\"\xe2\x82\xac\"" },
		{ "escapes side by side", SLICE_LITERAL("\n\xe2\x80\xa8\"<"),
			"\"\\n\\u2028\\\"\\u003c\"" },
		{ "escape last", SLICE_LITERAL("250 OK\n"), "\"250 OK\\n\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		buf_reset(&out);
		envelope_write_string(&out, cases[i].text);
		if (!slice_is(buf_slice(&out), cases[i].want))
			fail_msg("%s: got %s", cases[i].name, out.data);
	}
}

static void test_times(void **state)
{
	static const struct {
		const char *name;
		int64_t us;
		const char *want;
	} cases[] = {
		{ "zero", 0, "0" },
		{ "one microsecond", 1, "0.000001" },
		{ "one second", 1000000, "1" },
		{ "three tenths", 300000, "0.3" },
		{ "whole seconds", 1557416598000000, "1557416598" },
		{ "whole tens of seconds", 1713100000000000, "1713100000" },
		{ "milliseconds", 1477945177235000, "1477945177.235" },
		{ "five decimals", 1477945177129940, "1477945177.12994" },
		{ "six decimals", 1795223400123456, "1795223400.123456" },
		{ "zeros behind the point", 1795223400000001, "1795223400.000001" },
		{ "the last exact one", INT64_C(8589934591999999), "8589934591.999999" },
		{ "the first behind it", INT64_C(8589934592000000), "8589934592" },
		{ "year 3000", INT64_C(32503680000123456), "32503680000.123455" },
		{ "before 1970", -1500000, "-1.5" },
		{ "just before 1970", -1, "-0.000001" },
		{ "the largest", INT64_MAX, "9223372036854.775" },
		{ "the smallest", INT64_MIN, "-9223372036854.775" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		buf_reset(&out);
		envelope_write_time(&out, cases[i].us);
		if (!slice_is(buf_slice(&out), cases[i].want))
			fail_msg("%s: got %s", cases[i].name, out.data);
	}
}

/* The slow way: the first number of digits that parses back. */
static void print_slowly(int64_t us, char *text, size_t size)
{
	double seconds = (double)us / 1e6;

	for (int digits = 1; digits <= 17; digits++) {
		(void)snprintf(text, size, "%.*g", digits, seconds);
		if (strchr(text, 'e') == NULL && strtod(text, NULL) == seconds)
			return;
	}
	fail_msg("%" PRId64 ": no digits", us);
}

static void check_slowly(int64_t us)
{
	char want[64];

	print_slowly(us, want, sizeof(want));
	buf_reset(&out);
	envelope_write_time(&out, us);
	if (!slice_is(buf_slice(&out), want))
		fail_msg("%" PRId64 ": got %s, want %s", us, out.data, want);
}

/* The time of arrival is written without a look at the double: it must be right for all of them. */
static void test_times_as_the_slow_way(void **state)
{
	static const int64_t now_us = INT64_C(1795223400123456);
	uint64_t dice = 1;

	(void)state;
	for (int i = 0; i < TIMES_RANDOM; i++) {
		int64_t us;

		dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		us = (int64_t)(dice >> 11); /* 53 bits: to the year 2255 */
		check_slowly(now_us + i);
		check_slowly(us >> (dice & 31));
		check_slowly(us);
		check_slowly(us - us % 1000);
		check_slowly(us - us % 100000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_times_as_the_slow_way),
	};
	int failed;

	buf_init(&out, ENVELOPE_SIZE_MAX);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&out);
	return failed;
}
