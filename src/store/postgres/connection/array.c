/* SPDX-License-Identifier: MIT */
#include "array.h"

#include <string.h>

#include <libpq-fe.h>

#include "repostal/memory.h"

void postgres_params_init(struct postgres_params *params)
{
	*params = (struct postgres_params){ 0 };
	buf_init(&params->bytes, POSTGRES_PARAMS_SIZE_MAX);
}

void postgres_params_free(struct postgres_params *params)
{
	buf_free(&params->bytes);
}

void postgres_params_reset(struct postgres_params *params)
{
	struct buf bytes = params->bytes;

	*params = (struct postgres_params){ .bytes = bytes };
	buf_reset(&params->bytes);
}

bool postgres_params_ok(const struct postgres_params *params)
{
	return !params->bytes.overflowed;
}

static void put_be32(struct buf *buf, uint32_t value)
{
	const unsigned char bytes[] = { (unsigned char)(value >> 24), (unsigned char)(value >> 16),
		(unsigned char)(value >> 8), (unsigned char)value };

	buf_append(buf, bytes, sizeof(bytes));
}

static void put_be64(struct buf *buf, uint64_t value)
{
	put_be32(buf, (uint32_t)(value >> 32));
	put_be32(buf, (uint32_t)value);
}

static int begin(struct postgres_params *params)
{
	REPOSTAL_ASSERT(params->count < POSTGRES_PARAMS_MAX);
	params->params[params->count].offset = params->bytes.size;
	return params->count;
}

static void end(struct postgres_params *params)
{
	params->params[params->count].size =
		params->bytes.size - params->params[params->count].offset;
	params->count++;
}

void postgres_add_int8(struct postgres_params *params, int64_t value)
{
	begin(params);
	put_be64(&params->bytes, (uint64_t)value);
	end(params);
}

void postgres_add_int4(struct postgres_params *params, int32_t value)
{
	begin(params);
	put_be32(&params->bytes, (uint32_t)value);
	end(params);
}

void postgres_add_bytes(struct postgres_params *params, struct slice bytes)
{
	begin(params);
	buf_append_slice(&params->bytes, bytes);
	end(params);
}

void postgres_add_null(struct postgres_params *params)
{
	params->params[begin(params)].is_null = true;
	end(params);
}

/* The head of array_recv(): dimensions, whether there are nulls, type, elements, lower bound. */
void postgres_array_begin(struct postgres_params *params, enum postgres_type type)
{
	int n = begin(params);

	put_be32(&params->bytes, 1);
	put_be32(&params->bytes, 1);
	put_be32(&params->bytes, (uint32_t)type);
	params->params[n].elements_at = params->bytes.size;
	put_be32(&params->bytes, 0);
	put_be32(&params->bytes, 1);
}

void postgres_array_int8(struct postgres_params *params, int64_t value)
{
	put_be32(&params->bytes, 8);
	put_be64(&params->bytes, (uint64_t)value);
	params->params[params->count].elements_count++;
}

void postgres_array_int4(struct postgres_params *params, int32_t value)
{
	put_be32(&params->bytes, 4);
	put_be32(&params->bytes, (uint32_t)value);
	params->params[params->count].elements_count++;
}

void postgres_array_bytes(struct postgres_params *params, struct slice bytes)
{
	put_be32(&params->bytes, (uint32_t)bytes.size);
	buf_append_slice(&params->bytes, bytes);
	params->params[params->count].elements_count++;
}

void postgres_array_null(struct postgres_params *params)
{
	put_be32(&params->bytes, UINT32_MAX);
	params->params[params->count].elements_count++;
}

void postgres_array_end(struct postgres_params *params)
{
	uint32_t count = (uint32_t)params->params[params->count].elements_count;
	size_t at = params->params[params->count].elements_at;
	const unsigned char bytes[] = { (unsigned char)(count >> 24), (unsigned char)(count >> 16),
		(unsigned char)(count >> 8), (unsigned char)count };

	if (!params->bytes.overflowed)
		memcpy(params->bytes.data + at, bytes, sizeof(bytes));
	end(params);
}

void postgres_add_int8s(struct postgres_params *params, const int64_t *values, size_t count)
{
	postgres_array_begin(params, POSTGRES_INT8);
	for (size_t i = 0; i < count; i++)
		postgres_array_int8(params, values[i]);
	postgres_array_end(params);
}

bool postgres_is_commit(const struct postgres_rows *rows)
{
	return strcmp(PQcmdStatus(rows->result), "COMMIT") == 0;
}

void postgres_rows_free(struct postgres_rows *rows)
{
	PQclear(rows->result);
	*rows = (struct postgres_rows){ 0 };
}

bool postgres_is_null(const struct postgres_rows *rows, int row, int column)
{
	return PQgetisnull(rows->result, row, column) != 0;
}

int64_t postgres_int(const struct postgres_rows *rows, int row, int column)
{
	struct slice bytes = postgres_bytes(rows, row, column);
	uint64_t value = 0;

	REPOSTAL_ASSERT(bytes.size <= 8);
	for (size_t i = 0; i < bytes.size; i++)
		value = value << 8 | (unsigned char)bytes.data[i];
	/* Shorter ones keep their sign. */
	if (bytes.size == 4)
		return (int32_t)(uint32_t)value;
	if (bytes.size == 2)
		return (int16_t)(uint16_t)value;
	return (int64_t)value;
}

struct slice postgres_bytes(const struct postgres_rows *rows, int row, int column)
{
	return slice_of(PQgetvalue(rows->result, row, column),
		(size_t)PQgetlength(rows->result, row, column));
}
