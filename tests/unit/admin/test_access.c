/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "access.h"
#include "repostal/memory.h"

static void test_tokens(void **state)
{
	static const struct {
		const char *token, *authorization;
		bool want;
	} cases[] = {
		{ "secret", "Bearer secret", true },
		{ "secret", "bearer   secret ", true },
		{ "secret", "BEARER secret", true },
		{ "secret", "Bearer secre", false },
		{ "secret", "Bearer secretx", false },
		{ "secret", "Bearer Secret", false },
		{ "secret", "Bearer", false },
		{ "secret", "Basic secret", false },
		{ "secret", "secret", false },
		{ "secret", "", false },
		{ NULL, "Bearer ", false },
		{ NULL, "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (access_has_token(cases[i].token, slice_text(cases[i].authorization)) !=
			cases[i].want)
			fail_msg("'%s'", cases[i].authorization);
}

static void test_browsers(void **state)
{
	static const struct {
		const char *host, *origin, *fetch_site;
		bool is_taken;
	} cases[] = {
		{ "127.0.0.1:8026", "", "", true },
		{ "127.0.0.1", "", "", true },
		{ "[::1]:8026", "", "", true },
		{ "[::1]", "http://[::1]", "", true },
		{ "localhost:8026", "http://localhost:8026", "same-origin", true },
		{ "LocalHost:8026", "http://localhost:8026", "none", true },
		{ "10.0.0.1", "", "", true },
		{ "127.0.0.1:8026", "https://127.0.0.1:8026", "", true },
		{ "", "", "", false },
		{ "repostal.example", "", "", false },
		{ "localhost.example", "", "", false },
		{ "127.0.0.1.example", "", "", false },
		{ "[::1", "", "", true },
		{ "[]", "", "", false },
		{ "127.0.0.1:8026", "http://127.0.0.1:8027", "", false },
		{ "127.0.0.1:8026", "http://127.0.0.1", "", false },
		{ "127.0.0.1:8026", "http://evil.example", "", false },
		{ "127.0.0.1:8026", "null", "", false },
		{ "127.0.0.1:8026", "127.0.0.1:8026", "", false },
		{ "127.0.0.1:8026", "", "cross-site", false },
		{ "127.0.0.1:8026", "", "same-site", false },
		{ "127.0.0.1:8026", "http://127.0.0.1:8026", "Cross-Site", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct access_headers headers = {
			.host = slice_text(cases[i].host),
			.origin = slice_text(cases[i].origin),
			.fetch_site = slice_text(cases[i].fetch_site),
		};

		if ((access_refuse_browser(&headers) == NULL) != cases[i].is_taken)
			fail_msg("host '%s', origin '%s', site '%s'", cases[i].host,
				cases[i].origin, cases[i].fetch_site);
	}
}

static void test_content_types(void **state)
{
	static const struct {
		const char *text;
		bool is_json;
	} cases[] = {
		{ "application/json", true },
		{ "Application/JSON; charset=utf-8", true },
		{ "application/jsonx", false },
		{ "text/plain", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (access_is_json(slice_text(cases[i].text)) != cases[i].is_json)
			fail_msg("'%s'", cases[i].text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_browsers),
		cmocka_unit_test(test_content_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
