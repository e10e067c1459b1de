/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "deadline.h"
#include "repostal/memory.h"

static void test_deadlines(void **state)
{
	static const struct http_limits limits = { .request_ms = 10000, .linger_ms = 2000 };
	static const struct {
		const char *name;
		enum http_state state;
		int64_t since_ms, now_ms;
		bool want;
	} cases[] = {
		{ "just accepted", HTTP_READING, 5000, 5000, false },
		{ "reading, the last moment", HTTP_READING, 5000, 14999, false },
		{ "reading too long", HTTP_READING, 5000, 15000, true },
		{ "writing, the last moment", HTTP_WRITING, 5000, 14999, false },
		{ "writing too long", HTTP_WRITING, 5000, 15000, true },
		{ "a farewell that nobody reads", HTTP_CLOSING, 5000, 15000, true },
		{ "a farewell", HTTP_CLOSING, 5000, 14999, false },
		{ "lingering, the last moment", HTTP_LINGERING, 5000, 6999, false },
		{ "lingering too long", HTTP_LINGERING, 5000, 7000, true },
		{ "waiting for the disk", HTTP_WAITING, 5000, INT64_MAX, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (http_is_overdue(cases[i].state, cases[i].since_ms, cases[i].now_ms, &limits) !=
			cases[i].want)
			fail_msg("%s", cases[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_deadlines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
