/* SPDX-License-Identifier: MIT */
/*
 * api_offline.h - the admin API in this process, while no gateway runs
 *
 * Promise    Answers as the gateway would. GET only reads, beside the owner of the store; the first
 *            call of another method takes the store, until api_offline_free().
 * Threads    One owner.
 * Ownership  The configuration outlives it.
 * Errors     STATUS_BUSY: a process owns the store. Else what the store refused.
 */
#ifndef REPOSTAL_CLI_API_OFFLINE_H
#define REPOSTAL_CLI_API_OFFLINE_H

#include "repostal/buf.h"
#include "repostal/config.h"
#include "repostal/error.h"

struct api_offline;

struct api_offline *api_offline_new(const struct config *config);
void api_offline_free(struct api_offline **offlinep);

/* query and body may be NULL; answer is appended to. */
enum status api_offline_call(struct api_offline *offline, const char *method, const char *path,
	const char *query, const char *body, int *http_status_out, struct buf *answer,
	struct error *err);

#endif
