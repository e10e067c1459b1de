/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <getopt.h>

#include "command.h"
#include "queue_options.h"
#include "repostal/memory.h"

enum {
	ARGUMENTS_MAX = 16
};

#define UUID "0f8fad5b-d9cb-569f-a165-70867728950e"

static int parse(const char *const *arguments, struct queue_options *out)
{
	char *argv[ARGUMENTS_MAX + 2] = { (char *)"queue" };
	int argc = 1;

	for (; argc <= ARGUMENTS_MAX && arguments[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
	optind = 0; /* starts anew, and reorders as for the first time */
	return queue_options_parse(argc, argv, out);
}

static void test_usage(void **state)
{
	static const struct {
		const char *arguments[ARGUMENTS_MAX];
		int want;
	} cases[] = {
		{ { "list" }, EXIT_OK },
		{ { "list", "--limit", "0", "--state", "dead,held", "--json" }, EXIT_OK },
		{ { "--since", "2h", "list", "-c", "x.conf" }, EXIT_OK },
		{ { "show", UUID }, EXIT_OK },
		{ { "retry", UUID }, EXIT_OK },
		{ { "retry", UUID, "--target", "app" }, EXIT_OK },
		{ { "retry", "--target", "app" }, EXIT_OK },
		{ { "retry", "--all", "--rate", "600/m" }, EXIT_OK },
		{ { "retry", "--recipient", "a@b", "--all" }, EXIT_OK },
		{ { "discard", UUID, "--yes" }, EXIT_OK },
		{ { "discard", "--event", "MessageSent", "--yes" }, EXIT_OK },
		{ { "stats", "--target", "app" }, EXIT_OK },
		{ { NULL }, EXIT_USAGE },
		{ { "lst" }, EXIT_USAGE },
		{ { "list", UUID }, EXIT_USAGE },
		{ { "list", "--all" }, EXIT_USAGE },
		{ { "list", "--rate", "1/s" }, EXIT_USAGE },
		{ { "list", "--yes" }, EXIT_USAGE },
		{ { "list", "--limit", "-1" }, EXIT_USAGE },
		{ { "list", "--limit", "many" }, EXIT_USAGE },
		{ { "list", "--limit" }, EXIT_USAGE },
		{ { "list", "--state", "" }, EXIT_USAGE },
		{ { "list", "--stat", "dead" }, EXIT_OK },
		{ { "list", "--colour" }, EXIT_USAGE },
		{ { "list", "--json=yes" }, EXIT_USAGE },
		{ { "show" }, EXIT_USAGE },
		{ { "show", "1234" }, EXIT_USAGE },
		{ { "show", UUID, UUID }, EXIT_USAGE },
		{ { "show", UUID, "--target", "app" }, EXIT_USAGE },
		{ { "show", UUID, "--state", "dead" }, EXIT_USAGE },
		{ { "show", UUID, "--limit", "1" }, EXIT_USAGE },
		{ { "retry" }, EXIT_USAGE },
		{ { "retry", "--json" }, EXIT_USAGE },
		{ { "retry", UUID, "--all" }, EXIT_USAGE },
		{ { "retry", UUID, "--state", "dead" }, EXIT_USAGE },
		{ { "retry", UUID, "--rate", "1/s" }, EXIT_USAGE },
		{ { "retry", "--all", "--yes" }, EXIT_USAGE },
		{ { "retry", "--all", "--limit", "1" }, EXIT_USAGE },
		{ { "retry", "--all", "--rate", "fast" }, EXIT_USAGE },
		{ { "retry", "--all", "--rate", "0/s" }, EXIT_USAGE },
		{ { "discard" }, EXIT_USAGE },
		{ { "discard", "--yes" }, EXIT_USAGE },
		{ { "stats", "--state", "dead" }, EXIT_USAGE },
		{ { "stats", UUID }, EXIT_USAGE },
	};
	struct queue_options options;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int got = parse(cases[i].arguments, &options);

		if (got != cases[i].want)
			fail_msg("row %zu (%s): got %d, want %d", i,
				cases[i].arguments[0] == NULL ? "" : cases[i].arguments[0], got,
				cases[i].want);
	}
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
		const char *const arguments[] = { "list", names[i], "value", NULL };

		assert_int_equal(parse(arguments, &options), EXIT_OK);
		assert_string_equal(options.filters[i], "value");
		assert_string_equal(queue_filter_name((enum queue_filter)i), keys[i]);
		assert_int_equal(options.limit, 50);
	}
}

static void test_help_asks_for_nothing_else(void **state)
{
	static const char *const arguments[] = { "retry", "-h", NULL };
	struct queue_options options;

	(void)state;
	assert_int_equal(parse(arguments, &options), EXIT_OK);
	assert_true(options.help);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_help_asks_for_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
