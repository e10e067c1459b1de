/* SPDX-License-Identifier: MIT */
/*
 * An envelope is made of what intake parsed, or of what was claimed from the disk: with the same result, and with
 * the rules of the moment when it is made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "repostal/event_envelope.h"
#include "repostal/event_row.h"
#include "repostal/memory.h"
#include "repostal/outgoing.h"

#define RECEIVED_US INT64_C(1795223400123456)
#define TYPE SLICE_LITERAL("application/json")
#define GOOD                                                                             \
	"{\"event\":\"delivered\",\"id\":\"a@x.example\",\"recipient\":\"b@x.example\"," \
	"\"time\":1713100000}"

enum {
	SOURCE = 5
};

static const struct translate_settings settings;
static char from[] = "source@x.example";
static const struct source_settings source_settings = { .defaults = { .from = from } };
static const struct routed_source sources[] = { { .settings = &source_settings,
	.number = SOURCE } };
static const struct event_rules rules = { &settings, sources, 1 };
static const struct event_rules rules_without_source = { .translate = &settings };

static void parse(const char *source_name, struct parsed_event *parsed_out)
{
	const struct event_record record = {
		.source = SOURCE,
		.source_name = slice_text(source_name),
		.received_us = RECEIVED_US,
		.content_type = TYPE,
		.raw = slice_text(GOOD),
	};

	assert_int_equal(event_parse(&record, parsed_out), BIZMAIL_PROBLEM_NONE);
}

static struct outgoing *fresh(size_t deliveries_count)
{
	char name[] = "bizmail";
	struct parsed_event parsed;
	struct outgoing *outgoing;

	parse(name, &parsed);
	outgoing = outgoing_new(&parsed, deliveries_count);
	/* What intake does afterwards, and what a reload may do. */
	parsed_event_release(&parsed);
	memset(name, 'x', sizeof(name) - 1);
	return outgoing;
}

static struct outgoing *claimed(const char *source_name, const char *raw, int as_new)
{
	char target[] = "app";
	size_t size = strlen(raw);
	struct store_claimed *item = memory_zalloc(sizeof(*item) + size);
	struct outgoing *outgoing;

	*item = (struct store_claimed){
		.event = 3,
		.lease = 4,
		.received_us = RECEIVED_US,
		.as_new = as_new,
		.source = SOURCE,
		.source_name = source_name,
		.content_type = TYPE,
		.raw = slice_of((char *)(item + 1), size),
	};
	memcpy(item + 1, raw, size);
	outgoing = outgoing_of_claimed(item, slice_text(target));
	memset(target, 'x', sizeof(target) - 1);
	return outgoing;
}

static void expected(const struct event_rules *by, struct buf *out)
{
	static const struct known_message nothing;
	struct parsed_event parsed;

	buf_init(out, ENVELOPE_SIZE_MAX);
	parse("bizmail", &parsed);
	assert_true(event_envelope(by, &parsed, &nothing, out));
	parsed_event_release(&parsed);
}

static void test_fresh(void **state)
{
	static const struct store_event stored = { .id = 11, .lease = 12 };
	struct outgoing *outgoing = fresh(2);
	struct buf want;

	(void)state;
	expected(&rules, &want);
	assert_int_equal(outgoing->source, SOURCE);
	assert_int_equal(outgoing->received_us, RECEIVED_US);
	outgoing_set_stored(outgoing, &stored);
	assert_int_equal(outgoing->event, 11);
	assert_int_equal(outgoing->lease, 12);
	assert_int_equal(outgoing->body.size, 0);
	outgoing_make(outgoing, &rules);
	assert_null(outgoing->problem);
	assert_true(slice_equal(outgoing->body, buf_slice(&want)));
	assert_int_equal(outgoing->happened_ms, INT64_C(1713100000000));
	assert_int_equal(outgoing_uuid(outgoing).size, UUID_TEXT_SIZE - 1);
	/* It is made once. */
	outgoing_make(outgoing, &rules_without_source);
	assert_true(slice_equal(outgoing->body, buf_slice(&want)));
	buf_free(&want);
	outgoing_release(outgoing, 2);
}

static void test_rules_of_the_moment(void **state)
{
	struct outgoing *outgoing = fresh(1);
	struct buf want;

	(void)state;
	expected(&rules_without_source, &want);
	outgoing_make(outgoing, &rules_without_source);
	assert_true(slice_equal(outgoing->body, buf_slice(&want)));
	buf_free(&want);
	outgoing_release(outgoing, 1);
}

static void test_claimed_is_as_fresh(void **state)
{
	struct outgoing *outgoing = claimed("bizmail", GOOD, 0);
	struct buf want;

	(void)state;
	expected(&rules, &want);
	assert_int_equal(outgoing->event, 3);
	assert_int_equal(outgoing->lease, 4);
	assert_int_equal(outgoing->source, SOURCE);
	assert_int_equal(outgoing->received_us, RECEIVED_US);
	outgoing_make(outgoing, &rules);
	assert_null(outgoing->problem);
	assert_true(slice_equal(outgoing->body, buf_slice(&want)));
	assert_int_equal(outgoing->happened_ms, INT64_C(1713100000000));
	buf_free(&want);
	outgoing_release(outgoing, 1);
}

static void test_claimed_as_new_has_another_uuid(void **state)
{
	struct outgoing *outgoing = claimed("bizmail", GOOD, 2);
	char uuid[UUID_TEXT_SIZE];
	struct parsed_event parsed;

	(void)state;
	parse("bizmail", &parsed);
	parsed_event_print_uuid(&parsed, SLICE_LITERAL("app"), 2, uuid);
	outgoing_make(outgoing, &rules);
	assert_true(slice_is(outgoing_uuid(outgoing), uuid));
	parsed_event_release(&parsed);
	outgoing_release(outgoing, 1);
}

static void test_what_cannot_be_made(void **state)
{
	static const struct {
		const char *name;
		const char *source_name;
		const char *raw;
		const char *want;
	} cases[] = {
		{ "not understood any more", "bizmail", "{\"event\":\"opened\",\"id\":\"a@x\"}",
			"cannot be translated any more: unknown_kind" },
		{ "nothing", "bizmail", "", "cannot be translated any more: unparseable" },
		{ "of a number that stands for nothing", "", GOOD,
			"cannot be translated: source number 5 is not known" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct outgoing *outgoing = claimed(cases[i].source_name, cases[i].raw, 1);

		outgoing_make(outgoing, &rules);
		if (outgoing->problem == NULL || strcmp(outgoing->problem, cases[i].want) != 0 ||
			outgoing->body.size != 0 || outgoing_uuid(outgoing).size != 0)
			fail_msg("%s: %s", cases[i].name, outgoing->problem);
		outgoing_release(outgoing, 1);
	}
}

static void test_the_budget_gets_back_what_it_gave(void **state)
{
	_Atomic int64_t budget = 0;

	(void)state;
	for (int is_made = 0; is_made < 2; is_made++) {
		struct outgoing *outgoing = fresh(1);

		outgoing->budget = &budget;
		atomic_fetch_add(&budget, (int64_t)outgoing->memory_size);
		if (is_made) {
			outgoing_make(outgoing, &rules);
			assert_true(budget >= (int64_t)outgoing->body.size);
			assert_int_equal(budget, outgoing->memory_size);
		}
		outgoing_release(outgoing, 1);
		assert_int_equal(budget, 0);
	}
}

static void test_deliveries_leave(void **state)
{
	struct outgoing *outgoing = fresh(3);

	(void)state;
	for (uint8_t i = 0; i < 3; i++)
		outgoing->deliveries[i].type = i;
	assert_true(outgoing_remove(outgoing, 1));
	assert_int_equal(outgoing->deliveries[0].type, 0);
	assert_int_equal(outgoing->deliveries[1].type, 2);
	assert_true(outgoing_remove(outgoing, 0));
	assert_int_equal(outgoing->deliveries[0].type, 2);
	assert_false(outgoing_remove(outgoing, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_rules_of_the_moment),
		cmocka_unit_test(test_claimed_is_as_fresh),
		cmocka_unit_test(test_claimed_as_new_has_another_uuid),
		cmocka_unit_test(test_what_cannot_be_made),
		cmocka_unit_test(test_the_budget_gets_back_what_it_gave),
		cmocka_unit_test(test_deliveries_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
