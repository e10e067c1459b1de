/* SPDX-License-Identifier: MIT */
/*
 * queue_show.h - one event with all that is known of it, for people
 *
 * Threads    The main thread.
 */
#ifndef POSTHORN_CLI_QUEUE_SHOW_H
#define POSTHORN_CLI_QUEUE_SHOW_H

#include <jansson.h>

#include "posthorn/buf.h"

/* The API's event: its facts, envelope, deliveries, and their attempts with the answers. */
void queue_show_append(struct buf *out, const json_t *event);

#endif
