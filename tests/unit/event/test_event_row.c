/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repostal/event_row.h"
#include "repostal/memory.h"
#include "repostal/search_key.h"

#define RECEIVED_US INT64_C(1795223400123456)
#define TYPE SLICE_LITERAL("application/json")
#define RAW                                                                                   \
	SLICE_LITERAL(                                                                        \
		"{\"event\":\"bounce\",\"id\":\"a@x.example\",\"recipient\":\"b@x.example\"," \
		"\"time\":1713100000,\"category\":\"soft_bounce\"}")

static const struct event_record record = {
	.source = 7,
	.source_name = SLICE_LITERAL("bizmail"),
	.received_us = RECEIVED_US,
	.content_type = TYPE,
	.raw = RAW,
};

static void test_every_member_of_a_row(void **state)
{
	struct parsed_event parsed;
	struct store_event row;

	(void)state;
	assert_int_equal(event_parse(&record, &parsed), BIZMAIL_PROBLEM_NONE);
	row = event_row(&record, &parsed, POSTAL_MESSAGE_DELAYED);
	assert_int_equal(row.occurred_ms, INT64_C(1713100000000));
	assert_int_equal(row.identity, parsed.identity.hash);
	assert_int_equal(row.received_us, RECEIVED_US);
	assert_int_equal(row.source, 7);
	assert_int_equal(row.kind, BIZMAIL_BOUNCE);
	assert_int_equal(row.type, POSTAL_MESSAGE_DELAYED);
	assert_int_equal(row.search_keys[0], search_key_uuid(slice_text(parsed.uuid)));
	assert_int_equal(row.search_keys[1], search_key_message(SLICE_LITERAL("a@x.example")));
	assert_int_equal(row.search_keys[2], search_key_recipient(SLICE_LITERAL("b@x.example")));
	assert_true(slice_equal(row.content_type, TYPE));
	assert_true(slice_equal(row.raw, RAW));
	assert_int_equal(row.deliveries_count, 0);
	parsed_event_release(&parsed);
}

static void test_every_member_of_a_quarantined_one(void **state)
{
	struct event_record sent = record;
	struct store_quarantined row;

	(void)state;
	sent.kind = BIZMAIL_DROP;
	row = event_quarantine_row(&sent, BIZMAIL_PROBLEM_NO_ID);
	assert_int_equal(row.received_us, RECEIVED_US);
	assert_int_equal(row.source, 7);
	assert_int_equal(row.kind, BIZMAIL_DROP);
	assert_string_equal(row.reason, "no_id");
	assert_true(slice_equal(row.content_type, TYPE));
	assert_true(slice_equal(row.raw, RAW));
}

/* What the store gives back is what it was given, whichever way. */
static void check_record(const char *name, struct event_record got)
{
	if (got.source != 7 || !slice_is(got.source_name, "bizmail") ||
		got.received_us != RECEIVED_US || got.kind != BIZMAIL_BOUNCE ||
		!slice_equal(got.content_type, TYPE) || !slice_equal(got.raw, RAW))
		fail_msg("%s", name);
}

static void test_records_of_rows(void **state)
{
	const struct store_row row = {
		.source = 7,
		.received_us = RECEIVED_US,
		.kind = BIZMAIL_BOUNCE,
		.content_type = TYPE,
		.raw = RAW,
	};
	const struct store_claimed claimed = {
		.source = 7,
		.source_name = "bizmail",
		.received_us = RECEIVED_US,
		.kind = BIZMAIL_BOUNCE,
		.content_type = TYPE,
		.raw = RAW,
	};
	const struct store_quarantine_row quarantined = {
		.source = 7,
		.received_us = RECEIVED_US,
		.kind = BIZMAIL_BOUNCE,
		.content_type = TYPE,
		.raw = RAW,
	};
	struct slice name = SLICE_LITERAL("bizmail");

	(void)state;
	check_record("row", event_record_of_row(&row, name));
	check_record("claimed", event_record_of_claimed(&claimed));
	check_record("quarantined", event_record_of_quarantined(&quarantined, name));
}

static void test_takers(void **state)
{
	static const struct event_route routes[] = {
		{ .target = 1, .events = UINT32_MAX, .max_open = 50 },
		{ .target = 2, .events = UINT32_MAX, .final_only = true },
		{ .target = 3, .events = 1U << POSTAL_MESSAGE_SENT },
		{ .target = 4, .events = UINT32_MAX, .ordered = true },
	};
	static const struct routed_source source = {
		.routes = routes,
		.routes_count = ARRAY_COUNT(routes),
	};
	static const struct routed_source nobody = { .routes = NULL };
	struct store_new_delivery deliveries[ARRAY_COUNT(routes)] = { { .target = 99 } };
	struct parsed_event parsed;

	(void)state;
	assert_int_equal(event_parse(&record, &parsed), BIZMAIL_PROBLEM_NONE);
	assert_int_equal(event_takers_count(&nobody, &parsed, POSTAL_MESSAGE_DELAYED), 0);
	assert_int_equal(event_takers_count(&source, &parsed, POSTAL_MESSAGE_DELAYED), 2);
	event_takers_fill(&source, &parsed, POSTAL_MESSAGE_DELAYED, deliveries);
	assert_int_equal(deliveries[0].target, 1);
	assert_int_equal(deliveries[0].max_open, 50);
	assert_int_equal(deliveries[0].order_key, 0);
	assert_int_equal(deliveries[1].target, 4);
	assert_int_equal(deliveries[1].max_open, 0);
	assert_int_equal(deliveries[1].order_key,
		search_key_order(SLICE_LITERAL("bizmail"), SLICE_LITERAL("a@x.example"),
			SLICE_LITERAL("b@x.example")));
	for (size_t i = 0; i < 2; i++)
		assert_false(deliveries[i].leased || deliveries[i].is_refused);
	parsed_event_release(&parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_member_of_a_row),
		cmocka_unit_test(test_every_member_of_a_quarantined_one),
		cmocka_unit_test(test_records_of_rows),
		cmocka_unit_test(test_takers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
