/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/command/command.h"
#include "cli/commands.h"
#include "cli/queue/queue_options.h"
#include "repostal/envelope.h"
#include "repostal/memory.h"

enum {
	ARGUMENTS_MAX = 16
};

#define UUID "0f8fad5b-d9cb-569f-a165-70867728950e"

static int parse(const char *const *arguments, struct queue_options *out)
{
	char *argv[ARGUMENTS_MAX + 2] = { (char *)"queue" };
	int exit_code = -1;
	int argc = 1;
	bool passed;

	for (; argc <= ARGUMENTS_MAX && arguments[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
	passed = queue_options_read(argc, argv, out, &exit_code);
	assert_int_equal(passed, exit_code == EXIT_OK);
	return exit_code;
}

typedef const char *argument_row[ARGUMENTS_MAX];

static void expect(const argument_row *rows, size_t rows_count, int want)
{
	struct queue_options options;

	for (size_t i = 0; i < rows_count; i++) {
		int got = parse(rows[i], &options);

		if (got != want)
			fail_msg("row %zu (%s): got %d, want %d", i,
				rows[i][0] == NULL ? "" : rows[i][0], got, want);
	}
}

static void test_usage(void **state)
{
	static const argument_row rows[] = {
		{ "list" },
		{ "list", "--limit", "0", "--state", "dead,held", "--json" },
		{ "--since", "2h", "list", "-c", "x.conf" },
		{ "show", UUID },
		{ "retry", UUID },
		{ "retry", UUID, "--target", "app" },
		{ "retry", "--target", "app" },
		{ "retry", "--all", "--rate", "600/m" },
		{ "retry", "--recipient", "a@b", "--all" },
		{ "retry", UUID, "--all" },
		{ "retry", UUID, "--as-new" },
		{ "retry", UUID, "--as-new", "--all", "--target", "app" },
		{ "retry", "--state", "delivered", "--as-new", "--rate", "1/s" },
		{ "retry", "--all", "--yes" },
		{ "retry", "--state", "delivered, discarded", "--dry-run" },
		{ "discard", "--state", "held,ready", "--dry-run" },
		{ "list", "--limit", "all" },
		{ "list", "--since", "2026-11-21", "--until", "2026-11-21 08:00" },
		{ "list", "--since", "1h", "--until", "1h" },
		{ "list", "--until", "2026-11-21T08:00+01:00" },
		{ "jobs", "--json" },
		{ "cancel", "17" },
		{ "discard", UUID, "--yes" },
		{ "discard", "--event", "MessageSent", "--yes" },
		{ "stats", "--target", "app" },
		{ "list", "--stat", "dead" },
	};

	(void)state;
	expect(rows, ARRAY_COUNT(rows), EXIT_OK);
}

static void test_wrong_usage(void **state)
{
	static const argument_row rows[] = {
		{ NULL },
		{ "lst" },
		{ "list", UUID },
		{ "list", "--all" },
		{ "list", "--rate", "1/s" },
		{ "list", "--yes" },
		{ "list", "--limit", "-1" },
		{ "list", "--limit", "many" },
		{ "list", "--limit" },
		{ "list", "--state", "" },
		{ "list", "--colour" },
		{ "list", "--json=yes" },
		{ "show" },
		{ "show", "1234" },
		{ "show", UUID, UUID },
		{ "show", UUID, "--target", "app" },
		{ "show", UUID, "--state", "dead" },
		{ "show", UUID, "--limit", "1" },
		{ "retry" },
		{ "retry", "--json" },
		{ "retry", "--state", "held" },
		{ "retry", "--state", "dead,inflight" },
		{ "discard", "--state", "delivered" },
		{ "discard", UUID, "--all" },
		{ "retry", "--as-new" },
		{ "discard", UUID, "--as-new" },
		{ "discard", "--all", "--as-new" },
		{ "list", "--as-new" },
		{ "show", UUID, "--as-new" },
		{ "list", "--since", "yesterday" },
		{ "list", "--target", "app", "--target", "crm" },
		{ "discard", "--state", "dead", "--state", "held", "--yes" },
		{ "list", "--since", "1h", "--until", "2h" },
		{ "retry", "--since", "2026-11-21 08:00", "--until", "2026-11-21" },
		{ "list", "--until", "" },
		{ "list", "--dry-run" },
		{ "jobs", "17" },
		{ "jobs", "--state", "dead" },
		{ "jobs", "--limit", "1" },
		{ "cancel" },
		{ "cancel", UUID },
		{ "cancel", "1", "2" },
		{ "retry", UUID, "--state", "dead" },
		{ "retry", UUID, "--rate", "1/s" },
		{ "retry", "--all", "--limit", "1" },
		{ "retry", "--all", "--rate", "fast" },
		{ "retry", "--all", "--rate", "0/s" },
		{ "discard" },
		{ "discard", "--yes" },
		{ "stats", "--state", "dead" },
		{ "stats", UUID },
	};

	(void)state;
	expect(rows, ARRAY_COUNT(rows), EXIT_USAGE);
}

static void test_values(void **state)
{
	static const char *const names[QUEUE_FILTER_COUNT] = { "--target", "--state", "--event",
		"--since", "--until", "--message-id", "--recipient" };
	static const char *const keys[QUEUE_FILTER_COUNT] = { "target", "state", "event", "since",
		"until", "message_id", "recipient" };
	struct queue_options options;

	(void)state;
	for (int i = 0; i < QUEUE_FILTER_COUNT; i++) {
		bool is_time = i == QUEUE_FILTER_SINCE || i == QUEUE_FILTER_UNTIL;
		const char *value = is_time ? "2026-11-21 02:02:03+01:00" : "value";
		const char *const arguments[] = { "list", names[i], value, NULL };

		assert_int_equal(parse(arguments, &options), EXIT_OK);
		assert_string_equal(
			options.filters[i], is_time ? "2026-11-21T01:02:03.000Z" : value);
		assert_string_equal(queue_filter_name((enum queue_filter)i), keys[i]);
		assert_int_equal(options.limit, 50);
	}
}

/* Of an event that is named, more is retried than of many. */
static void test_what_is_changed(void **state)
{
	static const struct {
		const char *arguments[ARGUMENTS_MAX];
		const char *states[8];
	} cases[] = {
		{ { "retry", UUID }, { "ready", "waiting", "dead", "discarded" } },
		{ { "retry", UUID, "--all" },
			{ "ready", "waiting", "dead", "discarded", "delivered" } },
		{ { "retry", UUID, "--as-new" },
			{ "ready", "waiting", "dead", "discarded", "delivered" } },
		{ { "discard", UUID }, { "ready", "waiting", "held", "dead" } },
	};
	static const char *const all[] = { "ready", "waiting", "inflight", "held", "delivered",
		"dead", "discarded" };
	struct queue_options options;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		size_t wanted = 0, got = 0;

		assert_int_equal(parse(cases[i].arguments, &options), EXIT_OK);
		for (size_t j = 0; cases[i].states[j] != NULL; j++, wanted++)
			assert_true(queue_may_change(&options, cases[i].states[j]));
		for (size_t j = 0; j < ARRAY_COUNT(all); j++)
			got += queue_may_change(&options, all[j]);
		assert_int_equal(got, wanted);
	}
	assert_string_equal(queue_default_states(QUEUE_RETRY), "ready,waiting,dead");
	assert_string_equal(queue_default_states(QUEUE_DISCARD), "ready,waiting,held,dead");
}

/* What shells complete are the events that there are. */
static void test_events(void **state)
{
	const struct command_option *event = &command_queue.options[QUEUE_FILTER_EVENT];

	(void)state;
	assert_string_equal(event->name, "event");
	for (int i = 0; i < POSTAL_EVENT_TYPE_COUNT; i++)
		assert_string_equal(
			event->words[i], postal_event_type_name((enum postal_event_type)i));
	assert_null(event->words[POSTAL_EVENT_TYPE_COUNT]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_wrong_usage),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_what_is_changed),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
