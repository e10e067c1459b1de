/* SPDX-License-Identifier: MIT */
/*
 * json.c - the documented encoding: one JSON object
 *
 * The only place that knows jansson, which bounds the depth (2048) and seeds its hash tables. Of a
 * key that is there twice, the last one counts.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "fields.h"
#include "repostal/bizmail.h"
#include "repostal/buf.h"
#include "repostal/memory.h"

enum {
	NUMBER_TEXT_SIZE = 32,
	QUOTED_GROWTH_MAX = 3, /* 1 becomes "1" */
};

static bool is_number_start(char c)
{
	return c == '-' || (c >= '0' && c <= '9');
}

static size_t number_size(struct slice text)
{
	size_t size = 0;

	while (size < text.size && text.data[size] != '\0' &&
		strchr("+-.0123456789Ee", text.data[size]) != NULL)
		size++;
	return size;
}

/* The same text with all numbers as strings; the caller frees it. */
static char *quote_numbers(struct slice text, size_t *size_out)
{
	bool in_string = false;
	struct buf out;

	buf_init(&out, text.size * QUOTED_GROWTH_MAX);
	for (size_t i = 0; i < text.size;) {
		struct slice rest = slice_behind(text, i);
		size_t size = 1;

		if (!in_string && is_number_start(rest.data[0])) {
			size = number_size(rest);
			buf_append_char(&out, '"');
			buf_append(&out, rest.data, size);
			buf_append_char(&out, '"');
		} else {
			if (rest.data[0] == '"')
				in_string = !in_string;
			else if (in_string && rest.data[0] == '\\' && rest.size > 1)
				size = 2;
			buf_append(&out, rest.data, size);
		}
		i += size;
	}
	REPOSTAL_ASSERT(!out.overflowed);
	*size_out = out.size;
	return buf_take(&out);
}

/*
 * jansson refuses a whole text for one number that its types do not hold. Such a number is in a
 * field that we do not read, or in the id; as strings all of them pass, and none loses a digit.
 */
static json_t *load(struct slice text, json_error_t *failure)
{
	json_t *root = json_loadb(text.data, text.size, JSON_ALLOW_NUL, failure);
	char *quoted;
	size_t size;

	if (root != NULL || json_error_code(failure) != json_error_numeric_overflow)
		return root;
	quoted = quote_numbers(text, &size);
	root = json_loadb(quoted, size, JSON_ALLOW_NUL, failure);
	free(quoted);
	return root;
}

/* Borrows from value, or writes into number. Anything but a string or a number counts as missing.
 */
static struct slice value_text(const json_t *value, char number[NUMBER_TEXT_SIZE])
{
	int size;

	if (json_is_string(value))
		return slice_of(json_string_value(value), json_string_length(value));
	if (json_is_integer(value))
		size = snprintf(number, NUMBER_TEXT_SIZE, "%" JSON_INTEGER_FORMAT,
			json_integer_value(value));
	else if (json_is_real(value))
		size = snprintf(number, NUMBER_TEXT_SIZE, "%.17g", json_real_value(value));
	else
		return slice_of(NULL, 0);
	REPOSTAL_ASSERT(size > 0 && size < NUMBER_TEXT_SIZE);
	return slice_of(number, (size_t)size);
}

enum status json_read_fields(struct slice body, struct fields *fields, struct error *err)
{
	enum status status = STATUS_INVALID;
	char numbers[FIELD_COUNT][NUMBER_TEXT_SIZE];
	char *repaired = NULL;
	json_t *root = NULL;
	json_error_t failure;
	struct slice text;

	if (body.size == 0) {
		error_set(err, "the body is empty");
		return STATUS_INVALID;
	}
	text = bizmail_json_repair(body, &repaired);
	root = load(text, &failure);
	if (root == NULL) {
		/* jansson's own text quotes the body, which belongs into no answer and no log. */
		error_set(err, "not valid JSON, in line %d", failure.line);
		goto out;
	}
	if (!json_is_object(root)) {
		error_set(err, "the JSON value is not an object");
		goto out;
	}
	for (size_t i = 0; i < FIELD_COUNT; i++)
		fields->values[i] =
			value_text(json_object_get(root, field_name((enum field)i)), numbers[i]);
	fields_own(fields);
	status = STATUS_OK;
out:
	json_decref(root);
	free(repaired);
	return status;
}
