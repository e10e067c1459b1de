/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_values.h"

enum {
	FOUND_SIZE = 512,
	DEEP = 1000,
	LINES = 20000
};

/* "1:object 2:other ..." */
static void describe(const char *text, char out[FOUND_SIZE])
{
	static const char *const names[] = {
		[JSON_VALUE_OBJECT] = "object",
		[JSON_VALUE_OTHER] = "other",
		[JSON_VALUE_BROKEN] = "broken",
	};
	enum json_value_found found;
	struct json_values values;
	struct slice value;
	size_t size = 0;
	int64_t line;

	out[0] = '\0';
	json_values_init(&values, slice_text(text));
	while ((found = json_values_next(&values, &value, &line)) != JSON_VALUE_END)
		size += (size_t)snprintf(out + size, FOUND_SIZE - size, "%s%lld:%s",
			size == 0 ? "" : " ", (long long)line, names[found]);
}

static void test_values(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
		{ "nothing", "", "" },
		{ "white space", " \r\n\t", "" },
		{ "only a byte order mark", "\xef\xbb\xbf", "" },
		{ "a byte order mark", "\xef\xbb\xbf{}", "1:object" },
		{ "one", "{\"a\":1}", "1:object" },
		{ "concatenated", "{}{\"a\":{}}{}", "1:object 1:object 1:object" },
		{ "one a line", "{}\n{}\r\n\n{}\n", "1:object 2:object 4:object" },
		{ "over lines", "{\n \"a\": {\n  \"b\": []\n }\n}\n{\n}", "1:object 6:object" },
		{ "brackets in a string", "{\"a\":\"}{[\"}{}", "1:object 1:object" },
		{ "escaped quotes", "{\"a\":\"\\\"}\\\\\"}{}", "1:object 1:object" },
		{ "bad bytes", "{\"a\":\"\xff\xfe\x01\"}\n{}", "1:object 2:object" },
		{ "newline in a string", "{\"a\":\"x\ny\"}\n{}", "1:object 3:object" },
		{ "an array", "[1,[2]]{}", "1:other 1:object" },
		{ "objects on lines of an array", "[\n{},\n{}\n]\n{}", "1:other 5:object" },
		{ "an object on a line of its own", "{\"a\":\n{}\n}{}", "1:object 3:object" },
		{ "other text", "hello {}\nworld\n{}", "1:other 1:object 2:other 3:object" },
		{ "surplus bracket", "{}}\n{}", "1:object 1:other 2:object" },
		{ "no end", "{\"a\":1", "1:broken" },
		{ "no end of a string", "{\"a", "1:broken" },
		{ "a backslash at the end", "{\"\\", "1:broken" },
		{ "a forgotten bracket", "{\"a\":{\n{\"b\":1}\n{}", "1:broken 2:object 3:object" },
		{ "a forgotten quote", "{\"a\":\"b}\n{\"c\":\"d\"}\n", "1:broken 2:object" },
		{ "two forgotten quotes", "{\"a}\n{\"b}\n{}", "1:broken 2:broken 3:object" },
		{ "a forgotten end after a comma", "{\"a\":1,\n{}\n{}",
			"1:broken 2:object 3:object" },
		{ "broken with lines of its own", "{\"a\":\"\n b\n}\n{}", "1:broken 4:object" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[FOUND_SIZE];

		describe(cases[i].text, got);
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].name, got, cases[i].want);
	}
}

static void test_value_is_cut_out(void **state)
{
	static const char text[] = " {\"a\":1} \n[2] x";
	static const char *const want[] = { "{\"a\":1}", "[2]", "x" };
	struct json_values values;
	struct slice value;
	int64_t line;

	(void)state;
	json_values_init(&values, slice_text(text));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_not_equal(json_values_next(&values, &value, &line), JSON_VALUE_END);
		assert_int_equal(value.size, strlen(want[i]));
		assert_memory_equal(value.data, want[i], value.size);
	}
	assert_int_equal(json_values_next(&values, &value, &line), JSON_VALUE_END);
}

static void test_too_deep(void **state)
{
	char text[2 * DEEP + 4];
	char got[FOUND_SIZE];

	(void)state;
	memset(text, '[', DEEP);
	memset(text + DEEP, ']', DEEP);
	memcpy(text + 2 * DEEP, "\n{}", 4);
	describe(text, got);
	assert_string_equal(got, "1:broken 2:object");
}

/* Each would be scanned to the end of the text if depth and stray starts did not stop it. */
static void test_many_broken_lines(void **state)
{
	static const char *const lines[] = { "{\"a\":[\n", "{\"a\n", "{\"a\":1,\n", "{\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t size = strlen(lines[i]);
		char *text = malloc(LINES * size);
		struct json_values values;
		struct slice value;
		int64_t line;
		int count = 0;

		assert_non_null(text);
		for (size_t at = 0; at < LINES; at++)
			memcpy(text + at * size, lines[i], size);
		json_values_init(&values, slice_of(text, LINES * size));
		while (json_values_next(&values, &value, &line) == JSON_VALUE_BROKEN)
			count++;
		if (count != LINES)
			fail_msg("line %zu: %d broken", i, count);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_value_is_cut_out),
		cmocka_unit_test(test_too_deep),
		cmocka_unit_test(test_many_broken_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
