/* SPDX-License-Identifier: MIT */
/*
 * api_client.h - the admin API, whether the gateway runs or not
 *
 * Promise    api_call() asks the running gateway over HTTP: over its Unix socket, else at the admin address,
 *            and only after it has proved to be the gateway of this store. When nothing listens there,
 *            it asks the same code in this process instead, with the store of the configuration: for
 *            GET without taking the store from anybody, for all else as its owner. Which way is used
 *            is decided by the first call and stays.
 * Threads    One owner.
 * Ownership  The configuration outlives the client; answers belong to the caller (json_decref).
 * Errors     STATUS_OK for every answer of the API, refusals included: their HTTP status says so.
 *            STATUS_BUSY: nobody answers, but a process owns the store. Else what the store or the
 *            network refused, or STATUS_INVALID: what answers is not the API.
 */
#ifndef REPOSTAL_CLI_API_CLIENT_H
#define REPOSTAL_CLI_API_CLIENT_H

#include <stdbool.h>

#include <jansson.h>

#include "repostal/config.h"
#include "repostal/error.h"

struct api_client;

struct api_client *api_client_new(const struct config *config);
void api_client_free(struct api_client **clientp);

/* path begins after /api/v1; query and body may be NULL. */
enum status api_call(struct api_client *client, const char *method, const char *path,
	const char *query, const json_t *body, int *http_status_out, json_t **json_out,
	struct error *err);

/* After the first call: a running gateway answers. */
bool api_client_is_live(const struct api_client *client);
/* NULL, or why it cannot be told whether that is the gateway of this store. */
const char *api_client_doubt(const struct api_client *client);

#endif
