/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "repostal/cause.h"
#include "repostal/memory.h"
#include "repostal/text.h"

static struct target_header headers[] = {
	{ .name = (char[]){ "X-Api-Key" }, .value = (char[]){ "app-key-1" } },
	{ .name = (char[]){ "X-Longer" }, .value = (char[]){ "app-key-1-and-more" } },
	{ .name = (char[]){ "X-Short" }, .value = (char[]){ "not" } },
};
static const struct target_settings settings = {
	.url = (char[]){ "https://app.example/postal?x=a:b@c" },
	.headers = headers,
	.headers_count = ARRAY_COUNT(headers),
};
static const struct target_settings with_password = {
	.url = (char[]){ "https://user:pa@ssword@app.example/" }
};
static const struct target_settings without_password = { .url = (char[]){
								 "https://user@app.example/" } };

static void test_causes_in_words(void **state)
{
	static const struct {
		const char *name;
		struct cause cause;
		const char *want;
	} cases[] = {
		{ "refused", { CAUSE_CONNECT, .peer = "127.0.0.1:3000", .os_error = ECONNREFUSED },
			"connection refused by 127.0.0.1:3000" },
		{ "refused by an unknown peer", { CAUSE_CONNECT, .os_error = ECONNREFUSED },
			"connection refused by the receiver" },
		{ "reset", { CAUSE_CONNECT, .peer = "[::1]:3000", .os_error = ECONNRESET },
			"connection reset by [::1]:3000" },
		{ "no route", { CAUSE_CONNECT, .peer = "10.0.0.1:80", .os_error = EHOSTUNREACH },
			"no route to 10.0.0.1:80" },
		{ "network", { CAUSE_CONNECT, .peer = "10.0.0.1:80", .os_error = ENETUNREACH },
			"no connection to 10.0.0.1:80: Network is unreachable" },
		{ "no errno", { CAUSE_CONNECT, .peer = "10.0.0.1:80", .detail = "odd" },
			"no connection to 10.0.0.1:80: odd" },
		{ "name", { CAUSE_NAME, .detail = "app.example" }, "name not found: app.example" },
		{ "name server", { CAUSE_NAME_TIMEOUT, .limit_ms = 2000 },
			"no answer of the name server within 2s" },
		{ "connect timeout",
			{ CAUSE_CONNECT_TIMEOUT, .peer = "10.0.0.1:80", .limit_ms = 500 },
			"no connection to 10.0.0.1:80 within 500ms" },
		{ "TLS timeout", { CAUSE_TLS_TIMEOUT, .peer = "10.0.0.1:443", .limit_ms = 2000 },
			"no TLS handshake with 10.0.0.1:443 within 2s" },
		{ "timeout", { CAUSE_ANSWER_TIMEOUT, .limit_ms = 5000 }, "no answer within 5s" },
		{ "certificate", { CAUSE_TLS, .detail = "certificate has expired" },
			"certificate has expired" },
		{ "proxy", { CAUSE_PROXY, .http_status = 403, .peer = "127.0.0.1:3128" },
			"HTTP 403 by the proxy 127.0.0.1:3128" },
		{ "closed", { CAUSE_CLOSED, .peer = "127.0.0.1:3000" },
			"connection closed without an answer by 127.0.0.1:3000" },
		{ "broken", { CAUSE_BROKEN, .peer = "127.0.0.1:3000", .detail = "Broken pipe" },
			"connection lost to 127.0.0.1:3000: Broken pipe" },
		{ "denied", { CAUSE_DENIED, .peer = "169.254.169.254" },
			"address 169.254.169.254 is denied by egress.deny" },
		{ "our own", { CAUSE_OWN, .peer = "127.0.0.1" },
			"address 127.0.0.1 is this gateway itself at that port: a target must be "
			"another server" },
		{ "interrupted", { .kind = CAUSE_INTERRUPTED },
			"the gateway was stopped before an answer came" },
		{ "other", { CAUSE_OTHER, .detail = "HTTP/0.9" }, "no valid answer: HTTP/0.9" },
		{ "other, no detail", { .kind = CAUSE_OTHER }, "no valid answer" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[CAUSE_SIZE];

		print_message("case: %s\n", cases[i].name);
		cause_print(&cases[i].cause, NULL, text);
		assert_string_equal(text, cases[i].want);
	}
}

static void test_an_answer_gives_its_first_line_clean_and_without_secrets(void **state)
{
	static const struct {
		const char *name;
		const struct target_settings *settings;
		const char *answer;
		const char *want;
	} cases[] = {
		{ "nothing", NULL, "", "HTTP 404" },
		{ "one line", NULL, "no such route", "HTTP 404: no such route" },
		{ "first of two", NULL, "first\r\nsecond", "HTTP 404: first" },
		{ "empty lines before", NULL, "\r\n \n\tfirst \n", "HTTP 404: first" },
		{ "only empty lines", NULL, "\n\n", "HTTP 404" },
		{ "escape sequence", NULL, "a\x1b[31mb", "HTTP 404: a\\x1b[31mb" },
		{ "C1 control", NULL,
			"a\xc2\x9b"
			"b",
			"HTTP 404: a\\xc2\\x9bb" },
		{ "not UTF-8", NULL,
			"a\xff"
			"b",
			"HTTP 404: a\\xffb" },
		{ "UTF-8", NULL, "caf\xc3\xa9", "HTTP 404: caf\xc3\xa9" },
		{ "header value", &settings, "key app-key-1 is bad", "HTTP 404: key *** is bad" },
		{ "longest secret", &settings, "app-key-1-and-more", "HTTP 404: ***" },
		{ "short value stays", &settings, "not found", "HTTP 404: not found" },
		{ "password", &with_password, "user:pa@ssword", "HTTP 404: user:***" },
		{ "no password", &without_password, "user@app", "HTTP 404: user@app" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct cause cause = {
			.kind = CAUSE_ANSWER,
			.http_status = 404,
			.answer = slice_text(cases[i].answer),
		};
		char text[CAUSE_SIZE];

		print_message("case: %s\n", cases[i].name);
		cause_print(&cause, cases[i].settings, text);
		assert_string_equal(text, cases[i].want);
	}
}

/* Whatever is in it, and wherever it is cut: valid UTF-8, in one line, with dots at its end. */
static void test_a_long_answer_is_cut(void **state)
{
	static const char *const fillings[] = { "a", "\xc3\xa9", "\xf0\x9f\x98\x80", "\x01",
		"\xc2\x9b" };
	char answer[2 * CAUSE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(fillings); i++)
		for (size_t shift = 0; shift < 9; shift++) {
			size_t size = shift, step = strlen(fillings[i]);
			struct cause cause = { .kind = CAUSE_ANSWER, .http_status = 500 };
			char text[CAUSE_SIZE];

			memset(answer, 'x', shift);
			for (; size + step <= sizeof(answer); size += step)
				memcpy(answer + size, fillings[i], step);
			cause.answer = slice_of(answer, size);
			cause_print(&cause, NULL, text);
			assert_in_range(strlen(text), CAUSE_SIZE - 16, CAUSE_SIZE - 1);
			assert_true(text_is_utf8(slice_text(text)));
			assert_string_equal(text + strlen(text) - 3, "...");
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_causes_in_words),
		cmocka_unit_test(test_an_answer_gives_its_first_line_clean_and_without_secrets),
		cmocka_unit_test(test_a_long_answer_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
