/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include "repostal/clock.h"
#include "repostal/event_row.h"

enum {
	PAGE_TIME_MAX_MS = 200,
	AT_ONCE_MAX = 2000, /* between two looks at the clock */
};

static bool needs_parsed(const struct listing *listing)
{
	return listing->visit != NULL || listing->filter->message_id != NULL ||
	       listing->filter->recipient != NULL;
}

static void on_row(void *context, const struct store_row *row)
{
	struct listing *listing = context;
	bool is_parsed = needs_parsed(listing);
	struct event_record record;
	struct parsed_event parsed;

	listing->scanned++;
	if (is_parsed) {
		record = event_record_of_row(row, names_source(listing->names, row->source));
		(void)event_parse(&record, &parsed);
	}
	if (filter_wants(listing->filter, row, is_parsed ? &parsed : NULL)) {
		listing->found++;
		if (listing->visit != NULL)
			listing->visit(listing->context, row, &parsed);
	}
	if (is_parsed)
		parsed_event_release(&parsed);
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
