/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <limits.h>

#include "repostal/breaker.h"
#include "repostal/memory.h"

enum {
	CONCURRENCY = 16
};

static const struct breaker_settings settings = { .failures = 3, .cooldown_ms = 1000 };

/* Open since time 0. */
static struct breaker opened(void)
{
	struct breaker breaker;

	breaker_init(&breaker);
	assert_false(breaker_failure(&breaker, &settings, 0));
	assert_false(breaker_failure(&breaker, &settings, 0));
	assert_true(breaker_failure(&breaker, &settings, 0));
	return breaker;
}

/* Probed at the end of the cooldown, with success. */
static struct breaker healed(int concurrency)
{
	struct breaker breaker = opened();

	assert_int_equal(breaker_allows(&breaker, 1000, concurrency), 1);
	assert_true(breaker_success(&breaker, concurrency));
	return breaker;
}

static void test_opens_after_consecutive_failures(void **state)
{
	struct breaker breaker;

	(void)state;
	breaker_init(&breaker);
	assert_int_equal(breaker_allows(&breaker, 0, CONCURRENCY), CONCURRENCY);
	assert_int_equal(breaker_wakes_ms(&breaker), INT64_MAX);
	for (int i = 0; i < 10; i++) { /* two of three, again and again */
		assert_false(breaker_failure(&breaker, &settings, 0));
		assert_false(breaker_failure(&breaker, &settings, 0));
		assert_false(breaker_success(&breaker, CONCURRENCY));
	}
	breaker = opened();
	assert_int_equal(breaker.state, BREAKER_OPEN);
	assert_int_equal(breaker_wakes_ms(&breaker), 1000);
	assert_int_equal(breaker_allows(&breaker, 999, CONCURRENCY), 0);
	assert_int_equal(breaker_allows(&breaker, 1000, CONCURRENCY), 1);
	assert_int_equal(breaker.state, BREAKER_PROBING);
	assert_int_equal(breaker_wakes_ms(&breaker), INT64_MAX);
	assert_int_equal(breaker_allows(&breaker, 5000, CONCURRENCY), 1);
}

static void test_stragglers_are_ignored_while_open(void **state)
{
	struct breaker breaker = opened();

	(void)state;
	assert_false(breaker_failure(&breaker, &settings, 900));
	assert_false(breaker_success(&breaker, CONCURRENCY));
	assert_int_equal(breaker.state, BREAKER_OPEN);
	assert_int_equal(breaker_wakes_ms(&breaker), 1000);
}

static void test_cooldown_doubles_to_its_limit(void **state)
{
	static const int64_t want_ms[] = { 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000,
		BREAKER_COOLDOWN_MAX_MS, BREAKER_COOLDOWN_MAX_MS };
	static const struct breaker_settings patient = { .failures = 1, .cooldown_ms = INT64_MAX };
	struct breaker breaker = opened();

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(want_ms); i++) {
		int64_t now_ms = breaker_wakes_ms(&breaker);

		assert_int_equal(breaker_allows(&breaker, now_ms, CONCURRENCY), 1);
		assert_true(breaker_failure(&breaker, &settings, now_ms));
		assert_int_equal(breaker_wakes_ms(&breaker) - now_ms, want_ms[i]);
	}
	breaker_init(&breaker);
	assert_true(breaker_failure(&breaker, &patient, 7));
	assert_int_equal(breaker_wakes_ms(&breaker), BREAKER_COOLDOWN_MAX_MS + 7);
}

static void test_cooldown_starts_again_after_healing(void **state)
{
	struct breaker breaker = opened();

	(void)state;
	breaker_allows(&breaker, 1000, CONCURRENCY);
	breaker_failure(&breaker, &settings, 1000);
	assert_int_equal(breaker_wakes_ms(&breaker), 3000);
	breaker_allows(&breaker, 3000, CONCURRENCY);
	assert_true(breaker_success(&breaker, CONCURRENCY));
	assert_int_equal(breaker.state, BREAKER_CLOSED);
	for (int i = 0; i < 3; i++)
		breaker_failure(&breaker, &settings, 4000);
	assert_int_equal(breaker_wakes_ms(&breaker), 5000);
}

static void test_ramp(void **state)
{
	static const struct {
		int concurrency;
		int want[6]; /* allowed at the start of each round of successes */
	} cases[] = {
		{ 16, { 1, 2, 4, 8, 16, 16 } },
		{ 5, { 1, 2, 4, 5, 5, 5 } },
		{ 2, { 1, 2, 2, 2, 2, 2 } },
		{ 1, { 1, 1, 1, 1, 1, 1 } },
		{ INT_MAX, { 1, 2, 4, 8, 16, 32 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int concurrency = cases[i].concurrency;
		struct breaker breaker = healed(concurrency);

		for (size_t round = 0; round < ARRAY_COUNT(cases[i].want); round++) {
			int allowed = breaker_allows(&breaker, 2000, concurrency);

			if (allowed != cases[i].want[round])
				fail_msg("of %d, round %zu: %d", concurrency, round, allowed);
			for (int n = 0; n < allowed; n++)
				assert_false(breaker_success(&breaker, concurrency));
		}
	}
}

static void test_failure_restarts_the_round(void **state)
{
	struct breaker breaker = healed(CONCURRENCY);

	(void)state;
	breaker_success(&breaker, CONCURRENCY);
	assert_int_equal(breaker_allows(&breaker, 2000, CONCURRENCY), 2);
	breaker_success(&breaker, CONCURRENCY);
	breaker_failure(&breaker, &settings, 2000);
	breaker_success(&breaker, CONCURRENCY);
	assert_int_equal(breaker_allows(&breaker, 2000, CONCURRENCY), 2);
	breaker_success(&breaker, CONCURRENCY);
	assert_int_equal(breaker_allows(&breaker, 2000, CONCURRENCY), 4);
}

static void test_never_opens_when_off(void **state)
{
	static const struct breaker_settings off = { .failures = 0, .cooldown_ms = 1000 };
	struct breaker breaker;

	(void)state;
	breaker_init(&breaker);
	for (int i = 0; i < 1000; i++)
		assert_false(breaker_failure(&breaker, &off, i));
	breaker.failures = INT_MAX;
	assert_false(breaker_failure(&breaker, &off, 0));
	assert_int_equal(breaker_allows(&breaker, 0, CONCURRENCY), CONCURRENCY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_after_consecutive_failures),
		cmocka_unit_test(test_stragglers_are_ignored_while_open),
		cmocka_unit_test(test_cooldown_doubles_to_its_limit),
		cmocka_unit_test(test_cooldown_starts_again_after_healing),
		cmocka_unit_test(test_ramp),
		cmocka_unit_test(test_failure_restarts_the_round),
		cmocka_unit_test(test_never_opens_when_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
