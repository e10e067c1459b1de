/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "head.h"
#include "repostal/memory.h"

static void test_heads(void **state)
{
	static const struct {
		const char *name;
		const char *head;
		const char *method, *path, *query, *authorization, *first, *last;
	} cases[] = {
		{ "a path", "POST /a/b HTTP/1.1\r\n\r\n", "POST", "/a/b", "", "", NULL, NULL },
		{ "a query", "POST /a?token=b?c HTTP/1.1\r\n\r\n", "POST", "/a", "token=b?c", "",
			NULL, NULL },
		{ "absolute form", "POST http://h/a?b HTTP/1.1\r\n\r\n", "POST", "/a", "b", "",
			NULL, NULL },
		{ "absolute form without a path", "GET https://h HTTP/1.1\r\n\r\n", "GET", "/", "",
			"", NULL, NULL },
		{ "an empty line in front", "\r\nPOST /a HTTP/1.1\r\n\r\n", "POST", "/a", "", "",
			NULL, NULL },
		{ "credentials", "POST /a HTTP/1.1\r\naUTHORIZATION:  Bearer a \r\n\r\n", "POST",
			"/a", "", "Bearer a", NULL, NULL },
		{ "the first of several",
			"POST /a HTTP/1.1\nAuthorization: b\nAuthorization: c\n\n", "POST", "/a",
			"", "b", NULL, NULL },
		{ "addresses",
			"GET / HTTP/1.1\r\nX-Forwarded-For: a, b\r\nx-forwarded-for: c\r\n\r\n",
			"GET", "/", "", "", "a, b", "c" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct slice lines[HEAD_LINES_MAX];
		struct http_request request;
		struct http_lines *addresses = &request.forwarded_for;

		head_read(slice_text(cases[i].head), lines, &request);
		if (!slice_is(request.method, cases[i].method) ||
			!slice_is(request.path, cases[i].path) ||
			!slice_is(request.query, cases[i].query) ||
			!slice_is(request.authorization, cases[i].authorization))
			fail_msg("%s", cases[i].name);
		if (cases[i].first == NULL
				? addresses->count != 0
				: !slice_is(addresses->list[0], cases[i].first) ||
					  !slice_is(addresses->list[addresses->count - 1],
						  cases[i].last))
			fail_msg("%s: its addresses", cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_heads) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
