/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "control_fixture.h"
#include "filter.h"

#define NOW_US (INT64_C(1800000000) * 1000000)
#define SECOND_US INT64_C(1000000)

static void test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t us; /* 0: refused */
	} cases[] = {
		{ "1970-01-02", 86400 * SECOND_US },
		{ "1970-01-01T00:00:01Z", SECOND_US },
		{ "2024-02-29T12:34:56Z", 1709210096 * SECOND_US },
		{ "2026-11-21T01:02:03.456Z", 1795222923 * SECOND_US + 456000 },
		{ "2026-11-21T01:02:03.000001Z", 1795222923 * SECOND_US + 1 },
		{ "2h", NOW_US - 7200 * SECOND_US },
		{ "500ms", NOW_US - 500000 },
		{ "99999d", 1 },
		{ "1970-01-01", 1 },
		{ "", 0 },
		{ "2h ", 0 },
		{ "-2h", 0 },
		{ "2023-02-29", 0 },
		{ "2026-13-01", 0 },
		{ "2026-00-01", 0 },
		{ "2026-01-32", 0 },
		{ "2026-1-1", 0 },
		{ "1969-12-31", 0 },
		{ "2026-11-21T01:02:03", 0 },
		{ "2026-11-21T24:02:03Z", 0 },
		{ "2026-11-21T01:60:03Z", 0 },
		{ "2026-11-21T01:02:03.Z", 0 },
		{ "2026-11-21T01:02:03.0000001Z", 0 },
		{ "2026-11-21T01:02:03+01:00", 0 },
		{ "2026-11-21T01:02:03Zz", 0 },
		{ "2026-11-21 01:02:03Z", 0 },
		{ "1800000000", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t us = 0;
		bool is_good = filter_parse_time(slice_text(cases[i].text), NOW_US, &us);

		if (is_good != (cases[i].us != 0) || (is_good && us != cases[i].us))
			fail_msg("'%s': %d, %lld", cases[i].text, is_good, (long long)us);
	}
}

static void test_keys(void **state)
{
	static struct named_target targets[] = { { .name = (char *)(uintptr_t) "app" } };
	static const struct names names = { .targets = targets, .targets_count = 1 };
	static const struct {
		const char *key, *value;
		enum filter_set want;
		bool is_exact;
	} cases[] = {
		{ "target", "app", FILTER_SET, true },
		{ "target", "App", FILTER_BAD_VALUE, true },
		{ "target", "", FILTER_BAD_VALUE, true },
		{ "state", "dead", FILTER_SET, true },
		{ "state", "dead, delivered,discarded,inflight", FILTER_SET, true },
		{ "state", "ready,waiting,held", FILTER_SET, true },
		{ "state", "ready", FILTER_SET, false },
		{ "state", "held,dead", FILTER_SET, false },
		{ "state", "", FILTER_BAD_VALUE, true },
		{ "state", "dead,", FILTER_SET, true },
		{ "state", "alive", FILTER_BAD_VALUE, true },
		{ "event", "MessageSent", FILTER_SET, true },
		{ "event", "MessageLoaded", FILTER_BAD_VALUE, true },
		{ "since", "2h", FILTER_SET, true },
		{ "until", "2026-11-21", FILTER_SET, true },
		{ "since", "yesterday", FILTER_BAD_VALUE, true },
		{ "message_id", "m1@x", FILTER_SET, false },
		{ "message_id", "", FILTER_BAD_VALUE, true },
		{ "recipient", "a@example.com", FILTER_SET, false },
		{ "limit", "5", FILTER_NO_SUCH_KEY, true },
		{ "", "", FILTER_NO_SUCH_KEY, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct filter filter;
		struct error err = { .text = "" };
		enum filter_set got;

		filter_init(&filter);
		got = filter_set(&filter, &names, slice_text(cases[i].key),
			slice_text(cases[i].value), NOW_US, &err);
		if (got != cases[i].want ||
			(got == FILTER_SET && filter_is_exact(&filter) != cases[i].is_exact) ||
			filter.is_empty != (got != FILTER_SET) ||
			(got == FILTER_BAD_VALUE) != (err.text[0] != '\0'))
			fail_msg("%s=%s: %d, '%s'", cases[i].key, cases[i].value, (int)got,
				err.text);
		filter_free(&filter);
	}
}

static void test_states_are_told_apart(void **state)
{
	static const struct {
		struct store_row row;
		const char *name;
	} cases[] = {
		{ { .state = DELIVERY_LEASED, .attempts = 1 }, "inflight" },
		{ { .state = DELIVERY_WAITING }, "ready" },
		{ { .state = DELIVERY_WAITING, .attempts = 1 }, "waiting" },
		{ { .state = DELIVERY_WAITING, .is_held = true }, "held" },
		{ { .state = DELIVERY_DELIVERED }, "delivered" },
		{ { .state = DELIVERY_DEAD }, "dead" },
		{ { .state = DELIVERY_DISCARDED }, "discarded" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_string_equal(shown_state_name(shown_state_of(&cases[i].row)), cases[i].name);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_states_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
