/* SPDX-License-Identifier: MIT */
/*
 * queue_jobs.h - queue jobs and queue cancel
 *
 * Promise    The jobs of the gateway, newest first; it remembers the last hundred while it runs.
 * Threads    The main thread.
 */
#ifndef REPOSTAL_CLI_QUEUE_JOBS_H
#define REPOSTAL_CLI_QUEUE_JOBS_H

#include <jansson.h>

#include "cli/client/session.h"
#include "repostal/buf.h"

/* Both return the exit code. */
int queue_jobs_print(struct session *session);
/* id: a number. */
int queue_jobs_cancel(struct session *session, const char *id);

/* "--target app --state dead", as it would be typed; "everything" without a filter. */
void queue_jobs_append_filter(struct buf *out, const json_t *filter);

#endif
