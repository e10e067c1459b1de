/* SPDX-License-Identifier: MIT */
/* When an event happened, in all the forms in which that is told. */
#include <inttypes.h>
#include <stdio.h>

#include "expect.h"

static void test_times(void **state)
{
	static const struct {
		const char *time; /* as JSON */
		int64_t want_ms;
	} cases[] = {
		{ "1713100000", 1713100000000 },
		{ "1713100000123", 1713100000123 },
		{ "1713100000123456", 1713100000123 },
		{ "1713100000123999", 1713100000123 },
		{ "1713100000.123", 1713100000123 },
		{ "1713100000.001", 1713100000001 },
		{ "1713100000.9999", 1713100000999 },
		{ "1713100000123.9", 1713100000123 },
		{ "1.7131e9", 1713100000000 },
		{ "\"1713100000\"", 1713100000000 },
		{ "\" 1713100000123 \"", 1713100000123 },
		{ "\"1713100000.5\"", 1713100000500 },
		{ "99999999999", 99999999999000 },
		{ "100000000000", 100000000000 },
		{ "99999999999999", 99999999999999 },
		{ "100000000000000", 100000000000 },
		{ "99999999999999900", 99999999999999 },
		{ "100000000000000000", 0 },
		{ "1e300", 0 },
		{ "0", 0 },
		{ "0.0000001", 0 },
		{ "-1713100000", 0 },
		{ "\"\"", 0 },
		{ "\"yesterday\"", 0 },
		{ "\"2024-04-14T13:06:40Z\"", 1713100000000 },
		{ "\"2024-04-14 15:06:40.123+02:00\"", 1713100000123 },
		{ "\"2024-04-14T13:06:40\"", 1713100000000 },
		{ "\"Sun, 14 Apr 2024 15:06:40 +0200\"", 1713100000000 },
		{ "\"Sun, 14 Apr 2024 13:06:40 GMT\"", 1713100000000 },
		{ "\"14 Apr 2024 13:06 -0000\"", 1713099960000 },
		{ "\"2024-04-31T13:06:40Z\"", 0 },
		{ "\"2024-04-14T13:06:40+25:00\"", 0 },
		{ "\"2h\"", 0 },
		{ "\"0x66\"", 0 },
		{ "\"inf\"", 0 },
		{ "\"nan\"", 0 },
		{ "null", 0 },
		{ "true", 0 },
		{ "[1713100000]", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char body[256];
		struct expect row = { .name = cases[i].time,
			.body = body,
			.id = "i",
			.kind = BIZMAIL_DELIVERED,
			.recipient = "a@b.c",
			.time_ms = cases[i].want_ms };

		row.body_size = (size_t)snprintf(body, sizeof(body),
			"{\"event\":\"delivered\",\"to\":\"a@b.c\",\"id\":\"i\",\"time\":%s}",
			cases[i].time);
		expect_row(BIZMAIL_ENCODING_JSON, &row);
	}
}

/* What is not understood stays, and tells events apart; what means "none" does not. */
static void test_time_text(void **state)
{
	static const struct {
		const char *time; /* as JSON */
		const char *want;
	} cases[] = {
		{ "\" yesterday \"", "yesterday" },
		{ "\"2024-04-31T13:06:40Z\"", "2024-04-31T13:06:40Z" },
		{ "100000000000000000", "100000000000000000" },
		{ "-1713100000", "-1713100000" },
		{ "\"nan\"", "nan" },
		{ "1713100000", "" },
		{ "\"2024-04-14T13:06:40Z\"", "" },
		{ "0", "" },
		{ "\"0.0\"", "" },
		{ "\"\"", "" },
		{ "\"  \"", "" },
		{ "null", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct bizmail_event event;
		char body[256];
		int size = snprintf(body, sizeof(body),
			"{\"event\":\"delivered\",\"to\":\"a@b.c\",\"id\":\"i\",\"time\":%s}",
			cases[i].time);

		bizmail_parse(BIZMAIL_ENCODING_JSON, slice_of(NULL, 0),
			slice_of(body, (size_t)size), BIZMAIL_UNKNOWN, &event, NULL);
		if (!slice_is(event.time_text, cases[i].want))
			fail_msg("%s: got '%.*s'", cases[i].time, (int)event.time_text.size,
				event.time_text.data);
		bizmail_event_release(&event);
	}
}

static void test_occurred(void **state)
{
	static const struct {
		const char *name;
		int64_t time_ms;
		int64_t want_ms;
	} cases[] = {
		{ "missing", 0, 1713100000000 },
		{ "long ago", 1, 1 },
		{ "now", 1713100000000, 1713100000000 },
		{ "a day ahead", 1713186400000, 1713186400000 },
		{ "more than a day ahead", 1713186400001, 1713100000000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct bizmail_event event = { .time_ms = cases[i].time_ms };
		int64_t got_ms = bizmail_event_occurred_ms(&event, 1713100000000);

		if (got_ms != cases[i].want_ms)
			fail_msg("%s: got %" PRId64, cases[i].name, got_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_time_text),
		cmocka_unit_test(test_occurred),
	};

	return cmocka_run_group_tests_name("bizmail_time", tests, NULL, NULL);
}
