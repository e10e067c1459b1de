/* SPDX-License-Identifier: MIT */
/*
 * url.h - URLs, read and written as libcurl does
 *
 * Promise    Whatever a person typed stays one value of one part. A URL is read by the code that
 *            connects to it, so what is said about it here is what happens.
 * Threads    Any; a URL has one owner.
 * Ownership  Texts are copied in and out.
 * Errors     A text too long for a buffer marks it as overflowed.
 */
#ifndef REPOSTAL_URL_H
#define REPOSTAL_URL_H

#include <stdbool.h>

#include "repostal/buf.h"
#include "repostal/slice.h"

struct url;

enum url_part {
	URL_SCHEME, /* in lower case */
	URL_USER,
	URL_PASSWORD,
	URL_HOST, /* an IPv6 address in brackets */
	URL_PORT,
	URL_PATH,
	URL_QUERY,
	URL_FRAGMENT,
};

/* NULL when it is none. Any scheme will do. */
struct url *url_parse(const char *text);
void url_free(struct url **urlp);

/* Appends the part as it is written; false when there is none. */
bool url_append_part(const struct url *url, enum url_part part, struct buf *out);
/* False when it is too long. */
bool url_add_parameter(struct url *url, const char *name, const char *value);
/* Appends the whole. */
void url_append(const struct url *url, struct buf *out);

/* "http://127.0.0.1:8026"; an address that means every interface becomes its loopback. */
void url_append_origin(struct buf *out, const char *scheme, const char *address, int port);
/* Percent-encoded: everything but ASCII letters, digits and -._~ */
void url_append_encoded(struct buf *out, struct slice text);
/* "name=value", after "&" when it is not the first. */
void url_append_parameter(struct buf *query, const char *name, const char *value);

#endif
