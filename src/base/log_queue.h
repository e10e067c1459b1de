/* SPDX-License-Identifier: MIT */
/*
 * log_queue.h - lines between the threads that log and the one that writes
 *
 * Promise    First in, first out, in a fixed memory. What does not fit is counted; from then on every
 *            line is counted until half of the queue is free and the count was taken, so that the gap
 *            is in one place, and the line that tells of it stands there.
 * Threads    None of its own: log.c has the lock.
 */
#ifndef REPOSTAL_BASE_LOG_QUEUE_H
#define REPOSTAL_BASE_LOG_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/slice.h"

enum {
	LOG_LINE_SIZE_MAX = 4096, /* PIPE_BUF: a pipe takes it whole */
	LOG_QUEUE_SIZE = 256 * 1024
};

/* Value-initialise with { 0 }. */
struct log_queue {
	size_t begin; /* of the oldest line */
	size_t used;
	int64_t lost;
	char bytes[LOG_QUEUE_SIZE];
};

/* False: the line, of LOG_LINE_SIZE_MAX at most, is lost. */
bool log_queue_push(struct log_queue *queue, struct slice line);
/* The size of the oldest line, which is now in out; zero: there is none. */
size_t log_queue_pop(struct log_queue *queue, char out[LOG_LINE_SIZE_MAX]);
/* How many lines were lost; zero until half of the queue is free. */
int64_t log_queue_take_lost(struct log_queue *queue);

#endif
