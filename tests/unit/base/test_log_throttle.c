/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "repostal/log_throttle.h"
#include "repostal/memory.h"

/* Each row: so many lines at this time, and then a look at what there is to tell. */
static void test_throttle(void **state)
{
	enum {
		MAX = LOG_THROTTLE_LINES_PER_S
	};

	static const struct {
		const char *name;
		int64_t at_ms;
		int lines;
		int passed;
		int64_t due_ms; /* before the look */
		int64_t told;
	} cases[] = {
		{ "at the limit nothing is left out", 10000, MAX, MAX, INT64_MAX, 0 },
		{ "beyond it in the same second", 10999, 7, 0, 11000, 0 },
		{ "the second is over: told without a line", 11000, 0, 0, 11000, 7 },
		{ "told once", 11001, 0, 0, INT64_MAX, 0 },
		{ "a second begins with its first line", 11500, MAX + 3, MAX, 12500, 0 },
		{ "and not with the clock's", 12499, 1, 0, 12500, 0 },
		{ "much later", 99000, 0, 0, 12500, 4 },
		{ "room again", 99000, 1, 1, INT64_MAX, 0 },
	};
	struct log_throttle throttle = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t due_ms, told;
		int passed = 0;

		for (int n = 0; n < cases[i].lines; n++)
			passed += log_throttle_pass(&throttle, cases[i].at_ms);
		due_ms = log_throttle_due_ms(&throttle);
		told = log_throttle_take(&throttle, cases[i].at_ms);
		if (passed != cases[i].passed || due_ms != cases[i].due_ms || told != cases[i].told)
			fail_msg("%s: passed %d, due %lld, told %lld", cases[i].name, passed,
				(long long)due_ms, (long long)told);
	}
}

/* Whatever the times, each line is either written or told. */
static void test_nothing_is_forgotten(void **state)
{
	struct log_throttle throttle = { 0 };
	int64_t now_ms = 0, written = 0, told = 0;
	int64_t lines = 0;

	(void)state;
	for (; lines < 100000; lines++) {
		now_ms += lines % 97 == 0 ? lines % 1300 : 0;
		told += log_throttle_take(&throttle, now_ms);
		written += log_throttle_pass(&throttle, now_ms);
	}
	told += log_throttle_take(&throttle, INT64_MAX);
	assert_int_equal(written + told, lines);
	assert_true(told > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_throttle),
		cmocka_unit_test(test_nothing_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
