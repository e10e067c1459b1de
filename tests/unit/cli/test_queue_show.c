/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/queue/queue_show.h"
#include "repostal/memory.h"

enum {
	TEXT_SIZE_MAX = 64 * 1024
};

#define HEAD                                                                              \
	"\"uuid\":\"u-1\",\"event\":\"MessageSent\",\"source\":\"bizmail\",\"kind\":"     \
	"\"delivered\","                                                                  \
	"\"received\":\"2026-11-21T01:02:03.456Z\",\"message_id\":\"m@x\",\"recipient\":" \
	"\"a\\u0007@b\","

#define HEAD_SHOWN                           \
	"UUID        u-1\n"                  \
	"Event       MessageSent\n"          \
	"Source      bizmail\n"              \
	"Kind        delivered\n"            \
	"Received    2026-11-21T01:02:03Z\n" \
	"Message id  m@x\n"                  \
	"Recipient   a\\u0007@b\n"

static void test_events(void **state)
{
	static const struct {
		const char *name;
		const char *event;
		const char *want;
	} cases[] = {
		{ "delivered at once",
			"{" HEAD "\"envelope\":{\"b\":1763687023.456,\"a\":0.3},\"deliveries\":["
			"{\"target\":\"app\",\"state\":\"delivered\",\"attempts\":1,\"due\":null,"
			"\"finished\":\"2026-11-21T01:02:04.000Z\",\"status\":200,\"history\":[]}]"
			"}",
			HEAD_SHOWN
			"\nEnvelope\n"
			"  {\n"
			"    \"b\": 1763687023.456,\n"
			"    \"a\": 0.3\n"
			"  }\n"
			"\nDelivery to app: delivered, 1 attempt, last answered 200, finished "
			"2026-11-21T01:02:04Z\n" },
		{ "attempts, and answers that would steer a terminal",
			"{" HEAD "\"envelope\":{},\"deliveries\":["
			"{\"target\":\"app\",\"state\":\"waiting\",\"attempts\":2,"
			"\"due\":\"2026-11-21T01:05:00.000Z\",\"finished\":null,\"status\":null,"
			"\"result\":\"timeout\",\"history\":["
			"{\"number\":1,\"started\":\"2026-11-21T01:02:03.456Z\",\"duration_ms\":12,"
			"\"status\":500,\"result\":\"5xx\",\"answer\":\"out\\n\\u001b[2Jof "
			"order\\n\"},"
			"{\"number\":2,\"started\":\"2026-11-21T01:02:04.456Z\",\"duration_ms\":"
			"5000,"
			"\"status\":null,\"result\":\"timeout\",\"answer\":\"\"}]}]}",
			HEAD_SHOWN
			"\nEnvelope\n"
			"  {}\n"
			"\nDelivery to app: waiting, 2 attempts, due 2026-11-21T01:05:00Z\n"
			"  1.  2026-11-21T01:02:03Z  12 ms  500\n"
			"      out\n"
			"      \\u001b[2Jof order\n"
			"  2.  2026-11-21T01:02:04Z  5000 ms  timeout\n" },
		{ "what cannot be translated, and nobody wants",
			"{" HEAD
			"\"envelope\":null,\"raw\":\"{\\\"x\\\":\\n1}\",\"deliveries\":[]}",
			HEAD_SHOWN "\nNo envelope can be made of it. Its bytes:\n"
				   "  {\"x\":\n"
				   "  1}\n"
				   "\nNo target wants it.\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		json_t *event = json_loads(cases[i].event, 0, NULL);
		struct buf out;

		assert_non_null(event);
		buf_init(&out, TEXT_SIZE_MAX);
		queue_show_append(&out, event);
		if (!slice_is(buf_slice(&out), cases[i].want))
			fail_msg("%s: got\n%s\nwant\n%s", cases[i].name, out.data, cases[i].want);
		buf_free(&out);
		json_decref(event);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
