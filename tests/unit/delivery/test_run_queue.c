/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "queue/run_queue.h"

static void test_first_in_first_out(void **state)
{
	struct run_entry entries[3] = { { .is_queued = false } };
	struct run_queue queue;

	(void)state;
	run_queue_init(&queue);
	assert_true(run_queue_is_empty(&queue));
	assert_null(run_queue_take(&queue));
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 3; i++)
			run_queue_add(&queue, &entries[i]);
		/* One that is in the queue is not added a second time. */
		run_queue_add(&queue, &entries[0]);
		assert_ptr_equal(run_queue_take(&queue), &entries[0]);
		/* One that was taken is: at the end. */
		run_queue_add(&queue, &entries[0]);
		assert_ptr_equal(run_queue_take(&queue), &entries[1]);
		assert_ptr_equal(run_queue_take(&queue), &entries[2]);
		assert_ptr_equal(run_queue_take(&queue), &entries[0]);
		assert_true(run_queue_is_empty(&queue));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_in_first_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
