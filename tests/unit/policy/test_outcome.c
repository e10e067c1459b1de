/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "repostal/memory.h"
#include "repostal/outcome.h"

static const struct retry_settings retry = {
	.delays_count = 2,
	.delays_ms = { 1000, 2000 },
	.jitter = 0.5,
	.retry_after_max_ms = 10000,
};

static const struct give_up_settings nothing;

static void test_decide(void **state)
{
	static const struct {
		const char *name;
		struct outcome outcome;
		int attempts_done;
		double jitter;
		struct decision want;
	} cases[] = {
		{ "200", { TRANSPORT_OK, 200, -1 }, 1, 0, { VERDICT_DELIVERED, 0 } },
		{ "299", { TRANSPORT_OK, 299, -1 }, 1, 0, { VERDICT_DELIVERED, 0 } },
		{ "200 at last", { TRANSPORT_OK, 200, -1 }, 3, 0, { VERDICT_DELIVERED, 0 } },
		{ "199", { TRANSPORT_OK, 199, -1 }, 1, 0, { VERDICT_RETRY, 1000 } },
		{ "300", { TRANSPORT_OK, 300, -1 }, 1, 0, { VERDICT_RETRY, 1000 } },
		{ "302", { TRANSPORT_OK, 302, -1 }, 1, 0, { VERDICT_RETRY, 1000 } },
		{ "400", { TRANSPORT_OK, 400, -1 }, 1, 0, { VERDICT_RETRY, 1000 } },
		{ "404", { TRANSPORT_OK, 404, -1 }, 2, 0, { VERDICT_RETRY, 2000 } },
		{ "500", { TRANSPORT_OK, 500, -1 }, 1, 0, { VERDICT_RETRY, 1000 } },
		{ "500, jitter", { TRANSPORT_OK, 500, -1 }, 1, 0.5, { VERDICT_RETRY, 1250 } },
		{ "500 at last", { TRANSPORT_OK, 500, -1 }, 3, 0, { VERDICT_DEAD, 0 } },
		{ "410", { TRANSPORT_OK, 410, -1 }, 1, 0, { VERDICT_PAUSE, 0 } },
		{ "410 at last", { TRANSPORT_OK, 410, -1 }, 3, 0, { VERDICT_PAUSE, 0 } },
		{ "429 asks", { TRANSPORT_OK, 429, 5000 }, 1, 0, { VERDICT_RETRY, 5000 } },
		{ "503 asks", { TRANSPORT_OK, 503, 5000 }, 1, 0, { VERDICT_RETRY, 5000 } },
		{ "503 asks too much", { TRANSPORT_OK, 503, INT64_MAX }, 1, 0,
			{ VERDICT_RETRY, 10000 } },
		{ "503 asks at last", { TRANSPORT_OK, 503, 5000 }, 3, 0, { VERDICT_DEAD, 0 } },
		{ "500 may not ask", { TRANSPORT_OK, 500, 5000 }, 1, 0, { VERDICT_RETRY, 1000 } },
		{ "302 may not ask", { TRANSPORT_OK, 302, 5000 }, 1, 0, { VERDICT_RETRY, 1000 } },
		{ "timeout", { TRANSPORT_TIMEOUT, 0, -1 }, 1, 0, { VERDICT_RETRY, 1000 } },
		{ "timeout after a 200", { TRANSPORT_TIMEOUT, 200, -1 }, 1, 0,
			{ VERDICT_RETRY, 1000 } },
		{ "cut short after a 410", { TRANSPORT_OTHER, 410, -1 }, 1, 0,
			{ VERDICT_RETRY, 1000 } },
		{ "timeout at last", { TRANSPORT_TIMEOUT, 0, -1 }, 3, 0, { VERDICT_DEAD, 0 } },
		{ "connect", { TRANSPORT_CONNECT, 0, -1 }, 1, 0, { VERDICT_RETRY, 1000 } },
		{ "TLS", { TRANSPORT_TLS, 0, -1 }, 1, 0, { VERDICT_RETRY, 1000 } },
		{ "DNS", { TRANSPORT_DNS, 0, -1 }, 1, 0, { VERDICT_RETRY, 1000 } },
		{ "denied", { TRANSPORT_DENIED, 0, -1 }, 1, 0, { VERDICT_RETRY, 1000 } },
		{ "interrupted", { TRANSPORT_INTERRUPTED, 0, -1 }, 1, 0, { VERDICT_RETRY, 0 } },
		{ "interrupted at last", { TRANSPORT_INTERRUPTED, 0, -1 }, 3, 0,
			{ VERDICT_RETRY, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct decision got = outcome_decide(&cases[i].outcome, &retry, &nothing,
			cases[i].attempts_done, cases[i].jitter);

		if (got.verdict != cases[i].want.verdict || got.delay_ms != cases[i].want.delay_ms)
			fail_msg("%s: got verdict %d after %lld ms", cases[i].name,
				(int)got.verdict, (long long)got.delay_ms);
	}
}

static void test_decide_give_up(void **state)
{
	static const struct give_up_settings give_up = { { 404, 410, 5, 429 }, 4, 0 };
	static const struct {
		const char *name;
		struct outcome outcome;
		int attempts_done;
		enum verdict want;
	} cases[] = {
		{ "listed", { TRANSPORT_OK, 404, -1 }, 1, VERDICT_GIVE_UP },
		{ "listed, at last", { TRANSPORT_OK, 404, -1 }, 3, VERDICT_GIVE_UP },
		{ "not listed", { TRANSPORT_OK, 400, -1 }, 1, VERDICT_RETRY },
		{ "not listed, at last", { TRANSPORT_OK, 400, -1 }, 3, VERDICT_DEAD },
		{ "410 does not pause", { TRANSPORT_OK, 410, -1 }, 1, VERDICT_GIVE_UP },
		{ "a class", { TRANSPORT_OK, 502, -1 }, 1, VERDICT_GIVE_UP },
		{ "Retry-After does not count", { TRANSPORT_OK, 503, 5000 }, 1, VERDICT_GIVE_UP },
		{ "429 by number", { TRANSPORT_OK, 429, 5000 }, 1, VERDICT_GIVE_UP },
		{ "success", { TRANSPORT_OK, 200, -1 }, 1, VERDICT_DELIVERED },
		{ "cut short after a 404", { TRANSPORT_OTHER, 404, -1 }, 1, VERDICT_RETRY },
		{ "timeout", { TRANSPORT_TIMEOUT, 0, -1 }, 1, VERDICT_RETRY },
		{ "interrupted", { TRANSPORT_INTERRUPTED, 404, -1 }, 3, VERDICT_RETRY },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct decision got = outcome_decide(
			&cases[i].outcome, &retry, &give_up, cases[i].attempts_done, 0);

		if (got.verdict != cases[i].want)
			fail_msg("%s: got verdict %d", cases[i].name, (int)got.verdict);
	}
}

static void test_result(void **state)
{
	static const struct {
		struct outcome outcome;
		const char *want;
	} cases[] = {
		{ { TRANSPORT_OK, 204, -1 }, "2xx" },
		{ { TRANSPORT_OK, 301, -1 }, "3xx" },
		{ { TRANSPORT_OK, 410, -1 }, "4xx" },
		{ { TRANSPORT_OK, 599, -1 }, "5xx" },
		{ { TRANSPORT_OK, 101, -1 }, "other" },
		{ { TRANSPORT_OK, 600, -1 }, "other" },
		{ { TRANSPORT_OK, 0, -1 }, "other" },
		{ { TRANSPORT_TIMEOUT, 0, -1 }, "timeout" },
		{ { TRANSPORT_CONNECT, 0, -1 }, "connect" },
		{ { TRANSPORT_TLS, 0, -1 }, "tls" },
		{ { TRANSPORT_DNS, 0, -1 }, "dns" },
		{ { TRANSPORT_DENIED, 0, -1 }, "other" },
		{ { TRANSPORT_OTHER, 200, -1 }, "other" },
		{ { TRANSPORT_INTERRUPTED, 0, -1 }, "other" },
		{ { TRANSPORT_GIVEN_UP, 0, -1 }, "other" },
		{ { TRANSPORT_GIVEN_UP, 404, -1 }, "4xx" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		enum attempt_result got = outcome_result(&cases[i].outcome);

		assert_true((int)got < ATTEMPT_RESULT_COUNT);
		assert_string_equal(attempt_result_name(got), cases[i].want);
	}
}

static void test_blame(void **state)
{
	static const struct {
		const char *name;
		struct outcome outcome;
		enum blame want;
	} cases[] = {
		{ "200", { TRANSPORT_OK, 200, -1 }, BLAME_NOBODY },
		{ "302", { TRANSPORT_OK, 302, -1 }, BLAME_TYPE },
		{ "400", { TRANSPORT_OK, 400, -1 }, BLAME_TYPE },
		{ "401", { TRANSPORT_OK, 401, -1 }, BLAME_TYPE },
		{ "404", { TRANSPORT_OK, 404, -1 }, BLAME_TYPE },
		{ "429", { TRANSPORT_OK, 429, -1 }, BLAME_NOBODY },
		{ "500", { TRANSPORT_OK, 500, -1 }, BLAME_TYPE },
		{ "502", { TRANSPORT_OK, 502, -1 }, BLAME_TARGET },
		{ "503", { TRANSPORT_OK, 503, -1 }, BLAME_TYPE },
		{ "504", { TRANSPORT_OK, 504, -1 }, BLAME_TARGET },
		{ "time-out", { TRANSPORT_TIMEOUT, 0, -1 }, BLAME_TARGET },
		{ "connect", { TRANSPORT_CONNECT, 0, -1 }, BLAME_TARGET },
		{ "TLS", { TRANSPORT_TLS, 0, -1 }, BLAME_TARGET },
		{ "DNS", { TRANSPORT_DNS, 0, -1 }, BLAME_TARGET },
		{ "denied", { TRANSPORT_DENIED, 0, -1 }, BLAME_TARGET },
		{ "not HTTP", { TRANSPORT_OTHER, 0, -1 }, BLAME_TYPE },
		{ "our own stop", { TRANSPORT_INTERRUPTED, 0, -1 }, BLAME_NOBODY },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (outcome_blame(&cases[i].outcome) != cases[i].want)
			fail_msg("%s", cases[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_decide_give_up),
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_blame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
