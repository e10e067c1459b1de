/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include "repostal/clock.h"

enum {
	PAGE_TIME_MAX_MS = 200,
	COUNTED_AT_ONCE = 2000,
};

struct page {
	struct listing *listing;
	size_t count;
};

static void on_row(void *context, const struct store_row *row)
{
	struct page *page = context;
	struct listing *listing = page->listing;
	struct facts facts;

	listing->scanned++;
	facts_of_row(&facts, listing->names, row);
	if (filter_wants(listing->filter, row, &facts)) {
		listing->visit(listing->context, row, &facts);
		page->count++;
	}
	facts_free(&facts);
}

enum status listing_page(struct listing *listing, int64_t before, size_t count_max,
	int64_t *next_out, struct error *err)
{
	int64_t deadline_ms = clock_monotonic_ms() + PAGE_TIME_MAX_MS;
	struct page page = { .listing = listing };
	enum status status;

	do {
		status = store_reader_list(listing->reader, &listing->filter->store, before,
			count_max - page.count, on_row, &page, next_out, err);
		before = *next_out;
	} while (status == STATUS_OK && before != 0 && page.count < count_max &&
		 clock_monotonic_ms() < deadline_ms);
	return status;
}

static void on_counted_row(void *context, const struct store_row *row)
{
	struct page *page = context;
	const struct filter *filter = page->listing->filter;
	bool is_wanted;

	page->listing->scanned++;
	if (filter->message_id == NULL && filter->recipient == NULL) {
		is_wanted = filter_wants(filter, row, NULL);
	} else {
		struct facts facts;

		facts_of_row(&facts, page->listing->names, row);
		is_wanted = filter_wants(filter, row, &facts);
		facts_free(&facts);
	}
	page->count += is_wanted;
}

enum status listing_count(struct listing *listing, int64_t before, int64_t *count,
	int64_t *next_out, struct error *err)
{
	int64_t deadline_ms = clock_monotonic_ms() + PAGE_TIME_MAX_MS;
	struct page page = { .listing = listing };
	enum status status;

	do {
		status = store_reader_list(listing->reader, &listing->filter->store, before,
			COUNTED_AT_ONCE, on_counted_row, &page, next_out, err);
		before = *next_out;
	} while (status == STATUS_OK && before != 0 && clock_monotonic_ms() < deadline_ms);
	*count += (int64_t)page.count;
	return status;
}
