/* SPDX-License-Identifier: MIT */
/*
 * queue_show.h - one event with all that is known of it, for people
 *
 * Threads    The main thread.
 */
#ifndef REPOSTAL_CLI_QUEUE_SHOW_H
#define REPOSTAL_CLI_QUEUE_SHOW_H

#include <jansson.h>

#include "repostal/buf.h"

/* The API's event: its facts, envelope, deliveries, and their attempts with the answers. */
void queue_show_append(struct buf *out, const json_t *event);

#endif
