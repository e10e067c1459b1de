/* SPDX-License-Identifier: MIT */
/*
 * api_http.h - asking a running gateway
 *
 * Promise    One connection, kept open between calls. The token goes with api_http_call() over TCP only:
 *            after api_identity_ask(). Over the Unix socket none is needed.
 * Threads    One owner.
 * Errors     STATUS_NOT_FOUND: nothing listens there; STATUS_IO: the connection failed, or no answer
 *            came in time.
 */
#ifndef REPOSTAL_CLI_API_HTTP_H
#define REPOSTAL_CLI_API_HTTP_H

#include <stdbool.h>

#include "repostal/buf.h"
#include "repostal/config.h"
#include "repostal/error.h"

struct api_http;

/* socket_path NULL: over TCP, at the configured address. */
struct api_http *api_http_new(const struct admin_settings *admin, const char *socket_path);
bool api_http_is_local(const struct api_http *http);
/* For messages: "http://127.0.0.1:8026", or the path of the socket. */
const char *api_http_name(const struct api_http *http);
void api_http_free(struct api_http **httpp);

/* GET /identity, without a token. */
enum status api_http_identify(struct api_http *http, const char *query, int *http_status_out,
	struct buf *answer, struct error *err);
/* query and body may be NULL; answer is appended to. */
enum status api_http_call(struct api_http *http, const char *method, const char *path,
	const char *query, const char *body, int *http_status_out, struct buf *answer,
	struct error *err);

#endif
