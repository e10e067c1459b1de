/* SPDX-License-Identifier: MIT */
/*
 * json_scan.h - the members of one JSON object, and nothing made of the rest
 *
 * Promise    RFC 8259, strictly, in time linear in the size and without any allocation: what a sender
 *            nests into members that nobody asks for costs no memory. Values nested deeper than
 *            JSON_SCAN_DEPTH_MAX are refused. (A library that makes a tree of a text needs eighty times
 *            its size for 1 MiB of empty objects; one that calls back for each token is no shorter here.)
 * Threads    Pure; any.
 * Ownership  Slices point into the text.
 */
#ifndef REPOSTAL_BIZMAIL_JSON_SCAN_H
#define REPOSTAL_BIZMAIL_JSON_SCAN_H

#include <stdbool.h>

#include "repostal/slice.h"

enum {
	JSON_SCAN_DEPTH_MAX = 64, /* arrays and objects within one another, the outermost counted */
};

enum json_scan_kind {
	JSON_SCAN_STRING, /* contents without the quotes, escapes as written */
	JSON_SCAN_NUMBER, /* as written */
	JSON_SCAN_OTHER,  /* true, false, null, an array or an object */
};

struct json_scan_member {
	struct slice name; /* escapes as written */
	enum json_scan_kind kind;
	struct slice value;
};

enum json_scan_result {
	JSON_SCAN_OBJECT,
	JSON_SCAN_NO_OBJECT, /* valid JSON, but another value */
	JSON_SCAN_INVALID,
};

/*
 * Calls on_member for each member of the object that text is, in order, also while it is not known yet
 * whether the rest is valid. *line_out: of an INVALID text, the line where that was seen, from 1.
 */
enum json_scan_result json_scan(struct slice text,
	void (*on_member)(void *context, const struct json_scan_member *member), void *context,
	int *line_out);

/* Decodes the escapes of a name or string of json_scan() into out, which has room for as many bytes as
 * contents has; returns how many there are. Halves of surrogate pairs become U+FFFD. */
size_t json_scan_decode(struct slice contents, char *out);

#endif
