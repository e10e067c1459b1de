/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repostal/memory.h"
#include "repostal/url.h"

enum {
	URL_SIZE_MAX = 4096
};

static void expect(const char *name, struct buf *got, const char *want)
{
	if (!slice_is(buf_slice(got), want))
		fail_msg("%s: got '%s', want '%s'", name, got->data, want);
	buf_reset(got);
}

static void test_parts(void **state)
{
	static const struct {
		const char *url;
		const char *parts[8]; /* in the order of the enum */
	} cases[] = {
		{ "http://app.example.com", { "http", NULL, NULL, "app.example.com", NULL, "/" } },
		{ "HTTPS://a:b%3A@h:8443/p/q?r=s#t",
			{ "https", "a", "b%3A", "h", "8443", "/p/q", "r=s", "t" } },
		{ "http://user@[::1]:3000/?x",
			{ "http", "user", NULL, "[::1]", "3000", "/", "x" } },
		{ "socks5://10.0.0.1:1080", { "socks5", NULL, NULL, "10.0.0.1", "1080", "/" } },
	};
	struct buf out;

	(void)state;
	buf_init(&out, URL_SIZE_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct url *url = url_parse(cases[i].url);

		if (url == NULL)
			fail_msg("%s is no URL", cases[i].url);
		for (int part = 0; part < 8; part++) {
			const char *want = cases[i].parts[part];

			if (url_append_part(url, (enum url_part)part, &out) != (want != NULL))
				fail_msg("%s: part %d", cases[i].url, part);
			if (want != NULL)
				expect(cases[i].url, &out, want);
		}
		url_free(&url);
	}
	buf_free(&out);
}

static void test_what_is_none(void **state)
{
	static const char *const texts[] = { "", "x", "/path", "http://", "http://a b/",
		"http://h:x/", "http://h:65536/", "http://[::1/", "h\nttp://h/" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		if (url_parse(texts[i]) != NULL)
			fail_msg("'%s' was taken", texts[i]);
}

static void test_parameters_of_a_url(void **state)
{
	static const struct {
		const char *url;
		const char *value;
		const char *want;
	} cases[] = {
		{ "http://h", "t", "http://h/?token=t" },
		{ "http://h/p", "a b&c", "http://h/p?token=a%20b%26c" },
		{ "http://h/p?q=r", "%", "http://h/p?q=r&token=%25" },
		{ "http://u:w@h:1/p?", "t", "http://u:w@h:1/p?token=t" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, URL_SIZE_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct url *url = url_parse(cases[i].url);

		assert_non_null(url);
		assert_true(url_add_parameter(url, "token", cases[i].value));
		url_append(url, &out);
		expect(cases[i].url, &out, cases[i].want);
		url_free(&url);
	}
	buf_free(&out);
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
	buf_init(&out, URL_SIZE_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		url_append_origin(&out, "http", cases[i].address, cases[i].port);
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
	buf_init(&out, URL_SIZE_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		url_append_encoded(&out, cases[i].text);
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
	buf_init(&out, URL_SIZE_MAX);
	url_append_parameter(&out, "target", "app");
	url_append_parameter(&out, "message_id", "a b&limit=1@x");
	url_append_parameter(&out, "state", "dead,held");
	expect("three", &out, "target=app&message_id=a%20b%26limit%3D1%40x&state=dead%2Cheld");
	buf_free(&out);
}

static void test_too_long(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 16);
	url_append_parameter(&out, "recipient", "somebody@example.com");
	assert_true(out.overflowed);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_parameters_of_a_url),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_encoded),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
