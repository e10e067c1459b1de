/* SPDX-License-Identifier: MIT */
/*
 * format.h - what a text must look like, for the setting's row in the table
 *
 * Promise    Each returns false and completes "'listen.address' ..." in err. The value itself is
 *            not quoted: it may be a secret in the wrong place.
 * Threads    Any.
 */
#ifndef REPOSTAL_CONFIG_FORMAT_H
#define REPOSTAL_CONFIG_FORMAT_H

#include <stdbool.h>

#include "repostal/error.h"
#include "repostal/slice.h"

/* Of every text: UTF-8 without control characters, so that it stays one line wherever it is
 * written. */
bool must_be_printable(struct slice text, struct error *err);

bool must_be_name(struct slice text, struct error *err);
bool must_be_address(struct slice text, struct error *err);
/* The path of a source. */
bool must_be_route(struct slice text, struct error *err);
/* An http or https URL with a host, and without a fragment. */
bool must_be_target_url(struct slice text, struct error *err);
/* Empty, or the URL of a proxy. */
bool must_be_proxy_url(struct slice text, struct error *err);
/* "user:password" */
bool must_be_basic_credentials(struct slice text, struct error *err);
/* Empty, or a file that this process can read. */
bool must_be_readable_file(struct slice text, struct error *err);
/* Empty, "none", or an absolute path. */
bool must_be_socket(struct slice text, struct error *err);
/* A file that outlives the process. */
bool must_be_store_path(struct slice text, struct error *err);

#endif
