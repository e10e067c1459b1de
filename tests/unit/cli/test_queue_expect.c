/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cli/queue/queue_expect.h"
#include "repostal/memory.h"

static void test_counts(void **state)
{
	static const char targets[] =
		"[{\"name\":\"app\",\"ready\":1,\"waiting\":10,\"inflight\":5,\"dead\":100},"
		"{\"name\":\"crm\",\"ready\":1000,\"waiting\":0,\"inflight\":5,\"dead\":7000}]";
	static const struct {
		const char *name;
		const char *filters[QUEUE_FILTER_COUNT];
		int64_t want;
	} cases[] = {
		{ "all", { NULL }, 8111 },
		{ "a target", { [QUEUE_FILTER_TARGET] = "app" }, 111 },
		{ "no such target", { [QUEUE_FILTER_TARGET] = "ap" }, 0 },
		{ "a state", { [QUEUE_FILTER_STATE] = "dead" }, 7100 },
		{ "states", { [QUEUE_FILTER_STATE] = "dead,waiting" }, 7110 },
		{ "held are among ready", { [QUEUE_FILTER_STATE] = "ready,held" }, 1001 },
		{ "ready without held", { [QUEUE_FILTER_STATE] = "ready" }, -1 },
		{ "held without ready", { [QUEUE_FILTER_STATE] = "held,dead" }, -1 },
		{ "both", { [QUEUE_FILTER_TARGET] = "crm", [QUEUE_FILTER_STATE] = "dead" }, 7000 },
		{ "delivered are not counted", { [QUEUE_FILTER_STATE] = "dead,delivered" }, -1 },
		{ "no such state", { [QUEUE_FILTER_STATE] = "dead," }, -1 },
		{ "an event", { [QUEUE_FILTER_EVENT] = "MessageSent" }, -1 },
		{ "a recipient", { [QUEUE_FILTER_RECIPIENT] = "a@b" }, -1 },
	};
	json_t *json = json_loads(targets, 0, NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct queue_options options = { .action = QUEUE_RETRY };
		int64_t got;

		memcpy(options.filters, cases[i].filters, sizeof(options.filters));
		got = queue_expect(&options, json);
		if (got != cases[i].want)
			fail_msg("%s: got %lld, want %lld", cases[i].name, (long long)got,
				(long long)cases[i].want);
	}
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
