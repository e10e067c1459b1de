/* SPDX-License-Identifier: MIT */
/*
 * source_lines.h - what a sender can make us say
 *
 * Promise    Each kind of line of each source has a limit of its own: neither a flood of bad events nor
 *            one of wrong credentials hides what happens at another source.
 * Threads    Any.
 */
#ifndef REPOSTAL_INBOUND_SOURCE_LINES_H
#define REPOSTAL_INBOUND_SOURCE_LINES_H

#include "repostal/log.h"

struct source_lines {
	struct log_limit quarantined;
};

struct source_lines *source_lines_new(const char *source);
void source_lines_free(struct source_lines **linesp);

#endif
