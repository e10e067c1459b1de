/* SPDX-License-Identifier: MIT */
/* Parameters and columns, byte for byte as the server's binary form has them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "postgres/connection/array.h"
#include "repostal/memory.h"

#define HEAD(type, count) \
	"\0\0\0\1"        \
	"\0\0\0\1"        \
	"\0\0\0" type "\0\0\0" count "\0\0\0\1"
#define BYTES(text) (text), sizeof(text) - 1

static void add_int8(struct postgres_params *params)
{
	postgres_add_int8(params, INT64_C(0x0102030405060708));
}

static void add_int8_least(struct postgres_params *params)
{
	postgres_add_int8(params, INT64_MIN);
}

static void add_int4(struct postgres_params *params)
{
	postgres_add_int4(params, -2);
}

static void add_bytes(struct postgres_params *params)
{
	postgres_add_bytes(params, slice_of("a\0'b\\", 5));
}

static void add_no_bytes(struct postgres_params *params)
{
	postgres_add_bytes(params, (struct slice){ 0 });
}

static void add_empty_array(struct postgres_params *params)
{
	postgres_add_int8s(params, NULL, 0);
}

static void add_int8_array(struct postgres_params *params)
{
	postgres_add_int8s(params, (int64_t[]){ 1, -1 }, 2);
}

static void add_int4_array(struct postgres_params *params)
{
	postgres_array_begin(params, POSTGRES_INT4);
	postgres_array_int4(params, INT32_MIN);
	postgres_array_end(params);
}

static void add_bytes_array(struct postgres_params *params)
{
	postgres_array_begin(params, POSTGRES_BYTEA);
	postgres_array_bytes(params, slice_of("x\0", 2));
	postgres_array_null(params);
	postgres_array_bytes(params, (struct slice){ 0 });
	postgres_array_end(params);
}

static const struct {
	const char *name;
	void (*add)(struct postgres_params *params);
	const char *want;
	size_t want_size;
} encodings[] = {
	{ "a bigint", add_int8, BYTES("\1\2\3\4\5\6\7\10") },
	{ "the least bigint", add_int8_least, BYTES("\x80\0\0\0\0\0\0\0") },
	{ "a negative integer", add_int4, BYTES("\xff\xff\xff\xfe") },
	{ "bytes of all kinds", add_bytes, BYTES("a\0'b\\") },
	{ "no bytes", add_no_bytes, BYTES("") },
	{ "an empty array", add_empty_array, BYTES(HEAD("\24", "\0")) },
	{ "bigints", add_int8_array,
		BYTES(HEAD("\24", "\2") "\0\0\0\10\0\0\0\0\0\0\0\1"
					"\0\0\0\10\xff\xff\xff\xff\xff\xff\xff\xff") },
	{ "integers", add_int4_array, BYTES(HEAD("\27", "\1") "\0\0\0\4\x80\0\0\0") },
	{ "bytes, null, no bytes", add_bytes_array,
		BYTES(HEAD("\21", "\3") "\0\0\0\2x\0\xff\xff\xff\xff\0\0\0\0") },
};

static void expect_param(
	const struct postgres_params *params, int n, const char *name, struct slice want)
{
	struct slice got = slice_of(
		params->bytes.data == NULL ? "" : params->bytes.data + params->params[n].offset,
		params->params[n].size);

	if (params->params[n].is_null || !slice_equal(got, want))
		fail_msg("%s: %zu bytes, want %zu", name, got.size, want.size);
}

static void test_encodings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(encodings); i++) {
		struct postgres_params params;

		postgres_params_init(&params);
		encodings[i].add(&params);
		assert_int_equal(params.count, 1);
		expect_param(&params, 0, encodings[i].name,
			slice_of(encodings[i].want, encodings[i].want_size));
		postgres_params_free(&params);
	}
}

/* One behind the other, and again after a reset: none changes what stands before it. */
static void test_many_parameters(void **state)
{
	struct postgres_params params;

	(void)state;
	postgres_params_init(&params);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_COUNT(encodings); i++)
			encodings[i].add(&params);
		postgres_add_null(&params);
		assert_int_equal(params.count, ARRAY_COUNT(encodings) + 1);
		for (size_t i = 0; i < ARRAY_COUNT(encodings); i++)
			expect_param(&params, (int)i, encodings[i].name,
				slice_of(encodings[i].want, encodings[i].want_size));
		assert_true(params.params[ARRAY_COUNT(encodings)].is_null);
		assert_true(postgres_params_ok(&params));
		postgres_params_reset(&params);
		assert_int_equal(params.count, 0);
	}
	postgres_params_free(&params);
}

/* More than a message may hold is noticed at the end, and does no harm before. */
static void test_too_many_bytes(void **state)
{
	struct postgres_params params;
	char *half = memory_zalloc(POSTGRES_PARAMS_SIZE_MAX / 2);
	struct slice bytes = slice_of(half, POSTGRES_PARAMS_SIZE_MAX / 2);

	(void)state;
	postgres_params_init(&params);
	postgres_array_begin(&params, POSTGRES_BYTEA);
	postgres_array_bytes(&params, bytes);
	assert_true(postgres_params_ok(&params));
	postgres_array_bytes(&params, bytes);
	postgres_array_bytes(&params, bytes);
	postgres_array_end(&params);
	postgres_add_int8(&params, 1);
	assert_false(postgres_params_ok(&params));
	postgres_params_free(&params);
	free(half);
}

static const struct {
	const char *name;
	const char *bytes;
	int size; /* -1: null */
	int64_t want;
} columns[] = {
	{ "a smallint", "\1\2", 2, 0x0102 },
	{ "a negative smallint", "\xff\xfe", 2, -2 },
	{ "an integer", "\x7f\xff\xff\xff", 4, INT32_MAX },
	{ "the least integer", "\x80\0\0\0", 4, INT32_MIN },
	{ "a bigint", "\x7f\xff\xff\xff\xff\xff\xff\xff", 8, INT64_MAX },
	{ "the least bigint", "\x80\0\0\0\0\0\0\0", 8, INT64_MIN },
	{ "true", "\1", 1, 1 },
	{ "false", "\0", 1, 0 },
	{ "null", "", -1, 0 },
};

static void test_columns(void **state)
{
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	char name[] = "x";
	PGresAttDesc attribute = { .name = name, .format = 1, .typlen = -1 };
	struct postgres_rows rows = { .result = result, .count = ARRAY_COUNT(columns) };

	(void)state;
	assert_non_null(result);
	assert_true(PQsetResultAttrs(result, 1, &attribute) != 0);
	for (int i = 0; i < rows.count; i++) {
		char bytes[8];

		memcpy(bytes, columns[i].bytes, columns[i].size < 0 ? 0 : (size_t)columns[i].size);
		assert_true(PQsetvalue(result, i, 0, columns[i].size < 0 ? NULL : bytes,
				    columns[i].size) != 0);
	}
	for (int i = 0; i < rows.count; i++) {
		if (postgres_int(&rows, i, 0) != columns[i].want)
			fail_msg("%s: %lld", columns[i].name, (long long)postgres_int(&rows, i, 0));
		if (postgres_is_null(&rows, i, 0) != (columns[i].size < 0))
			fail_msg("%s: null or not", columns[i].name);
	}
	postgres_rows_free(&rows);
	assert_null(rows.result);
	postgres_rows_free(&rows);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_many_parameters),
		cmocka_unit_test(test_too_many_bytes),
		cmocka_unit_test(test_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
