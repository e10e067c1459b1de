/* SPDX-License-Identifier: MIT */
/*
 * json_values.h - where one JSON value ends and the next begins
 *
 * Promise    Finds the values of a text that holds one after another: concatenated, one a line,
 *            or printed over many lines. Only brackets and strings are looked at, so values with
 *            bad bytes are found as well. A broken one costs at most what follows it up to the
 *            next line that begins with '{'. The work is linear in the size.
 * Threads    Values.
 * Ownership  Values point into the text.
 */
#ifndef REPOSTAL_CLI_JSON_VALUES_H
#define REPOSTAL_CLI_JSON_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "repostal/slice.h"

struct json_values {
	struct slice text;
	size_t at;
	int64_t line;
};

enum json_value_found {
	JSON_VALUE_END,    /* there is no more */
	JSON_VALUE_OBJECT, /* an object by its brackets; what is in it was not checked */
	JSON_VALUE_OTHER,  /* not an object: an array, or the text up to '{' or the line's end */
	JSON_VALUE_BROKEN, /* an object or array without an end, or nested too deeply */
};

void json_values_init(struct json_values *values, struct slice text);
/* line_out gets the number of the line on which the value begins, counted from 1. */
enum json_value_found json_values_next(
	struct json_values *values, struct slice *value_out, int64_t *line_out);

#endif
