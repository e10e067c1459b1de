/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "repostal/clock.h"
#include "repostal/memory.h"

static void test_clocks_advance(void **state)
{
	int64_t monotonic_us = clock_monotonic_us();

	(void)state;
	assert_true(clock_monotonic_us() >= monotonic_us);
	assert_true(clock_monotonic_ms() >= monotonic_us / 1000);
	assert_true(clock_unix_ms() > INT64_C(1600000000000)); /* 2020 */
	assert_true(clock_unix_us() / 1000 - clock_unix_ms() <= 0);
}

static time_t wall_wrong_by_s;

/* In place of the system's: a wall clock that may be set. */
int clock_gettime(clockid_t clock, struct timespec *time)
{
	int result = (int)syscall(SYS_clock_gettime, clock, time);

	if (clock == CLOCK_REALTIME)
		time->tv_sec += wall_wrong_by_s;
	return result;
}

/* Each row follows the one before: the wall clock is set, and the schedule has then gone on by so much. */
static void test_schedule_never_goes_back(void **state)
{
	static const struct {
		const char *name;
		time_t wrong_by_s;
		int64_t ahead_s; /* of the true time */
	} rows[] = {
		{ "the same", 0, 0 },
		{ "a second back", -1, 0 },
		{ "a day back", -86400, 0 },
		{ "a little further again", -86000, 0 },
		{ "right again", 0, 0 },
		{ "a day ahead", 86400, 86400 },
		{ "right again, but a day was gone", 0, 86400 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		int64_t before_ms, after_ms, schedule_ms;

		wall_wrong_by_s = 0;
		before_ms = clock_unix_ms();
		wall_wrong_by_s = rows[i].wrong_by_s;
		schedule_ms = clock_schedule_ms() - rows[i].ahead_s * 1000;
		wall_wrong_by_s = 0;
		after_ms = clock_unix_ms();
		if (schedule_ms < before_ms - 1 || schedule_ms > after_ms + 1)
			fail_msg("%s: %lld ms off", rows[i].name,
				(long long)(schedule_ms - before_ms));
	}
	wall_wrong_by_s = 0;
}

static void test_format_utc(void **state)
{
	static const struct {
		int64_t unix_ms;
		const char *want;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ INT64_C(1795222923456), "2026-11-21T01:02:03.456Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ INT64_C(951782400000), "2000-02-29T00:00:00.000Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
		{ INT64_MIN, "0000-01-01T00:00:00.000Z" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[CLOCK_TEXT_SIZE];

		clock_format_utc(cases[i].unix_ms, text);
		assert_string_equal(text, cases[i].want);
	}
}

#define NOW_US (INT64_C(1800000000) * 1000000)
#define SECOND_US INT64_C(1000000)

/* Berlin, without asking for the system's zones. */
static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void test_when(void **state)
{
	static const struct {
		const char *text;
		enum clock_zone zone;
		int64_t us;
	} cases[] = {
		{ "1970-01-02", CLOCK_UTC, 86400 * SECOND_US },
		{ "1970-01-01T00:00:01Z", CLOCK_UTC, SECOND_US },
		{ "2024-02-29T12:34:56Z", CLOCK_UTC, 1709210096 * SECOND_US },
		{ "2024-02-29T12:34:56Z", CLOCK_LOCAL, 1709210096 * SECOND_US },
		{ "2026-11-21T01:02:03.456Z", CLOCK_UTC, 1795222923 * SECOND_US + 456000 },
		{ "2026-11-21T01:02:03.000001Z", CLOCK_UTC, 1795222923 * SECOND_US + 1 },
		{ "2026-11-21T01:02:03.123456789Z", CLOCK_UTC, 1795222923 * SECOND_US + 123456 },
		{ "2026-11-21T02:02:03+01:00", CLOCK_UTC, 1795222923 * SECOND_US },
		{ "2026-11-21 02:02:03+01:00", CLOCK_LOCAL, 1795222923 * SECOND_US },
		{ "2026-11-21 02:02:03 +0100", CLOCK_LOCAL, 1795222923 * SECOND_US },
		{ "2026-11-20T21:32:03-0330", CLOCK_UTC, 1795222923 * SECOND_US },
		{ "2026-11-20T20:02:03-05", CLOCK_UTC, 1795222923 * SECOND_US },
		{ "2026-11-21T01:02Z", CLOCK_UTC, 1795222920 * SECOND_US },
		{ "2026-11-21", CLOCK_UTC, 1795219200 * SECOND_US },
		{ "2026-11-21", CLOCK_LOCAL, (1795219200 - 3600) * SECOND_US },
		{ "2026-11-21 01:02", CLOCK_UTC, 1795222920 * SECOND_US },
		{ "2026-11-21 02:02", CLOCK_LOCAL, 1795222920 * SECOND_US },
		{ "2026-11-21 02:02:03", CLOCK_LOCAL, 1795222923 * SECOND_US },
		{ "2026-11-21T02:02:03.5", CLOCK_LOCAL, 1795222923 * SECOND_US + 500000 },
		{ "2026-07-01 02:00", CLOCK_LOCAL, 1782864000 * SECOND_US }, /* summer time */
		{ "2h", CLOCK_UTC, NOW_US - 7200 * SECOND_US },
		{ "2h", CLOCK_LOCAL, NOW_US - 7200 * SECOND_US },
		{ "500ms", CLOCK_UTC, NOW_US - 500000 },
		{ "0", CLOCK_UTC, NOW_US },
		{ "99999d", CLOCK_UTC, 1 },
		{ "1970-01-01", CLOCK_UTC, 1 },
		{ "1970-01-01", CLOCK_LOCAL, 1 },
	};

	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t us = 0;
		bool is_good =
			clock_parse_when(slice_text(cases[i].text), NOW_US, cases[i].zone, &us);

		if (!is_good || us != cases[i].us)
			fail_msg("'%s': %d, %lld", cases[i].text, is_good, (long long)us);
	}
}

static void test_when_refuses(void **state)
{
	static const char *const cases[] = {
		"",
		"yesterday",
		"2h ",
		"-2h",
		"2023-02-29",
		"2026-13-01",
		"2026-00-01",
		"2026-01-32",
		"2026-01-00",
		"2026-1-1",
		"1969-12-31",
		"2026-11-21T",
		"2026-11-21T01",
		"2026-11-21T24:02:03Z",
		"2026-11-21T01:60:03Z",
		"2026-11-21T01:02:61Z",
		"2026-11-21T01:02:03.Z",
		"2026-11-21T01:02:03Zz",
		"2026-11-21T01:02:03+1",
		"2026-11-21T01:02:03+01:",
		"2026-11-21T01:02:03+01:60",
		"2026-11-21T01:02:03+24:00",
		"2026-11-21T01:02:03 CET",
		"2026-11-21 01:02:03 ",
		"2026-11-21Z",
		"1800000000",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t us;

		if (clock_parse_when(slice_text(cases[i]), NOW_US, CLOCK_LOCAL, &us) ||
			clock_parse_when(slice_text(cases[i]), NOW_US, CLOCK_UTC, &us))
			fail_msg("'%s': %lld", cases[i], (long long)us);
	}
}

/* What is shown can be typed again. */
static void test_format_local(void **state)
{
	static const struct {
		const char *zone;
		int64_t unix_ms;
		const char *want;
	} cases[] = {
		{ "CET-1CEST,M3.5.0,M10.5.0/3", INT64_C(1795222923456),
			"2026-11-21 02:02:03+01:00" },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", INT64_C(1782864000000),
			"2026-07-01 02:00:00+02:00" },
		{ "NST3:30", INT64_C(1795222923456), "2026-11-20 21:32:03-03:30" },
		{ "UTC0", INT64_C(1795222923999), "2026-11-21 01:02:03+00:00" },
		{ "ABC-14", INT64_MAX, "9999-12-31 13:59:59+14:00" },
		{ "ABC14", INT64_MIN, "0000-01-01 10:00:00-14:00" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[CLOCK_TEXT_SIZE];
		int64_t us;

		set_zone(cases[i].zone);
		clock_format_local(cases[i].unix_ms, text);
		assert_string_equal(text, cases[i].want);
		if (cases[i].unix_ms > 0 && cases[i].unix_ms < INT64_MAX) {
			assert_true(clock_parse_when(slice_text(text), 0, CLOCK_UTC, &us));
			assert_int_equal(us / SECOND_US, cases[i].unix_ms / 1000);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clocks_advance),
		cmocka_unit_test(test_schedule_never_goes_back),
		cmocka_unit_test(test_format_utc),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_when_refuses),
		cmocka_unit_test(test_format_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
