/* SPDX-License-Identifier: MIT */
/*
 * array.h - parameters and columns in the server's binary form
 *
 * Promise    What goes in comes out: integers in network order, bytes as they are, arrays with one
 *            dimension. Nothing is quoted, so no byte can end a statement.
 * Threads    The caller's.
 * Ownership  Parameters own their bytes until postgres_params_free(). Rows own a result; what they give
 *            points into it.
 * Errors     Parameters of more than POSTGRES_PARAMS_SIZE_MAX bytes: postgres_params_ok() is false.
 */
#ifndef REPOSTAL_STORE_POSTGRES_ARRAY_H
#define REPOSTAL_STORE_POSTGRES_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/buf.h"
#include "repostal/slice.h"

enum {
	POSTGRES_PARAMS_MAX = 14,
	POSTGRES_PARAMS_SIZE_MAX = 256 * 1024 * 1024,
};

/* The element types; their numbers are fixed in PostgreSQL's catalogue (pg_type.dat). */
enum postgres_type {
	POSTGRES_BYTEA = 17,
	POSTGRES_INT8 = 20,
	POSTGRES_INT4 = 23,
};

struct postgres_params {
	int count;
	struct {
		size_t offset, size;
		size_t elements_at; /* where an array keeps its number of elements; 0: no array */
		int32_t elements_count;
		bool is_null;
	} params[POSTGRES_PARAMS_MAX];
	struct buf bytes;
};

void postgres_params_init(struct postgres_params *params);
void postgres_params_free(struct postgres_params *params);
/* Empties them and keeps the memory. */
void postgres_params_reset(struct postgres_params *params);
bool postgres_params_ok(const struct postgres_params *params);

/* One parameter after the other. */
void postgres_add_int8(struct postgres_params *params, int64_t value);
void postgres_add_int4(struct postgres_params *params, int32_t value);
void postgres_add_bytes(struct postgres_params *params, struct slice bytes);
void postgres_add_null(struct postgres_params *params);
/* An array: begin, its elements, end. */
void postgres_array_begin(struct postgres_params *params, enum postgres_type type);
void postgres_array_int8(struct postgres_params *params, int64_t value);
void postgres_array_int4(struct postgres_params *params, int32_t value);
void postgres_array_bytes(struct postgres_params *params, struct slice bytes);
void postgres_array_null(struct postgres_params *params);
void postgres_array_end(struct postgres_params *params);
/* The whole of it. */
void postgres_add_int8s(struct postgres_params *params, const int64_t *values, size_t count);

struct pg_result;

struct postgres_rows {
	struct pg_result *result;
	int count;
};

/* Whether they are what a COMMIT answers that did commit: after a failed statement it rolls back instead. */
bool postgres_is_commit(const struct postgres_rows *rows);
void postgres_rows_free(struct postgres_rows *rows);
bool postgres_is_null(const struct postgres_rows *rows, int row, int column);
/* Of int2, int4, int8 and boolean columns; 0 when null. */
int64_t postgres_int(const struct postgres_rows *rows, int row, int column);
struct slice postgres_bytes(const struct postgres_rows *rows, int row, int column);

#endif
