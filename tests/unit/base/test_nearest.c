/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "repostal/memory.h"
#include "repostal/nearest.h"

static void test_nearest(void **state)
{
	static const char *const candidates[] = { "target", "state", "since", "until", "json",
		"a-name-that-is-longer-than-the-sixty-four-characters-that-are-compared" };
	static const struct {
		const char *given, *want;
	} cases[] = {
		{ "sinze", "since" },
		{ "josn", "json" },
		{ "stat", "state" },
		{ "tragets", "target" },
		{ "until", "until" },
		{ "colour", "" },
		{ "", "" },
		{ "a-name-that-is-longer-than-the-sixty-four-characters-that-are-compare", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct nearest nearest;

		nearest_init(&nearest, cases[i].given);
		for (size_t j = 0; j < ARRAY_COUNT(candidates); j++)
			nearest_offer(&nearest, candidates[j]);
		if (strcmp(nearest.best, cases[i].want) != 0)
			fail_msg("'%s': '%s'", cases[i].given, nearest.best);
	}
}

static void test_the_first_of_equals(void **state)
{
	struct nearest nearest;

	(void)state;
	nearest_init(&nearest, "bat");
	nearest_offer(&nearest, "cat");
	nearest_offer(&nearest, "hat");
	assert_string_equal(nearest.best, "cat");
	nearest_offer(&nearest, "bat");
	assert_string_equal(nearest.best, "bat");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_the_first_of_equals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
