/* SPDX-License-Identifier: MIT */
/*
 * query.h - the part of an address behind the question mark
 *
 * Promise    Names and values are decoded. A plus stays a plus: addresses have them, and nothing that
 *            is asked for holds a blank.
 * Ownership  query_free() frees; the slices point into it.
 */
#ifndef REPOSTAL_CONTROL_QUERY_H
#define REPOSTAL_CONTROL_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "repostal/slice.h"

enum {
	QUERY_PARAMETERS_MAX = 16
};

struct query {
	char *text;
	struct {
		struct slice name;
		struct slice value;
		bool is_taken;
	} parameters[QUERY_PARAMETERS_MAX];
	size_t count;
};

/* False: too many. */
bool query_parse(struct query *query, struct slice text);
void query_free(struct query *query);
/* The first of the name that is not taken, which then is. False: there is none. */
bool query_take(struct query *query, const char *name, struct slice *value_out);

#endif
