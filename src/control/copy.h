/* SPDX-License-Identifier: MIT */
/*
 * copy.h - one run of store_copy()
 *
 * Promise    Each function copies its part in transactions of a few hundred rows, and counts what was
 *            committed.
 * Threads    The caller's.
 * Ownership  store_copy.c opens and closes everything.
 */
#ifndef REPOSTAL_CONTROL_COPY_H
#define REPOSTAL_CONTROL_COPY_H

#include "names.h"
#include "repostal/store_copy.h"

/* The bodies that the destination has in quarantine, by 127 bits of a digest of source and body. */
struct copy_body {
	uint64_t hash;
	uint64_t other;
};
struct copy_known {
	struct copy_body *slots; /* hash 0: free */
	size_t slots_count;      /* a power of two, or 0 */
	size_t count;
};

struct copy {
	const struct store_copy *settings;
	struct store *from; /* held, so that nobody else changes it */
	struct store *to;
	struct store_reader *reader;         /* of the source */
	struct names names;                  /* in the source */
	uint16_t targets[STORE_TARGETS_MAX]; /* numbers there by numbers here */
	uint16_t sources[STORE_SOURCES_MAX];
	bool is_ordered[STORE_TARGETS_MAX]; /* by numbers here */
	struct copy_known known;
	int64_t polled_ms;
	struct store_copy_counts counts;
};

enum status copy_events(struct copy *copy, struct error *err);
enum status copy_quarantine(struct copy *copy, struct error *err);

/* What is in quarantine in the destination. */
enum status copy_known_read(struct copy *copy, struct error *err);
void copy_known_free(struct copy_known *known);
/* True when it was there; from now on it is. source is the destination's number. */
bool copy_known_add(struct copy_known *known, uint16_t source, struct slice raw);

/* The number in the destination. STATUS_INVALID: the source does not know its own. */
enum status copy_source_number(
	const struct copy *copy, uint16_t source, uint16_t *number_out, struct error *err);

/* What ends a transaction: reports, and keeps the place in a shared store. */
enum status copy_commit(
	struct copy *copy, const struct store_copy_counts *added, struct error *err);

#endif
