/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/lane.h"
#include "repostal/memory.h"

static void test_first_attempts_and_retries_are_apart(void **state)
{
	struct delivery first = { .attempts = 1 };
	struct delivery retried = { .attempts = 2, .claimed = true };
	struct lane lane;

	(void)state;
	lane_init(&lane);
	lane.claimed_ready = 1;
	lane_add(&lane, &first);
	lane_add(&lane, &retried);
	assert_ptr_equal(lane.first_attempts.first, &first);
	assert_ptr_equal(lane.retries.first, &retried);
	assert_int_equal(lane_ready_count(&lane), 2);
	lane_remove(&lane, &retried);
	assert_int_equal(lane.claimed_ready, 0);
	lane_remove(&lane, &first);
	assert_int_equal(lane_ready_count(&lane), 0);
}

/* A queue keeps its order, whatever leaves it in the middle or at its end. */
static void test_a_queue_keeps_its_order(void **state)
{
	struct delivery deliveries[4] = { { .attempts = 1 } };
	struct delivery_queue queue;

	(void)state;
	delivery_queue_init(&queue);
	for (size_t i = 0; i < 4; i++)
		delivery_queue_add(&queue, &deliveries[i]);
	delivery_queue_remove(&queue, &deliveries[1]);
	delivery_queue_remove(&queue, &deliveries[3]);
	delivery_queue_add(&queue, &deliveries[1]);
	assert_ptr_equal(queue.first, &deliveries[0]);
	assert_ptr_equal(deliveries[0].next, &deliveries[2]);
	assert_ptr_equal(deliveries[2].next, &deliveries[1]);
	assert_null(deliveries[1].next);
	assert_int_equal(queue.count, 3);
}

static int warned_after(const int *answers, size_t count)
{
	struct lane lane;
	int warned_at = -1;

	lane_init(&lane);
	for (size_t i = 0; i < count; i++)
		for (int n = 0; n < answers[2 * i + 1]; n++)
			if (lane_note_answer(&lane, answers[2 * i])) {
				assert_int_equal(warned_at, -1);
				warned_at = (int)i;
			}
	return warned_at;
}

static void test_when_a_type_is_called_refused(void **state)
{
	static const struct {
		const char *name;
		int answers[6]; /* status and how often, in turn */
		int want;       /* after which of them; -1: never */
	} cases[] = {
		{ "a hundred refusals", { 404, 100 }, 0 },
		{ "one less", { 404, 99 }, -1 },
		{ "said once only", { 404, 300 }, 0 },
		{ "various refusals", { 404, 50, 422, 50 }, 1 },
		{ "a failure of the receiver begins anew", { 404, 99, 500, 1, 404, 99 }, -1 },
		{ "taken before", { 200, 1, 404, 300 }, -1 },
		{ "taken in between", { 404, 50, 204, 1, 404, 300 }, -1 },
		{ "never 4xx", { 500, 300 }, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int got = warned_after(cases[i].answers, 3);

		if (got != cases[i].want)
			fail_msg("%s: %d", cases[i].name, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_attempts_and_retries_are_apart),
		cmocka_unit_test(test_a_queue_keeps_its_order),
		cmocka_unit_test(test_when_a_type_is_called_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
