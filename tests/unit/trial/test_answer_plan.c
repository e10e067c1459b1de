/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "trial/listen/answer_plan.h"

enum {
	ADDED_MAX = 4,
	RUN = 1000,
	TOLERANCE = 5
};

static void test_shares(void **state)
{
	static const struct {
		const char *name;
		const char *added[ADDED_MAX];
		int status;
		int want; /* of RUN */
	} cases[] = {
		{ "nothing asked for", { NULL }, 200, 1000 },
		{ "one code", { "503" }, 503, 1000 },
		{ "a share", { "500:0.25" }, 500, 250 },
		{ "the rest of a share", { "500:0.25" }, 200, 750 },
		{ "a rest that was asked for", { "500:0.25", "202" }, 202, 750 },
		{ "two shares", { "500:0.25", "404:0.5" }, 404, 500 },
		{ "all", { "500:0.1", "404:0.2", "410:0.7" }, 410, 700 },
		{ "all of it", { "500:0.1", "404:0.2", "410:0.7" }, 200, 0 },
		{ "a small share", { "429:0.001" }, 429, 1 },
		{ "the whole", { "599:1" }, 599, 1000 },
		{ "the lowest code", { "100:1e-1" }, 100, 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer_plan plan;
		int got = 0;

		answer_plan_init(&plan);
		for (size_t k = 0; k < ADDED_MAX && cases[i].added[k] != NULL; k++)
			assert_int_equal(
				answer_plan_add(&plan, slice_text(cases[i].added[k]), NULL),
				STATUS_OK);
		for (uint64_t number = 7000; number < 7000 + RUN; number++)
			got += answer_plan_pick(&plan, number) == cases[i].status;
		if (abs(got - cases[i].want) > TOLERANCE || (cases[i].want == RUN && got != RUN))
			fail_msg("%s: got %d, want %d", cases[i].name, got, cases[i].want);
	}
}

static void test_refusals(void **state)
{
	static const char *const texts[] = {
		"",
		":",
		":0.5",
		"x",
		"99",
		"600",
		"-200",
		"+200",
		"200 ",
		"200:",
		"200:x",
		"200:0",
		"200:-0.5",
		"200:1.1",
		"200:0.6",
		"200:0.5:0.5",
		"200:50%",
		"200:nan",
		"18446744073709551816",
		"204",
	};
	struct answer_plan plan;

	(void)state;
	answer_plan_init(&plan);
	assert_int_equal(answer_plan_add(&plan, slice_text("500:0.5"), NULL), STATUS_OK);
	assert_int_equal(answer_plan_add(&plan, slice_text("202"), NULL), STATUS_OK);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err = { .text = "" };

		if (answer_plan_add(&plan, slice_text(texts[i]), &err) != STATUS_INVALID)
			fail_msg("'%s' was taken", texts[i]);
		if (err.text[0] == '\0')
			fail_msg("'%s' has no reason", texts[i]);
	}
}

static void test_too_many(void **state)
{
	struct answer_plan plan;

	(void)state;
	answer_plan_init(&plan);
	for (int i = 0; i < ANSWER_PLAN_SHARES_MAX; i++)
		assert_int_equal(answer_plan_add(&plan, slice_text("500:0.01"), NULL), STATUS_OK);
	assert_int_equal(answer_plan_add(&plan, slice_text("500:0.01"), NULL), STATUS_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
