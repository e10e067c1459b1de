/* SPDX-License-Identifier: MIT */
/*
 * listing.h - the deliveries that a filter wants, page by page
 *
 * Promise    Every row that is visited is wanted, down to the letter. The work of a call is bounded:
 *            a page may hold fewer rows than asked for, also none; then go on from *next_out.
 * Threads    The reader's.
 */
#ifndef REPOSTAL_CONTROL_LISTING_H
#define REPOSTAL_CONTROL_LISTING_H

#include "filter.h"

enum {
	LISTING_LIMIT_MAX = 200
};

struct listing {
	struct store_reader *reader;
	const struct names *names;
	const struct filter *filter;
	void (*visit)(void *context, const struct store_row *row, const struct facts *facts);
	void *context;
	int64_t scanned; /* rows looked at, added to */
};

enum status listing_page(struct listing *listing, int64_t before, size_t count_max,
	int64_t *next_out, struct error *err);
/* How many there are, without visiting any: added to *count, page by page as above. */
enum status listing_count(struct listing *listing, int64_t before, int64_t *count,
	int64_t *next_out, struct error *err);

#endif
