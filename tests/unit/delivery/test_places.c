/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "queue/places.h"
#include "repostal/memory.h"

enum {
	SEATS = 4,
	NOW_MS = 1000 * 1000
};

static int take_all(struct places *places, struct seat *seat)
{
	int taken = 0;

	while (taken < PLACES_MAX && places_take(places, seat, NOW_MS))
		taken++;
	return taken;
}

static void test_of_descriptors(void **state)
{
	static const struct {
		int64_t descriptors;
		int places;
	} cases[] = {
		{ 0, PLACES_MIN },
		{ 64, PLACES_MIN },
		{ 1024, 240 },
		{ 4096, 1008 },
		{ 65536, PLACES_MAX },
		{ INT32_MAX, PLACES_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (places_of_descriptors(cases[i].descriptors) != cases[i].places)
			fail_msg("case %zu", i);
}

static void test_share(void **state)
{
	static const struct {
		int total;
		size_t targets;
		int share;
	} cases[] = {
		{ 1024, 0, 1024 },
		{ 1024, 1, 1024 },
		{ 1024, 2, 256 },
		{ 1024, 1000, 1 },
		{ 1024, 1024, 1 },
		{ 240, 1000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct places places;

		places_init(&places, cases[i].total);
		if (places_share(&places, cases[i].targets) != cases[i].share)
			fail_msg("case %zu", i);
	}
}

static void test_what_is_guaranteed_is_there(void **state)
{
	struct seat seats[SEATS] = { 0 };
	struct places places;

	(void)state;
	places_init(&places, 10);
	for (size_t i = 0; i < SEATS; i++)
		places_guarantee(&places, &seats[i], 2);
	assert_int_equal(take_all(&places, &seats[0]), 4);
	assert_true(seats[0].is_waiting);
	for (size_t i = 1; i < SEATS; i++)
		assert_int_equal(take_all(&places, &seats[i]), 2);
	assert_int_equal(places.taken, places.total);
	places_give_back(&places, &seats[1]);
	assert_null(places_call(&places, NOW_MS));
	assert_true(places_take(&places, &seats[1], NOW_MS));
	places_guarantee(&places, &seats[1], 0);
	places_give_back(&places, &seats[1]);
	assert_ptr_equal(places_call(&places, NOW_MS), &seats[0]);
}

static void test_turns(void **state)
{
	struct seat seats[SEATS] = { 0 };
	struct places places;

	(void)state;
	places_init(&places, 1);
	for (size_t i = 0; i < SEATS; i++)
		assert_int_equal(take_all(&places, &seats[i]), i == 0);
	assert_null(places_call(&places, NOW_MS));
	assert_int_equal(places_wait_ms(&places, NOW_MS), INT64_MAX);
	for (size_t turn = 0; turn < (size_t)3 * SEATS; turn++) {
		struct seat *before = &seats[turn % SEATS];
		struct seat *seat = &seats[(turn + 1) % SEATS];

		places_give_back(&places, before);
		assert_int_equal(places_wait_ms(&places, NOW_MS), 0);
		/* The one that has just had one waits until the others had theirs. */
		assert_false(places_take(&places, before, NOW_MS));
		assert_ptr_equal(places_call(&places, NOW_MS), turn == 0 ? &seats[0] : seat);
		if (turn == 0) {
			seats[0].is_called = false;
			assert_false(places_take(&places, &seats[0], NOW_MS));
			assert_ptr_equal(places_call(&places, NOW_MS), seat);
		}
		assert_int_equal(take_all(&places, seat), 1);
	}
}

static void test_shortage(void **state)
{
	struct seat seat = { 0 };
	struct places places;

	(void)state;
	places_init(&places, 100);
	for (int i = 0; i < 20; i++)
		assert_true(places_take(&places, &seat, NOW_MS));
	places_give_back(&places, &seat);
	places_run_short(&places, NOW_MS);
	assert_int_equal(places.limit, 19);
	assert_false(places_take(&places, &seat, NOW_MS));
	assert_int_equal(places_wait_ms(&places, NOW_MS), INT64_MAX);
	places_give_back(&places, &seat);
	assert_null(places_call(&places, NOW_MS));
	assert_int_equal(places_wait_ms(&places, NOW_MS), PLACES_HOLD_MS);
	assert_ptr_equal(places_call(&places, NOW_MS + PLACES_HOLD_MS), &seat);
	assert_true(places_take(&places, &seat, NOW_MS + PLACES_HOLD_MS));
	while (seat.held > 0)
		places_give_back(&places, &seat);
	places_run_short(&places, NOW_MS);
	assert_int_equal(places.limit, PLACES_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_descriptors),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_what_is_guaranteed_is_there),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_shortage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
