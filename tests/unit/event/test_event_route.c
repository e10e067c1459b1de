/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repostal/event_route.h"
#include "repostal/memory.h"

#define EVENT_BIT(type) (UINT32_C(1) << (type))
#define ALL_EVENTS ((UINT32_C(1) << POSTAL_EVENT_TYPE_COUNT) - 1)

static void test_takes(void **state)
{
	static const struct {
		const char *name;
		uint32_t events;
		bool final_only;
		enum postal_event_type type;
		enum bizmail_kind kind;
		bool permanent;
		bool want;
	} cases[] = {
		{ "all of all", ALL_EVENTS, false, POSTAL_MESSAGE_SENT, BIZMAIL_DELIVERED, false,
			true },
		{ "one that is listed", EVENT_BIT(POSTAL_MESSAGE_HELD), false, POSTAL_MESSAGE_HELD,
			BIZMAIL_DROP, false, true },
		{ "one that is not", EVENT_BIT(POSTAL_MESSAGE_HELD), false, POSTAL_MESSAGE_SENT,
			BIZMAIL_DELIVERED, false, false },
		{ "a soft bounce", ALL_EVENTS, false, POSTAL_MESSAGE_DELAYED, BIZMAIL_BOUNCE, false,
			true },
		{ "final: delivered", ALL_EVENTS, true, POSTAL_MESSAGE_SENT, BIZMAIL_DELIVERED,
			false, true },
		{ "final: dropped", ALL_EVENTS, true, POSTAL_MESSAGE_DELIVERY_FAILED, BIZMAIL_DROP,
			false, true },
		{ "final: a hard bounce", ALL_EVENTS, true, POSTAL_MESSAGE_DELIVERY_FAILED,
			BIZMAIL_BOUNCE, true, true },
		{ "final: a soft bounce", ALL_EVENTS, true, POSTAL_MESSAGE_DELAYED, BIZMAIL_BOUNCE,
			false, false },
		{ "final: a soft bounce under another name", ALL_EVENTS, true,
			POSTAL_MESSAGE_DELIVERY_FAILED, BIZMAIL_BOUNCE, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct event_route route = {
			.events = cases[i].events,
			.final_only = cases[i].final_only,
		};
		struct bizmail_event event = {
			.kind = cases[i].kind,
			.permanent = cases[i].permanent,
		};

		if (event_route_takes(&route, cases[i].type, &event) != cases[i].want)
			fail_msg("%s", cases[i].name);
	}
}

static void test_build(void **state)
{
	static char *listed[] = { (char *)(uintptr_t) "other", (char *)(uintptr_t) "bizmail" };
	static char *unlisted[] = { (char *)(uintptr_t) "other" };
	const struct target_settings targets[] = {
		{ .enabled = true, .events = 1 },
		{ .enabled = false, .events = 2 },
		{ .enabled = true, .events = 4, .sources = listed, .sources_count = 2 },
		{ .enabled = true, .events = 8, .sources = unlisted, .sources_count = 1 },
		{ .enabled = true, .events = 16 },
		{ .enabled = true,
			.events = 3,
			.ordering = TARGET_ORDERING_MESSAGE,
			.final_only = true },
	};
	const uint16_t numbers[] = { 7, 8, 9, 10, EVENT_ROUTE_NO_TARGET, 12 };
	struct event_route routes[ARRAY_COUNT(targets)];

	(void)state;
	assert_int_equal(
		event_routes_build("bizmail", targets, numbers, ARRAY_COUNT(targets), routes), 3);
	assert_int_equal(routes[0].target, 7);
	assert_int_equal(routes[0].events, 1);
	assert_false(routes[0].ordered || routes[0].final_only);
	assert_int_equal(routes[1].target, 9);
	assert_int_equal(routes[2].target, 12);
	assert_true(routes[2].ordered && routes[2].final_only);
	assert_int_equal(event_routes_build("bizmail", targets, numbers, 0, routes), 0);
}

static void test_find(void **state)
{
	const struct routed_source sources[] = { { .number = 3 }, { .number = 0 } };
	const struct event_rules rules = { .sources = sources, .sources_count = 2 };
	const struct event_rules none = { .sources = NULL };

	(void)state;
	assert_ptr_equal(event_rules_find(&rules, 3), &sources[0]);
	assert_ptr_equal(event_rules_find(&rules, 0), &sources[1]);
	assert_null(event_rules_find(&rules, 1));
	assert_null(event_rules_find(&none, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
