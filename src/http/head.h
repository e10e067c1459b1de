/* SPDX-License-Identifier: MIT */
/*
 * head.h - who asks for what, from the bytes of a head
 *
 * Promise    Method, target, credentials and forwarded addresses as http_on_request() will give them,
 *            before libh2o has read the head. The slices are those of the bytes.
 * Threads    Pure; any.
 */
#ifndef REPOSTAL_HTTP_HEAD_H
#define REPOSTAL_HTTP_HEAD_H

#include "repostal/http.h"

enum {
	HEAD_LINES_MAX = 100 /* what libh2o takes */
};

/* A request target into path and query; what is returned is its authority, or empty. */
struct slice head_split_target(
	struct slice target, struct slice *path_out, struct slice *query_out);

/* Fills method, path, query, authorization and forwarded_for, whose lines are put into `lines`. */
void head_read(
	struct slice head, struct slice lines[HEAD_LINES_MAX], struct http_request *request_out);

#endif
