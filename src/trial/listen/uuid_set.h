/* SPDX-License-Identifier: MIT */
/*
 * uuid_set.h - which uuids were seen, up to a limit
 *
 * Promise    Exact until count_max uuids are remembered; later ones are told apart no more, and the
 *            set says so. Memory grows with what is remembered, at most to 43 bytes for each.
 * Threads    One owner.
 */
#ifndef REPOSTAL_TRIAL_UUID_SET_H
#define REPOSTAL_TRIAL_UUID_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "repostal/uuid.h"

struct uuid_set {
	struct uuid *slots; /* a free one is all zero */
	size_t slots_count; /* a power of two, or 0 */
	size_t count;       /* without the zero uuid */
	size_t count_max;
	bool has_zero;
};

enum uuid_set_answer {
	UUID_SET_NEW,
	UUID_SET_SEEN,
	UUID_SET_FULL, /* not among those remembered, and not remembered now */
};

void uuid_set_init(struct uuid_set *set, size_t count_max);
enum uuid_set_answer uuid_set_add(struct uuid_set *set, const struct uuid *uuid);
void uuid_set_free(struct uuid_set *set);

#endif
