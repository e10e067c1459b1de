/* SPDX-License-Identifier: MIT */
/*
 * api_http.h - asking a running gateway
 *
 * Promise    One connection, kept open between calls. The token is only sent to the configured
 *            address.
 * Threads    One owner.
 * Errors     STATUS_NOT_FOUND: nobody listens there; STATUS_IO: the connection failed, or no answer
 *            came in time.
 */
#ifndef REPOSTAL_CLI_API_HTTP_H
#define REPOSTAL_CLI_API_HTTP_H

#include "repostal/buf.h"
#include "repostal/config.h"
#include "repostal/error.h"

struct api_http;

struct api_http *api_http_new(const struct admin_settings *admin);
void api_http_free(struct api_http **httpp);

/* query and body may be NULL; answer is appended to. */
enum status api_http_call(struct api_http *http, const char *method, const char *path,
	const char *query, const char *body, int *http_status_out, struct buf *answer,
	struct error *err);

#endif
