/* SPDX-License-Identifier: MIT */
/*
 * url.h - the parts of a URL, as far as the configuration must know them
 *
 * Promise    Strict: what is accepted here is taken by any client in the same way.
 * Threads    Any.
 * Ownership  Parts point into the URL.
 */
#ifndef REPOSTAL_CONFIG_URL_H
#define REPOSTAL_CONFIG_URL_H

#include <stdbool.h>

#include "repostal/buf.h"
#include "repostal/error.h"
#include "repostal/slice.h"

struct url_parts {
	struct slice scheme;
	struct slice user; /* "user", "user:password" or empty */
	struct slice host; /* without brackets */
	struct slice port; /* digits, or empty */
	struct slice rest; /* path and query, or empty */
};

/* err completes "'targets.url' ...", and does not quote the URL. */
bool url_split(struct slice url, struct url_parts *parts_out, struct error *err);

/* localhost, *.localhost, 127.0.0.0/8 or ::1. */
bool url_is_loopback(const struct url_parts *parts);

/* Appends the URL with its password, or a user name that stands alone, as "***". */
void url_append_masked(struct buf *out, struct slice url);

#endif
