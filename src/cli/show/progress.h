/* SPDX-License-Identifier: MIT */
/*
 * progress.h - how far a job is, on one line
 *
 * Promise    Pure. The line fits width_max characters, has no control characters and no newline.
 * Threads    Any.
 */
#ifndef REPOSTAL_CLI_PROGRESS_H
#define REPOSTAL_CLI_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#include "repostal/buf.h"

struct progress {
	int64_t expected; /* changes; -1: not known */
	int64_t changed;
	int64_t scanned;
	int64_t elapsed_ms;
};

/*
 * "[########----------------]  33 %  1000 of 3000, 250/s, 8s left"; not knowing what to expect
 * "1000 changed of 4000 seen, 250/s"
 */
void progress_append(struct buf *out, const struct progress *progress, size_t width_max);

#endif
