/* SPDX-License-Identifier: MIT */
/*
 * api_url.h - spelling the addresses of the admin API
 *
 * Promise    Pure functions: whatever a person typed stays one value of one parameter.
 * Threads    Any.
 * Errors     A text too long for the buffer marks it as overflowed.
 */
#ifndef REPOSTAL_CLI_API_URL_H
#define REPOSTAL_CLI_API_URL_H

#include "repostal/buf.h"
#include "repostal/slice.h"

enum {
	API_TARGET_SIZE_MAX = 16 * 1024, /* of a path, or of a query */
};

/* "http://127.0.0.1:8026"; an address that means every interface becomes its loopback. */
void api_append_origin(struct buf *out, const char *address, int port);
/* Percent-encoded: everything but ASCII letters, digits and -._~ */
void api_append_encoded(struct buf *out, struct slice text);
/* "name=value", after "&" when it is not the first. */
void api_append_parameter(struct buf *query, const char *name, const char *value);

#endif
