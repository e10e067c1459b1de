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

#include "repostal/address.h"
#include "repostal/inbound.h"
#include "repostal/log.h"

struct source_lines {
	struct log_limit quarantined;
	struct log_limit rejected[REJECT_REASON_COUNT];
};

void source_lines_open(struct source_lines *lines, const char *source);
void source_lines_close(struct source_lines *lines);
/* True: the next one has to be called, with the address, which costs something to find out. */
bool source_lines_want_rejected(struct source_lines *lines, enum reject_reason reason);
/* The form that examples/fail2ban reads: request.rejected reason=R source=S address=A. */
void source_lines_rejected(
	const struct source_lines *lines, enum reject_reason reason, const struct address *client);

#endif
