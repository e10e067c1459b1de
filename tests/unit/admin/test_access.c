/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

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

static void test_who_may_do_what(void **state)
{
	static const struct {
		const char *name;
		const char *token, *read_token;
		bool is_loopback, is_local, is_change, is_open;
		const char *authorization, *origin;
		enum access_verdict want;
		const char *refusal; /* a part of it */
	} cases[] = {
		{ "the socket", "t", "r", false, true, true, false, "", "", ACCESS_GRANTED, "" },
		{ "the socket, whatever it says", "t", NULL, false, true, true, false, "Bearer x",
			"http://evil.example", ACCESS_GRANTED, "" },
		{ "the token", "t", "r", false, false, true, false, "Bearer t", "", ACCESS_GRANTED,
			"" },
		{ "the token from a page", "t", NULL, true, false, true, false, "Bearer t",
			"http://evil.example", ACCESS_GRANTED, "" },
		{ "another token", "t", "r", true, false, false, false, "Bearer x", "",
			ACCESS_UNAUTHORIZED, "" },
		{ "no token where one is set", "t", NULL, true, false, false, false, "", "",
			ACCESS_UNAUTHORIZED, "" },
		{ "the read token looks", "t", "r", false, false, false, false, "Bearer r", "",
			ACCESS_GRANTED, "" },
		{ "the read token changes", "t", "r", true, false, true, false, "Bearer r", "",
			ACCESS_FORBIDDEN, "admin.read_token may look" },
		{ "a read token alone is asked for", NULL, "r", true, false, false, false, "", "",
			ACCESS_UNAUTHORIZED, "" },
		{ "a read token alone", NULL, "r", true, false, false, false, "Bearer r", "",
			ACCESS_GRANTED, "" },
		{ "a read token alone changes nothing", NULL, "r", true, false, true, false,
			"Bearer r", "", ACCESS_FORBIDDEN, "needs admin.token" },
		{ "looking on loopback", NULL, NULL, true, false, false, false, "", "",
			ACCESS_GRANTED, "" },
		{ "changing on loopback", NULL, NULL, true, false, true, false, "", "",
			ACCESS_FORBIDDEN, "set admin.token" },
		{ "looking from a page", NULL, NULL, true, false, false, false, "",
			"http://evil.example", ACCESS_FORBIDDEN, "a page from elsewhere" },
		{ "metrics on loopback", "t", "r", true, false, false, true, "", "", ACCESS_GRANTED,
			"" },
		{ "metrics from a page", "t", NULL, true, false, false, true, "",
			"http://evil.example", ACCESS_FORBIDDEN, "a page from elsewhere" },
		{ "metrics elsewhere", "t", NULL, false, false, false, true, "", "",
			ACCESS_UNAUTHORIZED, "" },
		{ "metrics elsewhere with the read token", "t", "r", false, false, false, true,
			"Bearer r", "", ACCESS_GRANTED, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct access_rules rules = {
			.token = cases[i].token,
			.read_token = cases[i].read_token,
			.is_loopback = cases[i].is_loopback,
		};
		const struct access_request request = {
			.is_local = cases[i].is_local,
			.is_change = cases[i].is_change,
			.is_open = cases[i].is_open,
			.authorization = slice_text(cases[i].authorization),
			.headers = { .host = slice_text("127.0.0.1:8026"),
				.origin = slice_text(cases[i].origin) },
		};
		const char *refusal;

		if (access_judge(&rules, &request, &refusal) != cases[i].want ||
			strstr(refusal == NULL ? "" : refusal, cases[i].refusal) == NULL)
			fail_msg("%s", cases[i].name);
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
		cmocka_unit_test(test_who_may_do_what),
		cmocka_unit_test(test_content_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
