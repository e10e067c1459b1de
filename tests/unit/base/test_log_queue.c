/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "log_queue.h"
#include "repostal/memory.h"

static struct log_queue queue;

static bool push_number(int number, size_t size)
{
	char line[LOG_LINE_SIZE_MAX];

	memset(line, '.', sizeof(line));
	(void)snprintf(line, sizeof(line), "%d", number);
	return log_queue_push(&queue, slice_of(line, size));
}

/* The number of the oldest line; -1: there is none. */
static int pop_number(size_t *size_out)
{
	char line[LOG_LINE_SIZE_MAX];
	int number = -1;

	*size_out = log_queue_pop(&queue, line);
	if (*size_out > 0)
		for (number = 0, line[*size_out - 1] = '\0'; line[0] >= '0' && line[0] <= '9';
			memmove(line, line + 1, sizeof(line) - 1))
			number = number * 10 + line[0] - '0';
	return number;
}

static size_t size_of_line(int number)
{
	return 16 + (size_t)(number * 131) % (LOG_LINE_SIZE_MAX - 16);
}

/* Many times around, with lines of all sizes, so that every kind of wrap is there. */
static void test_order_and_sizes(void **state)
{
	int pushed = 0, popped = 0;

	(void)state;
	queue = (struct log_queue){ 0 };
	for (int round = 0; round < 2000; round++) {
		for (int i = 0;
			i < round % 60 && queue.used < LOG_QUEUE_SIZE - 2 * LOG_LINE_SIZE_MAX;
			i++) {
			assert_true(push_number(pushed, size_of_line(pushed)));
			pushed++;
		}
		for (int i = 0; i < round % 61 && popped < pushed; i++) {
			size_t size;

			assert_int_equal(pop_number(&size), popped);
			assert_int_equal(size, size_of_line(popped));
			popped++;
		}
	}
	assert_true(popped > 1000);
}

static void test_a_gap_is_in_one_place(void **state)
{
	enum {
		SIZE = 1022,
		FULL = LOG_QUEUE_SIZE / (SIZE + 2)
	};

	size_t size;
	int popped = 0;

	(void)state;
	queue = (struct log_queue){ 0 };
	for (int i = 0; i < FULL; i++)
		assert_true(push_number(i, SIZE));
	assert_false(push_number(FULL, SIZE));
	assert_int_equal(pop_number(&size), popped++);
	/* There is room for one, and yet it belongs to the gap. */
	assert_int_equal(log_queue_take_lost(&queue), 0);
	assert_false(push_number(FULL + 1, SIZE));
	while (queue.used > LOG_QUEUE_SIZE / 2) {
		assert_int_equal(log_queue_take_lost(&queue), 0);
		assert_int_equal(pop_number(&size), popped++);
	}
	assert_int_equal(log_queue_take_lost(&queue), 2);
	assert_int_equal(log_queue_take_lost(&queue), 0);
	assert_true(push_number(FULL + 2, SIZE));
	while (popped < FULL)
		assert_int_equal(pop_number(&size), popped++);
	assert_int_equal(pop_number(&size), FULL + 2);
	assert_int_equal(pop_number(&size), -1);
	assert_int_equal(size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_sizes),
		cmocka_unit_test(test_a_gap_is_in_one_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
