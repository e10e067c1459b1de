/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "repostal/give_up.h"
#include "repostal/memory.h"

static void test_status(void **state)
{
	static const struct give_up_settings none;
	static const struct give_up_settings numbers = { { 404, 410 }, 2, 0 };
	static const struct give_up_settings class = { { 503, 4 }, 2, 0 };
	static const struct give_up_settings all = { { 3, 4, 5, 429 }, 4, 0 };
	static const struct {
		const char *name;
		const struct give_up_settings *settings;
		int http_status;
		bool want;
	} cases[] = {
		{ "none", &none, 404, false },
		{ "no answer", &all, 0, false },
		{ "a number", &numbers, 404, true },
		{ "another number", &numbers, 410, true },
		{ "not among the numbers", &numbers, 400, false },
		{ "first of the class", &class, 400, true },
		{ "last of the class", &class, 499, true },
		{ "below the class", &class, 399, false },
		{ "above the class", &class, 500, false },
		{ "410 is in its class", &class, 410, true },
		{ "429 is in no class", &class, 429, false },
		{ "429 as a number", &all, 429, true },
		{ "a number beside a class", &class, 503, true },
		{ "redirect", &all, 302, true },
		{ "the class is no status", &class, 4, false },
		{ "success", &all, 204, false },
		{ "beyond all classes", &all, 600, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (give_up_on_status(cases[i].settings, cases[i].http_status) != cases[i].want)
			fail_msg("%s", cases[i].name);
}

static void test_age(void **state)
{
	static const int64_t now_ms = INT64_C(1700000000000);
	static const struct {
		const char *name;
		int64_t age_ms;
		int64_t happened_ms;
		bool want;
	} cases[] = {
		{ "none", 0, 0, false },
		{ "younger", 60000, now_ms - 59999, false },
		{ "as old", 60000, now_ms - 60000, true },
		{ "older", 60000, now_ms - 60001, true },
		{ "now", 60000, now_ms, false },
		{ "in the future", 60000, now_ms + 60001, false },
		{ "far in the future", 60000, INT64_MAX, false },
		{ "before 1970", 60000, -1, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct give_up_settings settings = { .age_ms = cases[i].age_ms };

		if (give_up_on_age(&settings, cases[i].happened_ms, now_ms) != cases[i].want)
			fail_msg("%s", cases[i].name);
	}
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int want; /* 0: refused */
	} cases[] = {
		{ "404", 404 },
		{ "300", 300 },
		{ "599", 599 },
		{ "3xx", 3 },
		{ "4xx", 4 },
		{ "5xx", 5 },
		{ "2xx", 0 },
		{ "1xx", 0 },
		{ "6xx", 0 },
		{ "xxx", 0 },
		{ "4XX", 0 },
		{ "40x", 0 },
		{ "4xxx", 0 },
		{ "xx", 0 },
		{ "200", 0 },
		{ "299", 0 },
		{ "600", 0 },
		{ "4", 0 },
		{ "0404", 0 },
		{ "-04", 0 },
		{ " 40", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint16_t status = 0;
		bool is_good = give_up_parse_status(slice_text(cases[i].text), &status);

		if (is_good != (cases[i].want != 0) || status != cases[i].want)
			fail_msg("\"%s\": got %d", cases[i].text, status);
		if (is_good)
			assert_int_equal(give_up_is_class(status), cases[i].want < 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
