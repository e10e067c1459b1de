/* SPDX-License-Identifier: MIT */
/* Deliveries that go out as if they were of another event: their numbers, and how the event is found. */
#include "store_fixture.h"

#include <stdlib.h>

#include "repostal/store_reader.h"

enum {
	NUMBERS_MAX = 8
};

static const struct store_filter everything = { .target = -1, .type = -1 };

struct seen {
	size_t count;
	int64_t events[NUMBERS_MAX];
	int as_new[NUMBERS_MAX];
};

static void keep_row(void *context, const struct store_row *row)
{
	struct seen *seen = context;

	assert_true(seen->count < NUMBERS_MAX);
	seen->events[seen->count] = row->event;
	seen->as_new[seen->count++] = row->as_new;
}

static struct seen list(struct fixture *f, struct store_filter filter)
{
	struct store_reader *reader = NULL;
	struct seen seen = { 0 };
	struct store_page page = { .count_max = NUMBERS_MAX };

	MUST(f, store_reader_open(&f->settings, &reader, &f->err));
	MUST(f, store_reader_list(reader, &filter, &page, keep_row, &seen, &f->err));
	store_reader_close(&reader);
	return seen;
}

static int number_anew(struct fixture *f, int64_t event, uint16_t target, int more)
{
	int number = 0;

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_number_anew(f->store, event, target, more, &number, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	return number;
}

static int64_t append_for_two(struct fixture *f)
{
	struct store_new_delivery deliveries[] = { { .target = f->app }, { .target = f->other } };
	struct store_event event = fixture_event(f, 1, deliveries, ARRAY_COUNT(deliveries));

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_append(f->store, &event, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	return event.id;
}

/* Each delivery counts for itself, and what is claimed says its number, over attempts and restarts. */
static void test_numbers_last(void **state)
{
	struct fixture *f = *state;
	int64_t id = append_for_two(f);
	struct store_claim claim;
	struct store_verdict verdict = fixture_verdict(f, id, DELIVERY_WAITING);

	assert_int_equal(number_anew(f, id, f->app, 1), 1);
	assert_int_equal(number_anew(f, id, f->app, 1), 2);
	assert_int_equal(number_anew(f, id, f->app, 3), 5);
	claim = fixture_claim(f, f->other, FIXTURE_NOW_MS + DAY_MS);
	assert_int_equal(claim.count, 1);
	assert_int_equal(claim.list->as_new, 0);
	store_claimed_free(&claim.list);
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + DAY_MS);
	assert_int_equal(claim.list->as_new, 5);
	store_claimed_free(&claim.list);
	verdict.due_ms = FIXTURE_NOW_MS + DAY_MS;
	fixture_record(f, &verdict);
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS + DAY_MS);
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + 2 * DAY_MS);
	assert_int_equal(claim.count, 1);
	assert_int_equal(claim.list->as_new, 5);
	assert_int_equal(claim.list->attempts, 2);
	store_claimed_free(&claim.list);
}

static void test_readers_see_them(void **state)
{
	struct fixture *f = *state;
	int64_t id = append_for_two(f);
	struct store_filter filter = everything;
	struct seen seen;

	number_anew(f, id, f->other, 7);
	filter.target = f->other;
	seen = list(f, filter);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.as_new[0], 7);
	filter.target = f->app;
	seen = list(f, filter);
	assert_int_equal(seen.as_new[0], 0);
}

static void test_what_is_not_there(void **state)
{
	struct fixture *f = *state;
	int64_t id = fixture_append(f, 1, false);
	int number = 0;

	MUST(f, store_begin(f->store, &f->err));
	assert_int_equal(
		store_number_anew(f->store, id + 1, f->app, 1, &number, &f->err), STATUS_NOT_FOUND);
	assert_int_equal(
		store_number_anew(f->store, id, f->other, 1, &number, &f->err), STATUS_NOT_FOUND);
	assert_true(store_is_intact_after(STATUS_NOT_FOUND));
	MUST(f, store_number_anew(f->store, id, f->app, 1, &number, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(fixture_query(f, "SELECT as_new FROM delivery"), 1);
}

/* The event keeps the keys that it has; one that it has already changes nothing. */
static void test_another_key_finds_the_event(void **state)
{
	struct fixture *f = *state;
	struct store_filter filter = everything;
	int64_t first = fixture_append(f, 1, false), second = fixture_append(f, 2, false);
	struct seen seen;

	for (int round = 0; round < 2; round++) {
		MUST(f, store_begin(f->store, &f->err));
		MUST(f, store_add_search_key(
				f->store, first, 4711, FIXTURE_NOW_MS + 100 * DAY_MS, &f->err));
		MUST(f, store_add_search_key(f->store, second, 4712, FIXTURE_NOW_MS, &f->err));
		MUST(f, store_commit(f->store, &f->err));
	}
	filter.search_key = 4711;
	seen = list(f, filter);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.events[0], first);
	filter.search_key = 4712;
	seen = list(f, filter);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.events[0], second);
}

static void test_a_rollback_leaves_no_trace(void **state)
{
	struct fixture *f = *state;
	int64_t id = fixture_append(f, 1, false);
	struct store_filter filter = everything;
	int number = 0;

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_number_anew(f->store, id, f->app, 1, &number, &f->err));
	MUST(f, store_add_search_key(f->store, id, 4711, FIXTURE_NOW_MS, &f->err));
	store_rollback(f->store);
	assert_int_equal(fixture_query(f, "SELECT as_new FROM delivery"), 0);
	filter.search_key = 4711;
	assert_int_equal(list(f, filter).count, 0);
	/* A day that was made for the key went with it, and is made again. */
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_add_search_key(f->store, id, 4711, FIXTURE_NOW_MS, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(list(f, filter).count, 1);
}

/* In the transaction of the retry, as operators have it. */
static void test_a_retry_as_new(void **state)
{
	struct fixture *f = *state;
	int64_t id = fixture_append(f, 1, true);
	struct store_verdict verdict = fixture_verdict(f, id, DELIVERY_DELIVERED);
	struct store_change change = {
		.kind = STORE_CHANGE_RETRY,
		.filter = { .target = f->app, .type = -1, .event = id },
		.now_ms = FIXTURE_NOW_MS + DAY_MS,
		.count_max = 1,
		.scan_limit = 100,
	};
	struct store_claim claim;
	int number = 0;

	fixture_record(f, &verdict);
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_change(f->store, &change, &f->err));
	assert_int_equal(change.changed, 1);
	MUST(f, store_number_anew(f->store, id, f->app, 1, &number, &f->err));
	assert_int_equal(number, 1);
	MUST(f, store_add_search_key(f->store, id, 4711, change.now_ms, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	fixture_recount(f);
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + DAY_MS);
	assert_int_equal(claim.count, 1);
	assert_int_equal(claim.list->as_new, 1);
	assert_true(claim.list->is_replay);
	store_claimed_free(&claim.list);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_numbers_last),
		CONTRACT_TEST(test_readers_see_them),
		CONTRACT_TEST(test_what_is_not_there),
		CONTRACT_TEST(test_another_key_finds_the_event),
		CONTRACT_TEST(test_a_rollback_leaves_no_trace),
		CONTRACT_TEST(test_a_retry_as_new),
	};

	return contract_run("store as new", tests, ARRAY_COUNT(tests));
}
