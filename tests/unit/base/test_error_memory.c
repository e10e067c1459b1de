/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repostal/error.h"
#include "repostal/memory.h"

static void test_error_set(void **state)
{
	struct error err;

	(void)state;
	error_set(&err, "line %d: %s", 7, "wrong");
	assert_string_equal(err.text, "line 7: wrong");
	error_set(&err, "again: %s", err.text); /* the text may be its own argument */
	assert_string_equal(err.text, "again: line 7: wrong");
	error_set(NULL, "nobody %s", "listens");
	error_prefix(NULL, "nobody %s", "listens");
}

static void test_error_is_cut(void **state)
{
	char long_text[2 * ERROR_TEXT_SIZE];
	struct error err;

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	error_set(&err, "%s", long_text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_SIZE - 1);
	error_prefix(&err, "%s", long_text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_SIZE - 1);
	assert_null(strchr(err.text, ':'));
}

static void test_error_prefix(void **state)
{
	struct error err;

	(void)state;
	error_set(&err, "not a number");
	error_prefix(&err, "%s:%d", "repostal.conf", 3);
	assert_string_equal(err.text, "repostal.conf:3: not a number");
}

static void test_memory(void **state)
{
	char *nothing = memory_alloc(0);
	char *copy = memory_copy_bytes("a\0b", 3);
	char *empty = memory_copy_bytes(NULL, 0);
	int *numbers = memory_array(3, sizeof(*numbers));
	char *zeros = memory_zalloc(2);

	(void)state;
	assert_non_null(nothing);
	assert_memory_equal(copy, "a\0b", 4);
	assert_string_equal(empty, "");
	assert_int_equal(zeros[0] | zeros[1], 0);
	assert_int_equal(numbers[0] | numbers[1] | numbers[2], 0);
	numbers[2] = 42;
	numbers = memory_regrow(numbers, 100, sizeof(*numbers));
	assert_int_equal(numbers[2], 42);
	free(nothing);
	free(copy);
	free(empty);
	free(numbers);
	free(zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_set),
		cmocka_unit_test(test_error_is_cut),
		cmocka_unit_test(test_error_prefix),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
