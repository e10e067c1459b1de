/* SPDX-License-Identifier: MIT */
/*
 * nearest.h - "did you mean ...?"
 *
 * Promise    The candidate with the fewest edits, if it is near enough to be meant.
 * Threads    One owner.
 */
#ifndef REPOSTAL_NEAREST_H
#define REPOSTAL_NEAREST_H

#include <stddef.h>

enum {
	NEAREST_SIZE = 65
};

struct nearest {
	const char *given;
	size_t distance_max;     /* more edits than this are another name */
	char best[NEAREST_SIZE]; /* empty: nothing is near */
};

void nearest_init(struct nearest *nearest, const char *given);
void nearest_offer(struct nearest *nearest, const char *candidate);

#endif
