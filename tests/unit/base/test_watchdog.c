/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repostal/memory.h"
#include "repostal/watchdog.h"

static const struct {
	const char *name;
	const char *usec, *pid;
	int64_t want_ms;
} cases[] = {
	{ "nobody asks", NULL, NULL, 0 },
	{ "every quarter of the time", "60000000", NULL, 15000 },
	{ "this process is meant", "60000000", "17", 15000 },
	{ "another one is meant", "60000000", "18", 0 },
	{ "very short", "1000", NULL, 1 },
	{ "nothing", "", NULL, 0 },
	{ "zero", "0", NULL, 0 },
	{ "not a number", "soon", NULL, 0 },
	{ "negative", "-1", NULL, 0 },
	{ "not a process", "60000000", "x", 0 },
};

static void test_interval(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t got_ms = watchdog_interval_ms(cases[i].usec, cases[i].pid, 17);

		if (got_ms != cases[i].want_ms)
			fail_msg("%s: got %lld, want %lld", cases[i].name, (long long)got_ms,
				(long long)cases[i].want_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
