/* SPDX-License-Identifier: MIT */
/*
 * delay_line.h - answers that wait a fixed time before they are given
 *
 * Promise    Every ticket that is added is flushed to its server when its delay is over, in the
 *            order in which they came; at once after delay_line_hurry().
 * Threads    Any thread adds. One of its own flushes.
 * Ownership  A ticket belongs to the delay line, then to the server, until its complete().
 *
 * The number of tickets is bounded by the server's connections.
 */
#ifndef REPOSTAL_TRIAL_DELAY_LINE_H
#define REPOSTAL_TRIAL_DELAY_LINE_H

#include "repostal/http.h"

struct delay_line;

/* First member of what travels. */
struct delayed {
	struct http_ticket ticket;
	int64_t due_ms; /* monotonic */
};

struct delay_line *delay_line_start(struct http_server *server, int64_t delay_ms);
void delay_line_add(struct delay_line *line, struct delayed *delayed);
/* From now on nothing waits. */
void delay_line_hurry(struct delay_line *line);
/* Flushes everything and ends the thread. */
void delay_line_stop(struct delay_line *line);
/* After the server was stopped, and so nothing is added. Accepts null. */
void delay_line_free(struct delay_line **linep);

#endif
