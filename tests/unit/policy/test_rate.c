/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "repostal/memory.h"
#include "repostal/rate.h"

enum {
	SECOND_US = 1000 * 1000
};

static int take_all(struct rate *rate, int64_t now_us)
{
	int taken = 0;

	while (taken < 1000 && rate_take(rate, now_us))
		taken++;
	return taken;
}

static void test_burst(void **state)
{
	static const struct {
		const char *name;
		double per_second;
		int burst;       /* at the start, and after a long rest */
		int64_t wait_us; /* then */
	} cases[] = {
		{ "10/s", 10, 10, 100000 },
		{ "100/s", 100, 100, 10000 },
		{ "1/s", 1, 1, SECOND_US },
		{ "1/m", 1.0 / 60, 1, INT64_C(60) * SECOND_US },
		{ "1/h", 1.0 / 3600, 1, INT64_C(3600) * SECOND_US },
		{ "3/s", 3, 3, 333334 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t now_us = 5;
		struct rate rate;

		rate_init(&rate, cases[i].per_second, now_us);
		for (int round = 0; round < 3; round++) {
			int taken;
			int64_t wait_us;

			assert_int_equal(rate_wait_us(&rate, now_us), 0);
			taken = take_all(&rate, now_us);
			wait_us = rate_wait_us(&rate, now_us);
			if (taken != cases[i].burst)
				fail_msg("%s: burst of %d", cases[i].name, taken);
			if (wait_us != cases[i].wait_us && wait_us != cases[i].wait_us + 1)
				fail_msg("%s: wait of %lld us", cases[i].name, (long long)wait_us);
			now_us += INT64_C(86400) * SECOND_US;
		}
	}
}

/* A caller that waits as long as told gets a token, and no more than the rate promises. */
static void test_average(void **state)
{
	static const double rates[] = { 3, 7, 10, 100.5, 1.0 / 60, 1.0 / 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rates); i++) {
		struct rate rate;
		int64_t now_us = 0;
		double promised;

		rate_init(&rate, rates[i], now_us);
		take_all(&rate, now_us);
		for (int n = 0; n < 10000; n++) {
			int64_t wait_us = rate_wait_us(&rate, now_us);

			assert_true(wait_us > 0);
			if (rate_take(&rate, now_us + wait_us - wait_us / 2 - 1))
				fail_msg("%g: too early", rates[i]);
			now_us += wait_us;
			if (!rate_take(&rate, now_us))
				fail_msg("%g: too late", rates[i]);
		}
		promised = (double)now_us / 1e6 * rates[i];
		assert_true(promised > 10000 - 1); /* a part of a token was left of the burst */
		assert_true(promised < 10000 * 1.001);
	}
}

static void test_no_limit(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate, 0, 0);
	assert_int_equal(take_all(&rate, 0), 1000);
	assert_int_equal(rate_wait_us(&rate, 0), 0);
}

static void test_time_that_stands_or_goes_back(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate, 10, SECOND_US);
	assert_int_equal(take_all(&rate, SECOND_US), 10);
	assert_int_equal(take_all(&rate, 0), 0);
	assert_int_equal(rate_wait_us(&rate, 0), 100000);
	assert_int_equal(take_all(&rate, SECOND_US + 100000), 1);
}

static void test_tiny_rate(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate, 1e-300, 0);
	assert_int_equal(take_all(&rate, 0), 1);
	assert_int_equal(rate_wait_us(&rate, 0), INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_average),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_time_that_stands_or_goes_back),
		cmocka_unit_test(test_tiny_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
