/* SPDX-License-Identifier: MIT */
/*
 * names.h - what the store's numbers stand for, as committed at one moment
 *
 * Ownership  names_free() frees everything.
 * Threads    One owner.
 */
#ifndef REPOSTAL_CONTROL_NAMES_H
#define REPOSTAL_CONTROL_NAMES_H

#include "repostal/store_reader.h"

struct named_target {
	char *name; /* NULL: no such number */
	char *reason;
	bool is_paused;
	struct store_target_counts counts;
};

struct names {
	struct named_target *targets; /* by number */
	size_t targets_count;
	char **sources; /* by number */
	size_t sources_count;
};

enum status names_read(struct store_reader *reader, struct names *names_out, struct error *err);
void names_free(struct names *names);

/* -1: there is none. */
int names_find_target(const struct names *names, struct slice name);
/* "'nope' is no target here, which are app, other", as far as it fits. */
void names_refuse_target(const struct names *names, struct slice name, struct error *err);
/* "" when it is not known. */
struct slice names_target(const struct names *names, uint16_t number);
struct slice names_source(const struct names *names, uint16_t number);

#endif
