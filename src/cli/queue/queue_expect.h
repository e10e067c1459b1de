/* SPDX-License-Identifier: MIT */
/*
 * queue_expect.h - how many deliveries a job is about to change
 *
 * Promise    Pure. A guess from counts that are there anyway: nothing is searched for it.
 * Threads    Any.
 */
#ifndef REPOSTAL_CLI_QUEUE_EXPECT_H
#define REPOSTAL_CLI_QUEUE_EXPECT_H

#include <stdint.h>

#include <jansson.h>

#include "queue_options.h"

/* targets: the API's, with their counts. -1: the filters ask for what is not counted. */
int64_t queue_expect(const struct queue_options *options, const json_t *targets);

#endif
