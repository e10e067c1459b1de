/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "client/retry_after.h"
#include "repostal/memory.h"

static void test_retry_after(void **state)
{
	static const int64_t now_ms = INT64_C(784111777250); /* Sun, 06 Nov 1994 08:49:37.250 */
	static const struct {
		const char *name;
		const char *value;
		int64_t want_ms;
	} cases[] = {
		{ "seconds", "120", 120000 },
		{ "zero", "0", 0 },
		{ "white space", " \t120 ", 120000 },
		{ "as many digits as a date", "20300101", INT64_C(20300101000) },
		{ "most that fits", "9223372036854775", INT64_C(9223372036854775000) },
		{ "one more", "9223372036854776", INT64_MAX },
		{ "more than 64 bits", "99999999999999999999999999999", INT64_MAX },
		{ "date ahead", "Sun, 06 Nov 1994 08:50:37 GMT", 59750 },
		{ "RFC 850 date", "Sunday, 06-Nov-94 08:50:37 GMT", 59750 },
		{ "asctime date", "Sun Nov  6 08:50:37 1994", 59750 },
		{ "date with an offset", "Sun, 06 Nov 1994 10:50:37 +0200", 59750 },
		{ "date now", "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
		{ "date long past", "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "date before 1970", "Wed, 31 Dec 1969 23:59:59 GMT", 0 },
		{ "date long before 1970", "Tue, 01 Jan 1901 00:00:00 GMT", 0 },
		{ "empty", "", -1 },
		{ "blank", " ", -1 },
		{ "negative", "-1", -1 },
		{ "fraction", "1.5", -1 },
		{ "with a unit", "120s", -1 },
		{ "words", "later", -1 },
		{ "two values", "120, 130", -1 },
		{ "hour 24", "Sun, 06 Nov 1994 24:00:00 GMT", -1 },
		{ "no such month", "Sun, 06 Nix 1994 08:49:37 GMT", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t got_ms = retry_after_parse_ms(cases[i].value, now_ms);

		if (got_ms != cases[i].want_ms)
			fail_msg("%s: got %lld, want %lld", cases[i].name, (long long)got_ms,
				(long long)cases[i].want_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
