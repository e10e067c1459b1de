/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "repostal/egress.h"
#include "repostal/memory.h"

enum {
	RANGES_MAX = 2
};

static void test_denied(void **state)
{
	static const struct {
		const char *ranges[RANGES_MAX];
		const char *address;
		bool denied;
	} cases[] = {
#define DEFAULT { "169.254.0.0/16", "fe80::/10" }
		{ DEFAULT, "169.254.169.254", true },
		{ DEFAULT, "::ffff:169.254.169.254", true },
		{ DEFAULT, "64:ff9b::a9fe:a9fe", true },
		{ DEFAULT, "64:ff9b:1::a9fe:a9fe", true },
		{ DEFAULT, "64:ff9b::6464:64c8", true },
		{ DEFAULT, "2002:a9fe:a9fe::1", true },
		{ DEFAULT, "::169.254.169.254", true },
		{ DEFAULT, "::ffff:0:169.254.169.254", true },
		{ DEFAULT, "fe80::a9fe:a9fe", true },
		{ DEFAULT, "100.100.100.200", true },
		{ DEFAULT, "192.0.0.192", true },
		{ DEFAULT, "168.63.129.16", true },
		{ DEFAULT, "fd00:ec2::254", true },
		{ DEFAULT, "fd00:ec2::23", true },
		{ DEFAULT, "fd20:ce::254", true },
		{ DEFAULT, "fd00:c1::a9fe:a9fe", true },
		{ DEFAULT, "fd00:42::42", true },
		{ DEFAULT, "100.100.100.201", false },
		{ DEFAULT, "fd00:ec3::254", false },
		{ DEFAULT, "64:ff9b::5db8:d822", false },
		{ DEFAULT, "2002:5db8:d822::1", false },
		{ DEFAULT, "127.0.0.1", false },
		{ DEFAULT, "::1", false },
		{ DEFAULT, "10.0.0.1", false },
#undef DEFAULT
		/* To open the one is to open the others. */
		{ { NULL }, "169.254.169.254", false },
		{ { NULL }, "fd00:ec2::254", false },
		{ { "10.0.0.0/8" }, "100.100.100.200", false },
		{ { "10.0.0.0/8" }, "64:ff9b::a00:1", true },
		{ { "10.0.0.0/8" }, "2002:a00:1::", true },
		{ { "169.254.169.254" }, "fd00:ec2::254", true },
		{ { "0.0.0.0/8" }, "::1", false },
		{ { "127.0.0.0/8" }, "::", true },
		{ { "64:ff9b::/96" }, "64:ff9b::5db8:d822", true },
		{ { "64:ff9b::/96" }, "93.184.216.34", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct address_range list[RANGES_MAX];
		struct egress_settings settings = { .deny.list = list };
		struct address address;

		while (settings.deny.count < RANGES_MAX &&
			cases[i].ranges[settings.deny.count] != NULL) {
			assert_true(address_range_parse(
				slice_text(cases[i].ranges[settings.deny.count]),
				&list[settings.deny.count]));
			settings.deny.count++;
		}
		assert_true(address_parse(slice_text(cases[i].address), &address));
		if (egress_denies(&settings, &address) != cases[i].denied)
			fail_msg("case %zu: %s", i, cases[i].address);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
