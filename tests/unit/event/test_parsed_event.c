/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "repostal/memory.h"
#include "repostal/parsed_event.h"

#define RECEIVED_US INT64_C(1795223400123456)
#define GOOD                                                                             \
	"{\"event\":\"delivered\",\"id\":\"a@x.example\",\"recipient\":\"b@x.example\"," \
	"\"time\":1713100000}"

static struct event_record record_of(const char *raw)
{
	return (struct event_record){
		.source = 7,
		.source_name = SLICE_LITERAL("bizmail"),
		.received_us = RECEIVED_US,
		.content_type = SLICE_LITERAL("application/json"),
		.raw = slice_text(raw),
	};
}

static void test_problems(void **state)
{
	static const struct {
		const char *name;
		const char *raw;
		uint8_t kind;
		enum bizmail_problem want;
		const char *want_id;
	} cases[] = {
		{ "none", GOOD, 0, BIZMAIL_PROBLEM_NONE, "a@x.example" },
		{ "no JSON", "hello", 0, BIZMAIL_PROBLEM_UNPARSEABLE, "" },
		{ "nothing", "", 0, BIZMAIL_PROBLEM_UNPARSEABLE, "" },
		{ "no kind", "{\"id\":\"a@x.example\",\"to\":\"b@x.example\"}", 0,
			BIZMAIL_PROBLEM_UNKNOWN_KIND, "a@x.example" },
		{ "a kind that only the record has",
			"{\"id\":\"a@x.example\",\"to\":\"b@x.example\"}", BIZMAIL_DROP,
			BIZMAIL_PROBLEM_NONE, "a@x.example" },
		{ "no recipient", "{\"event\":\"drop\",\"id\":\"a@x.example\"}", 0,
			BIZMAIL_PROBLEM_NO_RECIPIENT, "a@x.example" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct event_record record = record_of(cases[i].raw);
		struct parsed_event parsed;
		bool is_good = cases[i].want == BIZMAIL_PROBLEM_NONE;

		record.kind = cases[i].kind;
		if (event_parse(&record, &parsed) != cases[i].want ||
			parsed.problem != cases[i].want ||
			!slice_is(parsed.event.id, cases[i].want_id) ||
			(parsed.uuid[0] != '\0') != is_good || parsed.source != 7 ||
			parsed.received_us != RECEIVED_US ||
			!slice_is(parsed.source_name, "bizmail"))
			fail_msg("%s: %s", cases[i].name, bizmail_problem_name(parsed.problem));
		parsed_event_release(&parsed);
	}
}

static void test_uuids_that_it_was_sent_under(void **state)
{
	const struct event_record record = record_of(GOOD);
	struct slice app = SLICE_LITERAL("app"), other = SLICE_LITERAL("other");
	char own[UUID_TEXT_SIZE], second[UUID_TEXT_SIZE], text[UUID_TEXT_SIZE];
	struct parsed_event parsed;

	(void)state;
	assert_int_equal(event_parse(&record, &parsed), BIZMAIL_PROBLEM_NONE);
	memcpy(own, parsed.uuid, sizeof(own));
	parsed_event_print_uuid(&parsed, app, 0, text);
	assert_string_equal(text, own);
	parsed_event_print_uuid(&parsed, app, 2, second);
	assert_string_not_equal(second, own);

	assert_true(parsed_event_was_sent_as(&parsed, app, 2, slice_text(second)));
	assert_true(parsed_event_was_sent_as(&parsed, app, 3, slice_text(second)));
	assert_false(parsed_event_was_sent_as(&parsed, app, 1, slice_text(second)));
	assert_false(parsed_event_was_sent_as(&parsed, other, 2, slice_text(second)));
	assert_false(parsed_event_was_sent_as(&parsed, app, 0, slice_text(own)));
	/* Of a number that nobody can have reached, only the last ones. */
	assert_false(parsed_event_was_sent_as(&parsed, app, INT32_MAX, slice_text(second)));
	parsed_event_print_uuid(&parsed, app, INT32_MAX, text);
	assert_true(parsed_event_was_sent_as(&parsed, app, INT32_MAX, slice_text(text)));

	parsed_event_send_as_new(&parsed, app, 0);
	assert_string_equal(parsed.uuid, own);
	parsed_event_send_as_new(&parsed, app, 2);
	assert_string_equal(parsed.uuid, second);
	parsed_event_release(&parsed);
}

static void test_what_has_no_uuid_was_not_sent(void **state)
{
	const struct event_record record = record_of("hello");
	char text[UUID_TEXT_SIZE] = "x";
	struct parsed_event parsed;

	(void)state;
	(void)event_parse(&record, &parsed);
	parsed_event_print_uuid(&parsed, SLICE_LITERAL("app"), 1, text);
	assert_string_equal(text, "");
	assert_false(parsed_event_was_sent_as(&parsed, SLICE_LITERAL("app"), 1, slice_text("")));
	parsed_event_release(&parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_uuids_that_it_was_sent_under),
		cmocka_unit_test(test_what_has_no_uuid_was_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
