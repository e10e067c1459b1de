/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "repostal/random.h"

enum {
	ROLLS = 100000
};

static void test_unit_is_spread_evenly(void **state)
{
	int tenths[10] = { 0 };

	(void)state;
	for (int i = 0; i < ROLLS; i++) {
		double number = random_unit();

		assert_true(number >= 0 && number < 1);
		tenths[(int)(number * 10)]++;
	}
	/* Ten standard deviations: a fair generator never leaves them. */
	for (int i = 0; i < 10; i++)
		assert_in_range(tenths[i], ROLLS / 10 - 950, ROLLS / 10 + 950);
}

static void test_every_bit_changes(void **state)
{
	uint32_t ones = 0;
	uint32_t zeros = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint32_t number = random_u32();

		ones |= number;
		zeros |= ~number;
	}
	assert_int_equal(ones, UINT32_MAX);
	assert_int_equal(zeros, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unit_is_spread_evenly),
		cmocka_unit_test(test_every_bit_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
