/* SPDX-License-Identifier: MIT */
/*
 * target_lines.h - what a receiver can make us log, each kind with a limit of its own
 *
 * Threads    Any, between opening and closing.
 */
#ifndef REPOSTAL_DELIVERY_TARGET_LINES_H
#define REPOSTAL_DELIVERY_TARGET_LINES_H

#include "repostal/log.h"

struct target_lines {
	struct log_limit retry;
	struct log_limit dead;
	struct log_limit backlog_full; /* more waits for it than it may have */
	struct log_limit breaker_opened;
	struct log_limit breaker_closed;
	struct log_limit type_refused; /* a type that it never takes */
	struct log_limit paused;
	struct log_limit key_unknown;
	struct log_limit pause_not_stored;
};

void target_lines_open(struct target_lines *lines, const char *target);
void target_lines_close(struct target_lines *lines);

#endif
