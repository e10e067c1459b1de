/* SPDX-License-Identifier: MIT */
/*
 * queue_options.h - what repostal queue may be called with
 *
 * Promise    Options that passed make sense together; each refusal says on standard error why.
 * Threads    The main thread (getopt).
 */
#ifndef REPOSTAL_CLI_QUEUE_OPTIONS_H
#define REPOSTAL_CLI_QUEUE_OPTIONS_H

#include <stdbool.h>

#include "queue_table.h"

/* False: the command has ended with *exit_code_out; help was printed, or the message. */
bool queue_options_read(int argc, char **argv, struct queue_options *out, int *exit_code_out);

/* What a change of many is about when no state was given: "ready,waiting,dead". */
const char *queue_default_states(enum queue_action action);
/* Whether such a delivery is changed: one of an event that was named, else one of many. */
bool queue_may_change(const struct queue_options *asked, const char *state);

#endif
