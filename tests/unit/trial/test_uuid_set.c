/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "trial/listen/uuid_set.h"

enum {
	MANY = 100000
};

/* Only few bits differ, as in uuids that count up. */
static struct uuid uuid_number(uint32_t number)
{
	struct uuid uuid = { .bytes = { 0 } };

	memcpy(uuid.bytes + 4, &number, sizeof(number));
	return uuid;
}

static void test_tells_apart(void **state)
{
	struct uuid_set set;

	(void)state;
	uuid_set_init(&set, MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		struct uuid uuid = uuid_number(i);

		if (uuid_set_add(&set, &uuid) != UUID_SET_NEW)
			fail_msg("%u is not new", i);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		struct uuid uuid = uuid_number(i);

		if (uuid_set_add(&set, &uuid) != UUID_SET_SEEN)
			fail_msg("%u was not seen", i);
	}
	uuid_set_free(&set);
}

static void test_is_bounded(void **state)
{
	struct uuid first = uuid_number(1), second = uuid_number(2), third = uuid_number(3);
	struct uuid zero = uuid_number(0);
	struct uuid_set set;

	(void)state;
	uuid_set_init(&set, 2);
	assert_int_equal(uuid_set_add(&set, &first), UUID_SET_NEW);
	assert_int_equal(uuid_set_add(&set, &second), UUID_SET_NEW);
	assert_int_equal(uuid_set_add(&set, &third), UUID_SET_FULL);
	assert_int_equal(uuid_set_add(&set, &third), UUID_SET_FULL);
	assert_int_equal(uuid_set_add(&set, &first), UUID_SET_SEEN);
	assert_int_equal(uuid_set_add(&set, &zero), UUID_SET_NEW);
	assert_int_equal(uuid_set_add(&set, &zero), UUID_SET_SEEN);
	uuid_set_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tells_apart),
		cmocka_unit_test(test_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
