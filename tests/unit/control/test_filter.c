/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "control_fixture.h"
#include "filter.h"
#include "repostal/search_key.h"

#define NOW_US (INT64_C(1800000000) * 1000000)

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

/* What was given is named, and what could have been given. */
static void test_refusals_help(void **state)
{
	static struct named_target targets[] = { { .name = (char *)(uintptr_t) "app" },
		{ .name = NULL }, { .name = (char *)(uintptr_t) "other" } };
	static const struct names names = { .targets = targets, .targets_count = 3 };
	static const struct names no_names = { 0 };
	static const struct {
		const char *key, *value;
		const struct names *names;
		const char *want;
	} cases[] = {
		{ "target", "nope", &names, "'nope' is no target here, which are app, other" },
		{ "target", "nope", &no_names, "'nope' is no target here: there is none" },
		{ "event", "Foo", &names, "'Foo' is not one of MessageSent, MessageDelayed" },
		{ "since", "yesterday", &names, "'yesterday' is neither a duration such as 2h" },
		{ "until", "", &names, "'' is neither a duration" },
		{ "state", "dead,alive", &names, "'alive' is not one of ready, waiting" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct filter filter;
		struct error err = { .text = "" };

		filter_init(&filter);
		assert_int_equal(filter_set(&filter, cases[i].names, slice_text(cases[i].key),
					 slice_text(cases[i].value), NOW_US, &err),
			FILTER_BAD_VALUE);
		if (strncmp(err.text, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("%s=%s: '%s'", cases[i].key, cases[i].value, err.text);
		filter_free(&filter);
	}
}

static void test_many_targets_are_cut(void **state)
{
	static struct named_target targets[200];
	struct names names = { .targets = targets, .targets_count = ARRAY_COUNT(targets) };
	struct error err = { .text = "" };
	struct filter filter;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(targets); i++)
		targets[i].name = (char *)(uintptr_t) "application";
	filter_init(&filter);
	assert_int_equal(filter_set(&filter, &names, SLICE_LITERAL("target"), SLICE_LITERAL("nope"),
				 NOW_US, &err),
		FILTER_BAD_VALUE);
	assert_non_null(strstr(err.text, "application, ..."));
	filter_free(&filter);
}

/* As a mail program shows them. */
static void test_addresses_and_ids_are_taken_bare(void **state)
{
	static const struct {
		const char *key, *value, *want;
	} cases[] = {
		{ "recipient", "a@b.example", "a@b.example" },
		{ "recipient", "<a@b.example>", "a@b.example" },
		{ "recipient", " Ann <a@b.example> ", "a@b.example" },
		{ "recipient", " nobody ", "nobody" },
		{ "message_id", "<m1@x>", "m1@x" },
		{ "message_id", " m1@x", "m1@x" },
		{ "message_id", "<>", "<>" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct slice want = slice_text(cases[i].want);
		bool is_recipient = strcmp(cases[i].key, "recipient") == 0;
		struct error err = { .text = "" };
		struct names names = { 0 };
		struct filter filter;

		filter_init(&filter);
		filter_set(&filter, &names, slice_text(cases[i].key), slice_text(cases[i].value),
			NOW_US, &err);
		assert_string_equal(
			is_recipient ? filter.recipient : filter.message_id, cases[i].want);
		assert_int_equal(filter.store.search_key,
			is_recipient ? search_key_recipient(want) : search_key_message(want));
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
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_refusals_help),
		cmocka_unit_test(test_many_targets_are_cut),
		cmocka_unit_test(test_addresses_and_ids_are_taken_bare),
		cmocka_unit_test(test_states_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
