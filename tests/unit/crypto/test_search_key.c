/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "repostal/memory.h"
#include "repostal/search_key.h"
#include "repostal/slice.h"

#define UUID "8e3f0a52-6cb8-5d1e-9a55-0123456789ab"

/* They are stored: none of these may ever change. */
static void test_keys_are_for_ever(void **state)
{
	const struct slice id = SLICE_LITERAL("<1@Example.com>");
	const struct slice recipient = SLICE_LITERAL("B@example.com");

	(void)state;
	assert_int_equal(
		search_key_uuid(SLICE_LITERAL(UUID)), INT64_C(0x9a550123456789ab) & INT64_MAX);
	assert_int_equal(search_key_message(id), INT64_C(2558015544905642220));
	assert_int_equal(search_key_recipient(recipient), INT64_C(6842586722474228008));
	assert_int_equal(search_key_order(SLICE_LITERAL("bizmail"), id, recipient),
		INT64_C(1643260288077029094));
}

static void test_same_and_different(void **state)
{
	static char large[4096];
	const struct slice a = SLICE_LITERAL("a@example.com"), b = SLICE_LITERAL("b@example.com");
	const struct slice one = SLICE_LITERAL("one"), none = SLICE_LITERAL("");
	const struct {
		const char *name;
		int64_t key;
		int64_t other;
		bool same;
	} rows[] = {
		{ "case", search_key_message(SLICE_LITERAL("A@Example.COM")), search_key_message(a),
			true },
		{ "case of a uuid",
			search_key_uuid(SLICE_LITERAL("8E3F0A52-6CB8-5D1E-9A55-0123456789AB")),
			search_key_uuid(SLICE_LITERAL(UUID)), true },
		{ "case in an order", search_key_order(one, SLICE_LITERAL("X"), a),
			search_key_order(one, SLICE_LITERAL("x"), a), true },
		{ "texts", search_key_message(a), search_key_message(b), false },
		{ "uses", search_key_message(a), search_key_recipient(a), false },
		{ "sources", search_key_order(one, a, b),
			search_key_order(SLICE_LITERAL("two"), a, b), false },
		{ "where one part ends",
			search_key_order(one, SLICE_LITERAL("ab"), SLICE_LITERAL("c")),
			search_key_order(one, SLICE_LITERAL("a"), SLICE_LITERAL("bc")), false },
		{ "nothing", search_key_message(none), search_key_recipient(none), false },
		{ "no uuid", search_key_uuid(SLICE_LITERAL("x")), 1, true },
		{ "larger than any id", search_key_message(slice_of(large, sizeof(large))),
			search_key_message(slice_of(large, sizeof(large) - 1)), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if ((rows[i].key == rows[i].other) != rows[i].same)
			fail_msg("%s", rows[i].name);
		if (rows[i].key <= 0)
			fail_msg("%s: not a key", rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_are_for_ever),
		cmocka_unit_test(test_same_and_different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
