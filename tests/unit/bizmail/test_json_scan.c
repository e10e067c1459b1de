/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "json_scan.h"
#include "repostal/buf.h"
#include "repostal/memory.h"

/* "name=value" of each member, one after the other; what is neither text nor number as "?". */
static void note_member(void *context, const struct json_scan_member *member)
{
	struct buf *seen = context;
	char decoded[256];

	buf_append(seen, decoded, json_scan_decode(member->name, decoded));
	buf_append_char(seen, '=');
	if (member->kind == JSON_SCAN_STRING)
		buf_append(seen, decoded, json_scan_decode(member->value, decoded));
	else if (member->kind == JSON_SCAN_NUMBER)
		buf_append(seen, member->value.data, member->value.size);
	else
		buf_append_char(seen, '?');
	buf_append_char(seen, ';');
}

static void test_members(void **state)
{
	static const struct {
		const char *text;
		const char *want; /* NULL: not valid, or no object */
	} cases[] = {
		{ "{}", "" },
		{ " {\t} \r\n", "" },
		{ "{\"a\":\"b\"}", "a=b;" },
		{ "{\"a\" : \"b\" , \"c\" : 1}", "a=b;c=1;" },
		{ "{\"a\":-0.5e+10,\"b\":0}", "a=-0.5e+10;b=0;" },
		{ "{\"a\":true,\"b\":false,\"c\":null,\"d\":[],\"e\":{}}", "a=?;b=?;c=?;d=?;e=?;" },
		{ "{\"a\":[1,[2,{\"x\":\"}]\"}],\"]\"],\"b\":1}", "a=?;b=1;" },
		{ "{\"\\u0061\":\"\\u00e9\\ud83d\\ude42\\n\\/\\\\\\\"\"}",
			"a=\xc3\xa9\xf0\x9f\x99\x82\n/\\\";" },
		{ "{\"a\":\"\\ud83d\"}", "a=\xef\xbf\xbd;" },
		{ "{\"a\":\"\\ude42\\ud83dx\"}", "a=\xef\xbf\xbd\xef\xbf\xbdx;" },
		{ "{\"a\":1,\"a\":2}", "a=1;a=2;" },
		{ "[]", NULL },
		{ "1", NULL },
		{ "", NULL },
		{ "{", NULL },
		{ "{\"a\"}", NULL },
		{ "{\"a\":}", NULL },
		{ "{\"a\":1,}", NULL },
		{ "{,\"a\":1}", NULL },
		{ "{\"a\":1 \"b\":2}", NULL },
		{ "{a:1}", NULL },
		{ "{\"a\":01}", NULL },
		{ "{\"a\":+1}", NULL },
		{ "{\"a\":1.}", NULL },
		{ "{\"a\":.1}", NULL },
		{ "{\"a\":1e}", NULL },
		{ "{\"a\":-}", NULL },
		{ "{\"a\":NaN}", NULL },
		{ "{\"a\":tru}", NULL },
		{ "{\"a\":truex}", NULL },
		{ "{\"a\":\"\\x\"}", NULL },
		{ "{\"a\":\"\\u12g4\"}", NULL },
		{ "{\"a\":\"\\u12\"}", NULL },
		{ "{\"a\":\"\n\"}", NULL },
		{ "{\"a\":\"b}", NULL },
		{ "{\"a\":\"b\\\"}", NULL },
		{ "{\"a\":[1,]}", NULL },
		{ "{\"a\":[}", NULL },
		{ "{\"a\":[1}", NULL },
		{ "{} {}", NULL },
		{ "{}x", NULL },
		{ "/**/{}", NULL },
	};
	struct buf seen;
	int line;

	(void)state;
	buf_init(&seen, 1024);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		enum json_scan_result result;

		buf_reset(&seen);
		result = json_scan(slice_text(cases[i].text), note_member, &seen, &line);
		if ((result == JSON_SCAN_OBJECT) != (cases[i].want != NULL))
			fail_msg("%s: result %d", cases[i].text, (int)result);
		if (cases[i].want != NULL && !slice_is(buf_slice(&seen), cases[i].want))
			fail_msg("%s: %s", cases[i].text, seen.data);
	}
	buf_free(&seen);
}

static void test_lines(void **state)
{
	struct buf seen;
	int line = 0;

	(void)state;
	buf_init(&seen, 1024);
	assert_int_equal(json_scan(SLICE_LITERAL("{\n\"a\":1,\n!}"), note_member, &seen, &line),
		JSON_SCAN_INVALID);
	assert_int_equal(line, 3);
	buf_free(&seen);
}

static enum json_scan_result scan_nested(size_t depth)
{
	char *text = memory_alloc(2 * depth + 8);
	enum json_scan_result result;
	struct buf seen;
	int line;

	memcpy(text, "{\"a\":", 5);
	memset(text + 5, '[', depth);
	memset(text + 5 + depth, ']', depth);
	text[5 + 2 * depth] = '}';
	buf_init(&seen, 1024);
	result = json_scan(slice_of(text, 6 + 2 * depth), note_member, &seen, &line);
	buf_free(&seen);
	free(text);
	return result;
}

static void test_depth(void **state)
{
	(void)state;
	assert_int_equal(scan_nested(1), JSON_SCAN_OBJECT);
	assert_int_equal(scan_nested(JSON_SCAN_DEPTH_MAX - 1), JSON_SCAN_OBJECT);
	assert_int_equal(scan_nested(JSON_SCAN_DEPTH_MAX), JSON_SCAN_INVALID);
	assert_int_equal(scan_nested(100000), JSON_SCAN_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
