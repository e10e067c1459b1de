/* SPDX-License-Identifier: MIT */
/*
 * What is known of a message beside its event gets into the envelope, and in which order of precedence. The
 * envelope itself is test_golden.c's and test_envelope.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "repostal/event_envelope.h"
#include "repostal/memory.h"

enum {
	NUMBER = 3, /* of the source that is configured */
};

static const struct translate_settings settings;

static void check(const char *name, const struct event_rules *rules, uint16_t source,
	const struct known_message *known, const char *want)
{
	const struct event_record record = {
		.source = source,
		.source_name = SLICE_LITERAL("bizmail"),
		.content_type = SLICE_LITERAL("application/json"),
		.raw = SLICE_LITERAL(
			"{\"event\":\"delivered\",\"id\":\"a@x.example\","
			"\"recipient\":\"b@x.example\",\"returnPath\":\"r@x.example\"}"),
	};
	struct parsed_event parsed;
	struct buf envelope;

	buf_init(&envelope, ENVELOPE_SIZE_MAX);
	assert_int_equal(event_parse(&record, &parsed), BIZMAIL_PROBLEM_NONE);
	assert_true(event_envelope(rules, &parsed, known, &envelope));
	if (strstr(envelope.data, want) == NULL)
		fail_msg("%s: %s", name, envelope.data);
	parsed_event_release(&parsed);
	buf_free(&envelope);
}

static void test_what_is_known_comes_before_defaults(void **state)
{
	static char from[] = "source@x.example", subject[] = "of the source", tag[] = "source";
	static const struct source_settings source = { .defaults = { from, subject, tag } };
	static const struct source_settings plain = { .path = from };
	static const struct routed_source sources[] = {
		{ .settings = &plain, .number = NUMBER + 1 },
		{ .settings = &source, .number = NUMBER },
	};
	static const struct event_rules rules = { &settings, sources, ARRAY_COUNT(sources) };
	static const struct known_message nothing;
	static const struct known_message all = {
		.from = SLICE_LITERAL("known@x.example"),
		.subject = SLICE_LITERAL("known"),
		.tag = SLICE_LITERAL("k"),
	};
	static const struct known_message some = { .subject = SLICE_LITERAL("known") };
	static const struct {
		const char *name;
		uint16_t source;
		const struct known_message *known;
		const char *want;
	} cases[] = {
		{ "nothing, of a source that is not configured", NUMBER + 2, &nothing,
			"\"from\":\"r@x.example\",\"subject\":\"\"" },
		{ "nothing, of a source without defaults", NUMBER + 1, &nothing,
			"\"from\":\"r@x.example\",\"subject\":\"\"" },
		{ "the source's defaults", NUMBER, &nothing,
			"\"from\":\"source@x.example\",\"subject\":\"of the source\"" },
		{ "the source's tag", NUMBER, &nothing, "\"tag\":\"source\"" },
		{ "all is known", NUMBER, &all,
			"\"from\":\"known@x.example\",\"subject\":\"known\"" },
		{ "the known tag", NUMBER, &all, "\"tag\":\"k\"" },
		{ "known without its source", NUMBER + 2, &all,
			"\"from\":\"known@x.example\",\"subject\":\"known\"" },
		{ "some is known", NUMBER, &some,
			"\"from\":\"source@x.example\",\"subject\":\"known\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		check(cases[i].name, &rules, cases[i].source, cases[i].known, cases[i].want);
}

static void test_what_does_not_fit_is_refused(void **state)
{
	static const struct event_rules rules = { .translate = &settings };
	static const struct known_message nothing;
	const struct event_record record = {
		.content_type = SLICE_LITERAL("application/json"),
		.raw = SLICE_LITERAL(
			"{\"event\":\"delivered\",\"id\":\"a@x.example\",\"to\":\"b@x.example\"}"),
	};
	struct parsed_event parsed;
	struct buf envelope;

	(void)state;
	assert_int_equal(event_parse(&record, &parsed), BIZMAIL_PROBLEM_NONE);
	buf_init(&envelope, 100);
	assert_false(event_envelope(&rules, &parsed, &nothing, &envelope));
	parsed_event_release(&parsed);
	buf_free(&envelope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_known_comes_before_defaults),
		cmocka_unit_test(test_what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
