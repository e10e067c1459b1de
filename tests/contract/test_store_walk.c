/* SPDX-License-Identifier: MIT */
/* The deliveries of a store, oldest first: what copying it relies on. */
#include "store_fixture.h"

#include "repostal/store_reader.h"

enum {
	EVENTS_COUNT = 60,
	ROWS_MAX = 2 * EVENTS_COUNT,
};

struct seen {
	const char *name;
	size_t count;
	size_t rows_in_page;
	struct store_row rows[ROWS_MAX];
};

static void keep_row(void *context, const struct store_row *row)
{
	struct seen *seen = context;

	if (seen->count == ROWS_MAX)
		fail_msg("%s: too many rows", seen->name);
	if (seen->count > 0 && row->id <= seen->rows[seen->count - 1].id)
		fail_msg("%s: not oldest first", seen->name);
	seen->rows[seen->count++] = *row;
	seen->rows_in_page++;
}

/* Every second event is for both targets; every third delivery for app is dead. */
static bool is_for_other(int64_t n)
{
	return n % 2 == 0;
}

static bool is_dead(int64_t n, uint16_t target)
{
	return target == 0 && n % 3 == 0;
}

/* Events in order of arrival have rising ids, not the same ones in every backend. */
static void append_many(struct fixture *f, int64_t ids[EVENTS_COUNT + 1])
{
	MUST(f, store_begin(f->store, &f->err));
	for (int64_t n = 1; n <= EVENTS_COUNT; n++) {
		struct store_new_delivery deliveries[] = {
			{ .target = f->app, .leased = true },
			{ .target = f->other },
		};
		struct store_event event = fixture_event(f, n, deliveries, is_for_other(n) ? 2 : 1);
		struct store_verdict verdict;

		event.type = (uint8_t)(n % 4);
		event.search_keys[1] = 100 + n % 5;
		MUST(f, append_now(f->store, &event, &f->err));
		ids[n] = event.id;
		verdict = fixture_verdict(
			f, event.id, is_dead(n, f->app) ? DELIVERY_DEAD : DELIVERY_DELIVERED);
		verdict.lease = event.lease;
		MUST(f, store_record(f->store, &verdict, &f->err));
	}
	MUST(f, store_commit(f->store, &f->err));
}

static void walk_all(struct fixture *f, struct store_reader *reader, const char *name,
	const struct store_filter *filter, size_t count_max, struct seen *seen)
{
	struct store_page page = { .count_max = count_max };
	int pages_count = 0;

	*seen = (struct seen){ .name = name };
	do {
		int64_t after = page.next;

		assert_true(pages_count++ < 1000);
		seen->rows_in_page = 0;
		MUST(f, store_reader_walk(reader, filter, &page, keep_row, seen, &f->err));
		if (seen->rows_in_page > count_max)
			fail_msg("%s: %zu rows in a page", name, seen->rows_in_page);
		if (page.next != 0 && page.next <= after)
			fail_msg("%s: no way forward", name);
	} while (page.next != 0);
}

static const struct {
	const char *name;
	struct store_filter filter; /* event: which one by arrival */
} cases[] = {
	{ "everything", { .target = -1, .type = -1 } },
	{ "a target", { .target = 1, .type = -1 } },
	{ "a target that nothing is for", { .target = 5, .type = -1 } },
	{ "dead", { .target = -1, .type = -1, .states = 1U << DELIVERY_DEAD } },
	{ "dead or waiting", { .target = -1,
				     .type = -1,
				     .states = 1U << DELIVERY_DEAD | 1U << DELIVERY_WAITING } },
	{ "delivered", { .target = -1, .type = -1, .states = 1U << DELIVERY_DELIVERED } },
	{ "a type", { .target = -1, .type = 3 } },
	{ "a key", { .target = -1, .type = -1, .search_key = 102 } },
	{ "an event", { .target = -1, .type = -1, .event = 34 } },
	{ "an event that is not there", { .target = -1, .type = -1, .event = 61 } },
};

static enum delivery_state state_wanted(int64_t n, uint16_t target)
{
	return target == 1          ? DELIVERY_WAITING
	       : is_dead(n, target) ? DELIVERY_DEAD
				    : DELIVERY_DELIVERED;
}

static bool is_wanted(const struct store_filter *filter, int64_t n, uint16_t target)
{
	return (target == 0 || is_for_other(n)) &&
	       (filter->target < 0 || filter->target == target) &&
	       (filter->states == 0 || (filter->states >> state_wanted(n, target) & 1) != 0) &&
	       (filter->type < 0 || filter->type == n % 4) &&
	       (filter->search_key == 0 || filter->search_key == 100 + n % 5) &&
	       (filter->event == 0 || filter->event == n);
}

/* In pages of several sizes: each delivery that is meant, once, those of one event together. */
static void test_walks(void **state)
{
	struct fixture *f = *state;
	static const size_t page_sizes[] = { 1, 2, 7, 1000 };
	struct store_reader *reader = NULL;
	int64_t ids[EVENTS_COUNT + 1] = { 0 };
	struct seen seen;

	append_many(f, ids);
	MUST(f, store_reader_open(&f->settings, &reader, &f->err));
	for (size_t i = 0; i < ARRAY_COUNT(cases) * ARRAY_COUNT(page_sizes); i++) {
		const char *name = cases[i / ARRAY_COUNT(page_sizes)].name;
		const struct store_filter *filter = &cases[i / ARRAY_COUNT(page_sizes)].filter;
		struct store_filter by_id = *filter;
		size_t at = 0;

		if (filter->event != 0)
			by_id.event = filter->event > EVENTS_COUNT ? ids[EVENTS_COUNT] + 1
								   : ids[filter->event];
		walk_all(f, reader, name, &by_id, page_sizes[i % ARRAY_COUNT(page_sizes)], &seen);
		for (int64_t n = 1; n <= EVENTS_COUNT; n++)
			for (uint16_t target = 0; target < 2; target++) {
				if (!is_wanted(filter, n, target))
					continue;
				if (at == seen.count || seen.rows[at].event != ids[n] ||
					seen.rows[at].target != target)
					fail_msg("%s: not event %d at %zu", name, (int)n, at);
				assert_int_equal(seen.rows[at].state, state_wanted(n, target));
				at++;
			}
		if (at != seen.count)
			fail_msg("%s: %zu rows too many", name, seen.count - at);
	}
	store_reader_close(&reader);
}

static void test_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_reader *reader = NULL;
	struct seen seen;

	MUST(f, store_reader_open(&f->settings, &reader, &f->err));
	walk_all(f, reader, "an empty store", &cases[0].filter, 10, &seen);
	assert_int_equal(seen.count, 0);
	store_reader_close(&reader);
}

/* A day of the past is only known when the verdict is: within a transaction that has begun. */
static void test_verdict_of_another_day_after_a_flush(void **state)
{
	struct fixture *f = *state;
	struct store_new_delivery delivery = { .target = f->app, .leased = true };
	struct store_event event = fixture_event(f, 1, &delivery, 1);
	struct store_verdict verdict;

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_append(f->store, &event, &f->err));
	MUST(f, store_flush(f->store, &f->err));
	verdict = fixture_verdict(f, event.id, DELIVERY_DEAD);
	verdict.lease = event.lease;
	verdict.started_ms = FIXTURE_NOW_MS - 9 * DAY_MS;
	MUST(f, store_record(f->store, &verdict, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(store_counts(f->store, f->app).dead, 1);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM attempt"), 1);
	fixture_recount(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_walks),
		CONTRACT_TEST(test_nothing),
		CONTRACT_TEST(test_verdict_of_another_day_after_a_flush),
	};

	return contract_run("store walk", tests, ARRAY_COUNT(tests));
}
