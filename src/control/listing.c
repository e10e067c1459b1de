/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include "repostal/clock.h"

enum {
	PAGE_TIME_MAX_MS = 200,
	AT_ONCE_MAX = 2000, /* between two looks at the clock */
};

static bool needs_facts(const struct listing *listing)
{
	return listing->visit != NULL || listing->filter->message_id != NULL ||
	       listing->filter->recipient != NULL;
}

static void on_row(void *context, const struct store_row *row)
{
	struct listing *listing = context;
	bool has_facts = needs_facts(listing);
	struct facts facts;

	listing->scanned++;
	if (has_facts)
		facts_of_row(&facts, listing->names, row);
	if (filter_wants(listing->filter, row, has_facts ? &facts : NULL)) {
		listing->found++;
		if (listing->visit != NULL)
			listing->visit(listing->context, row, &facts);
	}
	if (has_facts)
		facts_free(&facts);
}

enum status listing_page(struct listing *listing, int64_t before, size_t count_max,
	int64_t *next_out, struct error *err)
{
	int64_t deadline_ms = clock_monotonic_ms() + PAGE_TIME_MAX_MS;
	int64_t found_max = listing->found + (int64_t)count_max;
	struct store_page page = { .next = before };
	enum status status;

	do {
		int64_t wanted = found_max - listing->found;

		page.count_max = wanted < AT_ONCE_MAX ? (size_t)wanted : AT_ONCE_MAX;
		status = store_reader_list(
			listing->reader, &listing->filter->store, &page, on_row, listing, err);
	} while (status == STATUS_OK && page.next != 0 && listing->found < found_max &&
		 clock_monotonic_ms() < deadline_ms);
	*next_out = page.next;
	return status;
}
