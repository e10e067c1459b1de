/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "repostal/memory.h"
#include "repostal/own_listeners.h"

enum {
	PORT = 8026
};

/* 192.0.2.1 and 2001:db8::1 are this machine's in this test. */
static bool is_this_machine(const struct address *address)
{
	struct address v4, v6;

	assert_true(address_parse(slice_text("192.0.2.1"), &v4));
	assert_true(address_parse(slice_text("2001:db8::1"), &v6));
	return memcmp(address, &v4, sizeof(v4)) == 0 || memcmp(address, &v6, sizeof(v6)) == 0;
}

static void test_what_arrives_at_ourselves(void **state)
{
	static const struct {
		const char *listener, *address;
		int port;
		bool want;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1", PORT, true },
		{ "127.0.0.1", "127.0.0.1", PORT + 1, false },
		{ "127.0.0.1", "::ffff:127.0.0.1", PORT, true },
		{ "127.0.0.1", "0.0.0.0", PORT, true },
		{ "127.0.0.1", "::", PORT, true },
		{ "127.0.0.1", "127.0.0.2", PORT, false },
		{ "127.0.0.1", "192.0.2.1", PORT, false },
		{ "127.0.0.1", "::1", PORT, false },
		{ "::1", "::1", PORT, true },
		{ "::1", "::", PORT, true },
		{ "::1", "127.0.0.1", PORT, false },
		{ "0.0.0.0", "127.0.0.1", PORT, true },
		{ "0.0.0.0", "127.9.9.9", PORT, true },
		{ "0.0.0.0", "0.0.0.0", PORT, true },
		{ "0.0.0.0", "192.0.2.1", PORT, true },
		{ "0.0.0.0", "64:ff9b::c000:201", PORT, true },
		{ "0.0.0.0", "192.0.2.2", PORT, false },
		{ "0.0.0.0", "192.0.2.1", PORT + 1, false },
		{ "::", "2001:db8::1", PORT, true },
		{ "::", "192.0.2.1", PORT, true },
		{ "::", "::1", PORT, true },
		{ "::", "2001:db8::2", PORT, false },
		{ "192.0.2.1", "192.0.2.1", PORT, true },
		{ "192.0.2.1", "::ffff:192.0.2.1", PORT, true },
		{ "192.0.2.1", "2002:c000:201::1", PORT, true },
		{ "192.0.2.1", "0.0.0.0", PORT, false },
		{ "192.0.2.1", "127.0.0.1", PORT, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct own_listeners own = { .count = 0 };
		struct address address;

		assert_true(own_listeners_add(&own, "203.0.113.7", 1));
		assert_true(own_listeners_add(&own, cases[i].listener, PORT));
		assert_true(address_parse(slice_text(cases[i].address), &address));
		if (own_listeners_have(&own, &address, cases[i].port, is_this_machine) !=
			cases[i].want)
			fail_msg("%s to %s", cases[i].address, cases[i].listener);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_arrives_at_ourselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
