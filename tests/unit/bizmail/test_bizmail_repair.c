/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "repostal/bizmail.h"
#include "repostal/memory.h"

#define BYTES(member, text) .member = (text), .member##_size = sizeof(text) - 1

static void test_repair(void **state)
{
	static const struct {
		const char *name;
		const char *in;
		size_t in_size;
		const char *want;
		size_t want_size;
	} cases[] = {
		{ "Latin-1 in a string", BYTES(in, "{\"a\":\"b\xe9g\"}"),
			BYTES(want, "{\"a\":\"b\xEF\xBF\xBDg\"}") },
		{ "cut sequence at the end", BYTES(in, "\"\xe2\x82"),
			BYTES(want, "\"\xEF\xBF\xBD\xEF\xBF\xBD") },
		{ "encoded surrogate", BYTES(in, "\"\xed\xa0\x80\""),
			BYTES(want, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"") },
		{ "overlong slash", BYTES(in, "\"\xc0\xaf\""),
			BYTES(want, "\"\xEF\xBF\xBD\xEF\xBF\xBD\"") },
		{ "outside of strings", BYTES(in, "{\xff}"), BYTES(want, "{\xEF\xBF\xBD}") },
		{ "high half alone", BYTES(in, "\"\\ud83d.\""), BYTES(want, "\"\\ufffd.\"") },
		{ "low half alone", BYTES(in, "\"\\uDE00\""), BYTES(want, "\"\\ufffd\"") },
		{ "halves in the wrong order", BYTES(in, "\"\\ude00\\ud83d\""),
			BYTES(want, "\"\\ufffd\\ufffd\"") },
		{ "two high halves, then a low one", BYTES(in, "\"\\ud83d\\ud83d\\ude00\""),
			BYTES(want, "\"\\ufffd\\ud83d\\ude00\"") },
		{ "high half at the end", BYTES(in, "\"\\ud83d"), BYTES(want, "\"\\ufffd") },
		{ "high half, then a plain escape", BYTES(in, "\"\\ud83d\\u0041\""),
			BYTES(want, "\"\\ufffd\\u0041\"") },
		{ "raw line feed", BYTES(in, "\"a\nb\""), BYTES(want, "\"a\\u000ab\"") },
		{ "raw NUL", BYTES(in, "\"a\0b\""), BYTES(want, "\"a\\u0000b\"") },
		{ "control character behind a backslash", BYTES(in, "\"a\\\nb\""),
			BYTES(want, "\"a\\\\\\u000ab\"") },
		{ "behind an escaped quote", BYTES(in, "\"\\\"\x01\""),
			BYTES(want, "\"\\\"\\u0001\"") },
		{ "bad byte behind a backslash", BYTES(in, "\"\\\xff\""),
			BYTES(want, "\"\\\xEF\xBF\xBD\"") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char *repaired;
		char *again;
		struct slice got;

		got = bizmail_json_repair(slice_of(cases[i].in, cases[i].in_size), &repaired);
		if (!slice_equal(got, slice_of(cases[i].want, cases[i].want_size)))
			fail_msg("%s: got '%.*s'", cases[i].name, (int)got.size, got.data);
		if (repaired == NULL)
			fail_msg("%s: no copy was made", cases[i].name);
		(void)bizmail_json_repair(got, &again);
		if (again != NULL)
			fail_msg("%s: repaired twice", cases[i].name);
		free(repaired);
	}
}

static void test_clean_text_is_not_copied(void **state)
{
	static const char *const cases[] = {
		"",
		"{}",
		" {\n\t\"a\" : \"b\" }\r\n",
		"{\"a\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}",
		"\"\\ud83d\\ude00\"",
		"\"\\uD83D\\uDE00\"",
		"\"\\u0000\\n\\\"\\\\\"",
		"\"\\u12\"",
		"\"\\q\"",
		"\"open",
		"\\ud83d",
		"\"\\",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char *repaired;
		struct slice got = bizmail_json_repair(slice_text(cases[i]), &repaired);

		if (repaired != NULL || got.data != cases[i] || got.size != strlen(cases[i]))
			fail_msg("row %zu: was changed", i);
	}
}

static void test_byte_order_mark_goes_without_a_copy(void **state)
{
	char *repaired;
	struct slice got = bizmail_json_repair(SLICE_LITERAL("\xEF\xBB\xBF{}"), &repaired);

	(void)state;
	assert_null(repaired);
	assert_true(slice_is(got, "{}"));
}

static void test_nothing_but_bad_bytes(void **state)
{
	enum {
		SIZE = 1024 * 1024
	};
	char *bad = memory_alloc(SIZE);
	char *repaired;
	struct slice got;

	(void)state;
	memset(bad, 0x01, SIZE);
	bad[0] = '"';
	got = bizmail_json_repair(slice_of(bad, SIZE), &repaired);
	assert_int_equal(got.size, 1 + 6 * (SIZE - 1));
	free(repaired);
	free(bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repair),
		cmocka_unit_test(test_clean_text_is_not_copied),
		cmocka_unit_test(test_byte_order_mark_goes_without_a_copy),
		cmocka_unit_test(test_nothing_but_bad_bytes),
	};

	return cmocka_run_group_tests_name("bizmail_repair", tests, NULL, NULL);
}
