/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "repostal/memory.h"
#include "repostal/retry.h"

enum {
	MINUTE_MS = 60 * 1000,
	HOUR_MS = 60 * MINUTE_MS
};

static void test_presets(void **state)
{
	static const struct {
		const char *name;
		size_t delays_count;
		int64_t delays_ms[12];
	} cases[] = {
		{ "postal", 5,
			{ 2 * MINUTE_MS, 3 * MINUTE_MS, 6 * MINUTE_MS, 10 * MINUTE_MS,
				15 * MINUTE_MS } },
		{ "postal-extended", 12,
			{ 2 * MINUTE_MS, 3 * MINUTE_MS, 6 * MINUTE_MS, 10 * MINUTE_MS,
				15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS,
				8 * HOUR_MS, 12 * HOUR_MS, 24 * HOUR_MS } },
		{ "standard-webhooks", 9,
			{ 5000, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS,
				10 * HOUR_MS, 14 * HOUR_MS, 20 * HOUR_MS, 24 * HOUR_MS } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct retry_settings settings = { .jitter = 0, .retry_after_max_ms = HOUR_MS };
		int attempts_done = 1;

		assert_true(retry_preset(slice_text(cases[i].name), &settings));
		assert_int_equal(settings.retry_after_max_ms, HOUR_MS);
		for (size_t n = 0; n < cases[i].delays_count; n++, attempts_done++) {
			if (retry_delay_ms(&settings, attempts_done, -1, 0) !=
				cases[i].delays_ms[n])
				fail_msg("%s: attempt %d", cases[i].name, attempts_done);
		}
		if (retry_delay_ms(&settings, attempts_done, -1, 0) != -1)
			fail_msg("%s: does not end", cases[i].name);
	}
}

static void test_unknown_presets(void **state)
{
	static const char *const names[] = { "", "Postal", "postal ", "postal-extende", "none" };
	struct retry_settings settings = { .delays_count = 1, .delays_ms = { 42 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (retry_preset(slice_text(names[i]), &settings))
			fail_msg("'%s'", names[i]);
	}
	assert_int_equal(settings.delays_count, 1);
	assert_int_equal(settings.delays_ms[0], 42);
}

static void test_delays(void **state)
{
	static const struct retry_settings plain = {
		.delays_count = 2,
		.delays_ms = { 1000, 5000 },
		.retry_after_max_ms = 60000,
	};
	static const struct retry_settings jittery = {
		.delays_count = 2,
		.delays_ms = { 1000, 5000 },
		.jitter = 0.1,
		.retry_after_max_ms = 60000,
	};
	static const struct retry_settings once = { .retry_after_max_ms = 60000 };
	static const struct retry_settings endless = {
		.delays_count = 1,
		.delays_ms = { INT64_MAX },
		.jitter = 1,
		.retry_after_max_ms = INT64_MAX,
	};
	static const struct {
		const char *name;
		const struct retry_settings *settings;
		int attempts_done;
		int64_t retry_after_ms;
		double jitter;
		int64_t want_ms;
	} cases[] = {
		{ "first", &plain, 1, -1, 0.5, 1000 },
		{ "second", &plain, 2, -1, 0.5, 5000 },
		{ "after the last", &plain, 3, -1, 0.5, -1 },
		{ "long after the last", &plain, INT32_MAX, -1, 0.5, -1 },
		{ "only one attempt", &once, 1, -1, 0, -1 },
		{ "lowest jitter", &jittery, 2, -1, 0, 5000 },
		{ "middle jitter", &jittery, 2, -1, 0.5, 5250 },
		{ "highest jitter", &jittery, 2, -1, 0.999999, 5499 },
		{ "asked for less", &plain, 2, 100, 0, 5000 },
		{ "asked for nothing", &plain, 2, 0, 0, 5000 },
		{ "asked for more", &plain, 2, 30000, 0, 30000 },
		{ "asked for too much", &plain, 2, 90000, 0, 60000 },
		{ "asked to wait permanently", &plain, 2, INT64_MAX, 0, 60000 },
		{ "no jitter on what was asked", &jittery, 1, 30000, 0.5, 30000 },
		{ "jitter beyond what was asked", &jittery, 2, 5100, 0.5, 5250 },
		{ "asking saves no dead", &plain, 3, 1000, 0, -1 },
		{ "does not overflow", &endless, 1, -1, 0.999999999, INT64_MAX },
		{ "does not overflow by little", &endless, 1, -1, 1e-15, INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t got_ms = retry_delay_ms(cases[i].settings, cases[i].attempts_done,
			cases[i].retry_after_ms, cases[i].jitter);

		if (got_ms != cases[i].want_ms)
			fail_msg("%s: got %lld, want %lld", cases[i].name, (long long)got_ms,
				(long long)cases[i].want_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_unknown_presets),
		cmocka_unit_test(test_delays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
