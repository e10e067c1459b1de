/* SPDX-License-Identifier: MIT */
/*
 * filter.h - the query that finds the deliveries a filter means, in order of id
 *
 * Promise    A page reads at most about scan_limit rows, whatever the size of the tables: the query
 *            takes the way that the filter allows (one event, a search key, the partial indexes of the
 *            states, or all deliveries in the range that the times leave) and stops.
 *            Its rows: id (NULL: nothing found), how many were scanned, the last id of these.
 * Threads    A pure function. Everything in the text is a number, so nothing needs quoting.
 */
#ifndef REPOSTAL_STORE_POSTGRES_FILTER_H
#define REPOSTAL_STORE_POSTGRES_FILTER_H

#include <stdbool.h>

#include "repostal/buf.h"
#include "repostal/store.h"

enum {
	POSTGRES_FILTER_SIZE_MAX = 16 * 1024
};

struct postgres_page {
	struct store_filter filter;
	bool is_down;      /* from the newest */
	int64_t from;      /* ids after this one, in the direction of the page */
	size_t scan_limit; /* the query may stop after so many */
	size_t count_max;
};

void postgres_filter_sql(struct buf *sql, const struct postgres_page *page);

#endif
