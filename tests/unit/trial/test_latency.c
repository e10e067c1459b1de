/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "trial/trigger/latency.h"

static struct latency *latency_new(void)
{
	struct latency *latency = calloc(1, sizeof(*latency));

	assert_non_null(latency);
	return latency;
}

static void test_nothing_recorded(void **state)
{
	struct latency *latency = latency_new();

	(void)state;
	assert_int_equal(latency_quantile_us(latency, 0.5), 0);
	assert_int_equal(latency_quantile_us(latency, 1), 0);
	free(latency);
}

/* Each alone: the quantile is bounded by the maximum, so it is exact. Then with a larger one. */
static void test_precision(void **state)
{
	static const struct {
		const char *name;
		int64_t duration_us;
	} cases[] = {
		{ "zero", 0 },
		{ "one", 1 },
		{ "last exact", 2047 },
		{ "first of two", 2048 },
		{ "second of two", 2049 },
		{ "last of two", 4095 },
		{ "first of four", 4096 },
		{ "a second", 1000000 },
		{ "a minute", 60000000 },
		{ "an hour", INT64_C(3600000000) },
		{ "19 hours", INT64_C(68400000000) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct latency *latency = latency_new();
		int64_t want_us = cases[i].duration_us;
		int64_t got_us;

		latency_record(latency, want_us);
		got_us = latency_quantile_us(latency, 0.5);
		if (got_us != want_us)
			fail_msg("%s alone: got %lld", cases[i].name, (long long)got_us);
		latency_record(latency, INT64_C(1) << 36);
		got_us = latency_quantile_us(latency, 0.5);
		if (got_us < want_us || got_us - want_us > want_us / 1000)
			fail_msg("%s of two: got %lld", cases[i].name, (long long)got_us);
		free(latency);
	}
}

static void test_out_of_range(void **state)
{
	struct latency *latency = latency_new();

	(void)state;
	latency_record(latency, -5);
	assert_int_equal(latency_quantile_us(latency, 1), 0);
	latency_record(latency, INT64_MAX);
	assert_int_equal(latency_quantile_us(latency, 0.5), 0);
	assert_int_equal(latency_quantile_us(latency, 1), INT64_MAX);
	free(latency);
}

static void test_quantiles(void **state)
{
	static const struct {
		double share;
		int64_t want_us;
	} cases[] = {
		{ 0.001, 1 },
		{ 0.5, 500 },
		{ 0.9, 900 },
		{ 0.99, 990 },
		{ 0.9991, 1000 },
		{ 1, 1000 },
	};
	struct latency *latency = latency_new();

	(void)state;
	for (int64_t us = 1000; us >= 1; us--)
		latency_record(latency, us);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t got_us = latency_quantile_us(latency, cases[i].share);

		if (got_us != cases[i].want_us)
			fail_msg("share %g: got %lld", cases[i].share, (long long)got_us);
	}
	free(latency);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_recorded),
		cmocka_unit_test(test_precision),
		cmocka_unit_test(test_out_of_range),
		cmocka_unit_test(test_quantiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
