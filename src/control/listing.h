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
	LISTING_LIMIT_MAX = 200,
	LISTING_COUNT_MAX = 1000000, /* of a page that is only counted */
};

struct listing {
	struct store_reader *reader;
	const struct names *names;
	const struct filter *filter;
	/* NULL: they are only counted, which is much faster. */
	void (*visit)(
		void *context, const struct store_row *row, const struct parsed_event *parsed);
	void *context;
	int64_t scanned; /* rows looked at, added to */
	int64_t found;   /* rows that are wanted, added to */
};

enum status listing_page(struct listing *listing, int64_t before, size_t count_max,
	int64_t *next_out, struct error *err);
#endif
