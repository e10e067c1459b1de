/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/client/api_url.h"
#include "repostal/memory.h"

static void expect(const char *name, struct buf *got, const char *want)
{
	if (!slice_is(buf_slice(got), want))
		fail_msg("%s: got '%s', want '%s'", name, got->data, want);
	buf_reset(got);
}

static void test_origin(void **state)
{
	static const struct {
		const char *address;
		int port;
		const char *want;
	} cases[] = {
		{ "127.0.0.1", 8026, "http://127.0.0.1:8026" },
		{ "0.0.0.0", 1, "http://127.0.0.1:1" },
		{ "::", 65535, "http://[::1]:65535" },
		{ "::1", 8026, "http://[::1]:8026" },
		{ "2001:db8::7", 8026, "http://[2001:db8::7]:8026" },
		{ "10.1.2.3", 8026, "http://10.1.2.3:8026" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, API_TARGET_SIZE_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		api_append_origin(&out, cases[i].address, cases[i].port);
		expect(cases[i].address, &out, cases[i].want);
	}
	buf_free(&out);
}

static void test_encoded(void **state)
{
	static const struct {
		const char *name;
		struct slice text;
		const char *want;
	} cases[] = {
		{ "unreserved", SLICE_LITERAL("AZaz09-._~"), "AZaz09-._~" },
		{ "empty", SLICE_LITERAL(""), "" },
		{ "an address", SLICE_LITERAL("a+b@x.y"), "a%2Bb%40x.y" },
		{ "what ends a parameter", SLICE_LITERAL("a&b=c#d?e;f"), "a%26b%3Dc%23d%3Fe%3Bf" },
		{ "what ends a segment", SLICE_LITERAL("../x/y"), "..%2Fx%2Fy" },
		{ "what was encoded", SLICE_LITERAL("%41"), "%2541" },
		{ "NUL, newline and high bytes", SLICE_LITERAL("\0\n\xc3\xa4"), "%00%0A%C3%A4" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, API_TARGET_SIZE_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		api_append_encoded(&out, cases[i].text);
		if (cases[i].text.size > 0)
			expect(cases[i].name, &out, cases[i].want);
		assert_int_equal(out.size, 0);
	}
	buf_free(&out);
}

static void test_parameters(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, API_TARGET_SIZE_MAX);
	api_append_parameter(&out, "target", "app");
	api_append_parameter(&out, "message_id", "a b&limit=1@x");
	api_append_parameter(&out, "state", "dead,held");
	expect("three", &out, "target=app&message_id=a%20b%26limit%3D1%40x&state=dead%2Cheld");
	buf_free(&out);
}

static void test_too_long(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 16);
	api_append_parameter(&out, "recipient", "somebody@example.com");
	assert_true(out.overflowed);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_encoded),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
