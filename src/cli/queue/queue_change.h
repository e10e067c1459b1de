/* SPDX-License-Identifier: MIT */
/*
 * queue_change.h - queue retry and queue discard
 *
 * Promise    Says how many deliveries are meant before it changes more than one that was named
 *            (confirm.h).
 * Threads    The main thread.
 */
#ifndef REPOSTAL_CLI_QUEUE_CHANGE_H
#define REPOSTAL_CLI_QUEUE_CHANGE_H

#include "cli/client/session.h"
#include "queue_options.h"

/* The filters as parameters of the API. */
void queue_append_filters(const struct queue_options *options, struct buf *query);

/* Returns the exit code. */
int queue_change(struct session *session, const struct queue_options *options);

#endif
