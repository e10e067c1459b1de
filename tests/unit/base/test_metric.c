/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <math.h>

#include "repostal/memory.h"
#include "repostal/metric.h"

enum {
	PAGE_SIZE_MAX = 16 * 1024
};

static void test_lines(void **state)
{
	struct counter counter = { 0 };
	struct gauge gauge = { 0 };
	struct buf page;

	(void)state;
	buf_init(&page, PAGE_SIZE_MAX);
	counter_add(&counter, 2);
	counter_add(&counter, 3);
	gauge_set(&gauge, 10);
	gauge_add(&gauge, -11);
	metric_print_head(&page, "x_total", "counter", "Things that happened.");
	metric_print_int(&page, "x_total", "", (int64_t)counter_read(&counter));
	metric_print_int(&page, "x", "target=\"app\"", gauge_read(&gauge));
	metric_print_double(&page, "x_seconds", "", 0.25);
	metric_print_double(&page, "x_seconds", "a=\"b\"", NAN);
	assert_string_equal(page.data, "# HELP x_total Things that happened.\n"
				       "# TYPE x_total counter\n"
				       "x_total 5\n"
				       "x{target=\"app\"} -1\n"
				       "x_seconds 0.25\n"
				       "x_seconds{a=\"b\"} NaN\n");
	buf_free(&page);
}

static void test_labels(void **state)
{
	struct buf labels;

	(void)state;
	buf_init(&labels, PAGE_SIZE_MAX);
	metric_label(&labels, "target", "app");
	metric_label(&labels, "odd", "a\"b\\c\nd");
	metric_label(&labels, "none", "");
	assert_string_equal(labels.data, "target=\"app\",odd=\"a\\\"b\\\\c\\nd\",none=\"\"");
	buf_free(&labels);
}

static void test_histogram(void **state)
{
	static const struct histogram_shape shape = {
		.bounds_count = 3,
		.bounds = { 0.005, 0.1, 10 },
	};
	struct histogram histogram;
	struct buf page;

	(void)state;
	buf_init(&page, PAGE_SIZE_MAX);
	histogram_init(&histogram, &shape);
	metric_print_histogram(&page, "t", "", &histogram);
	assert_string_equal(page.data, "t_bucket{le=\"0.005\"} 0\n"
				       "t_bucket{le=\"0.1\"} 0\n"
				       "t_bucket{le=\"10\"} 0\n"
				       "t_bucket{le=\"+Inf\"} 0\n"
				       "t_sum 0\n"
				       "t_count 0\n");

	histogram_observe(&histogram, 0.005); /* a bound belongs to its bucket */
	histogram_observe(&histogram, 0.0051);
	histogram_observe(&histogram, 2);
	histogram_observe(&histogram, 11);
	histogram_observe(&histogram, -1); /* counts, and takes nothing from the sum */
	buf_reset(&page);
	metric_print_histogram(&page, "t", "target=\"app\"", &histogram);
	assert_string_equal(page.data, "t_bucket{target=\"app\",le=\"0.005\"} 2\n"
				       "t_bucket{target=\"app\",le=\"0.1\"} 3\n"
				       "t_bucket{target=\"app\",le=\"10\"} 4\n"
				       "t_bucket{target=\"app\",le=\"+Inf\"} 5\n"
				       "t_sum{target=\"app\"} 13.0101\n"
				       "t_count{target=\"app\"} 5\n");
	buf_free(&page);
}

static void test_shapes_ascend(void **state)
{
	static const struct histogram_shape *const shapes[] = { &histogram_seconds,
		&histogram_batch };

	(void)state;
	assert_true(histogram_seconds.bounds[0] == 0.0005);
	assert_true(histogram_batch.bounds[0] == 1);
	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
		assert_in_range(shapes[i]->bounds_count, 2, HISTOGRAM_BOUNDS_MAX);
		for (size_t bound = 1; bound < shapes[i]->bounds_count; bound++)
			assert_true(shapes[i]->bounds[bound] > shapes[i]->bounds[bound - 1]);
	}
	assert_true(histogram_seconds.bounds[histogram_seconds.bounds_count - 1] == 60);
	assert_true(histogram_batch.bounds[histogram_batch.bounds_count - 1] == 8192);
}

static void test_what_happened_in_the_last_minute(void **state)
{
	static const struct {
		const char *name;
		int64_t at_ms; /* three times */
		int64_t now_ms;
		int64_t want;
	} cases[] = {
		{ "the present second is not over", 500000, 500999, 0 },
		{ "the last second", 500999, 501000, 3 },
		{ "sixty seconds ago", 500000, 560999, 3 },
		{ "sixty-one seconds ago", 500000, 561000, 0 },
		{ "one round of the buckets later", 500000, 564500, 0 },
		{ "long ago", 500000, 9000000, 0 },
		{ "the machine has just started", 0, 1000, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct recent recent = { 0 };
		int64_t got;

		for (int n = 0; n < 3; n++)
			recent_add(&recent, cases[i].at_ms);
		got = recent_read(&recent, cases[i].now_ms);
		if (got != cases[i].want)
			fail_msg("%s: %d", cases[i].name, (int)got);
	}
}

static void test_seconds_take_the_place_of_old_ones(void **state)
{
	struct recent recent = { 0 };

	(void)state;
	for (int64_t second = 1; second <= 1000; second++)
		for (int n = 0; n < 5; n++)
			recent_add(&recent, second * 1000 + n);
	assert_int_equal(recent_read(&recent, 1001 * 1000), 5 * RECENT_SECONDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_shapes_ascend),
		cmocka_unit_test(test_what_happened_in_the_last_minute),
		cmocka_unit_test(test_seconds_take_the_place_of_old_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
