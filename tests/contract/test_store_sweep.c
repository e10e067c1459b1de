/* SPDX-License-Identifier: MIT */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Until there is no more to do; a step that never ends the work fails the test. */
static void sweep_all(struct fixture *f, int64_t now_ms)
{
	bool more = true;

	for (int i = 0; more; i++) {
		assert_true(i < 10000);
		MUST(f, store_sweep(f->store, now_ms, &more, &f->err));
	}
}

static bool event_is_there(struct fixture *f, int64_t id)
{
	char sql[80];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM event WHERE id = %lld", (long long)id);
	return fixture_query(f, sql) != 0;
}

static void record_at(
	struct fixture *f, int64_t event, uint16_t target, enum delivery_state next, int64_t at_ms)
{
	struct store_verdict verdict = fixture_verdict(f, event, next);

	verdict.target = target;
	verdict.started_ms = at_ms - verdict.duration_ms;
	fixture_record(f, &verdict);
}

/* A delivery of the event: DELIVERY_LEASED and DELIVERY_WAITING are open; -1: no such delivery. */
static const struct sweep_case {
	const char *name;
	int app, other;
	int64_t verdict_d; /* days after the arrival */
	int64_t kept_d;    /* still there so many days after the arrival, */
	int64_t gone_d;    /* and not there any more then; 0: never goes */
} cases[] = {
	{ "delivered", DELIVERY_DELIVERED, -1, 0, 6, 8 },
	{ "delivered late", DELIVERY_DELIVERED, -1, 5, 11, 13 },
	{ "delivered to both", DELIVERY_DELIVERED, DELIVERY_DELIVERED, 0, 6, 8 },
	{ "dead", DELIVERY_DEAD, -1, 0, 29, 31 },
	{ "dead late", DELIVERY_DEAD, -1, 3, 32, 34 },
	{ "dead and delivered", DELIVERY_DEAD, DELIVERY_DELIVERED, 0, 29, 31 },
	{ "nobody wanted it", -1, -1, 0, 6, 8 },
	{ "waiting", DELIVERY_WAITING, -1, 0, 1000, 0 },
	{ "leased", DELIVERY_LEASED, -1, 0, 1000, 0 },
	{ "delivered and waiting", DELIVERY_DELIVERED, DELIVERY_WAITING, 0, 1000, 0 },
	{ "dead and waiting", DELIVERY_DEAD, DELIVERY_WAITING, 0, 1000, 0 },
};

static int64_t append_case(struct fixture *f, const struct sweep_case *c, int64_t n)
{
	struct store_new_delivery both[] = {
		{ .target = f->app, .leased = c->app != DELIVERY_WAITING },
		{ .target = f->other, .leased = c->other != DELIVERY_WAITING },
	};
	struct store_event event =
		fixture_event(f, n, both, (size_t)(c->app >= 0) + (size_t)(c->other >= 0));
	int64_t at_ms = FIXTURE_NOW_MS + c->verdict_d * DAY_MS;

	event.received_us = FIXTURE_NOW_MS * 1000;
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, append_now(f->store, &event, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	if (c->app == DELIVERY_DELIVERED || c->app == DELIVERY_DEAD)
		record_at(f, event.id, f->app, (enum delivery_state)c->app, at_ms);
	if (c->other == DELIVERY_DELIVERED || c->other == DELIVERY_DEAD)
		record_at(f, event.id, f->other, (enum delivery_state)c->other, at_ms);
	return event.id;
}

static void test_what_goes_when(void **state)
{
	struct fixture *f = *state;
	int64_t ids[ARRAY_COUNT(cases)];

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		ids[i] = append_case(f, &cases[i], (int64_t)i);
	for (int64_t day = 0; day <= 40; day++) {
		sweep_all(f, FIXTURE_NOW_MS + day * DAY_MS);
		for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
			bool there = event_is_there(f, ids[i]);

			if (!there && day <= cases[i].kept_d)
				fail_msg("%s: gone on day %d", cases[i].name, (int)day);
			if (there && cases[i].gone_d != 0 && day >= cases[i].gone_d)
				fail_msg("%s: there on day %d", cases[i].name, (int)day);
		}
		fixture_recount(f);
	}
	/* Nothing stays behind of what went. */
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM delivery WHERE id >> 16 NOT IN "
					  "(SELECT id FROM event)"),
		0);
	assert_int_equal(
		fixture_query(f,
			"SELECT count(*) FROM attempt WHERE event NOT IN (SELECT id FROM event)"),
		0);
	assert_int_equal(store_counts(f->store, f->app).dead, 1); /* dead and waiting */
	/* And nothing of what stays went. */
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM delivery"), 6);
	assert_int_equal(store_backlog(f->store), 4);
}

/* A repeat within dedup_window is a duplicate although the first one was to be kept for less. */
static void test_dedup_window_keeps(void **state)
{
	struct fixture *f = *state;
	static const struct sweep_case delivered = { "delivered", DELIVERY_DELIVERED, -1, 0, 0, 0 };
	static const struct sweep_case dead = { "dead", DELIVERY_DEAD, -1, 0, 0, 0 };
	int64_t ids[2];

	fixture_close(f);
	f->settings.keep_delivered_ms = HOUR_MS;
	f->settings.keep_dead_ms = HOUR_MS;
	fixture_open(f, FIXTURE_NOW_MS);
	ids[0] = append_case(f, &delivered, 1);
	ids[1] = append_case(f, &dead, 2);
	sweep_all(f, FIXTURE_NOW_MS + 3 * DAY_MS - 1);
	assert_true(event_is_there(f, ids[0]) && event_is_there(f, ids[1]));
	sweep_all(f, FIXTURE_NOW_MS + 3 * DAY_MS);
	assert_false(event_is_there(f, ids[0]) || event_is_there(f, ids[1]));
	fixture_recount(f);
}

/* What was kept for its deliveries is looked at again after about an hour, not at every call. */
static void test_kept_is_looked_at_again(void **state)
{
	struct fixture *f = *state;
	const int64_t later_ms = FIXTURE_NOW_MS + 10 * DAY_MS;
	int64_t id = fixture_append(f, 1, true);

	sweep_all(f, later_ms);
	record_at(f, id, f->app, DELIVERY_DELIVERED, FIXTURE_NOW_MS + SECOND_MS);
	sweep_all(f, later_ms + SECOND_MS);
	assert_true(event_is_there(f, id));
	sweep_all(f, later_ms + 2 * HOUR_MS);
	assert_false(event_is_there(f, id));
}

/* Small steps, each of which leaves the counts right. */
static void test_steps_are_small(void **state)
{
	struct fixture *f = *state;
	const int64_t later_ms = FIXTURE_NOW_MS + 40 * DAY_MS;
	int64_t left = 900;
	bool more = true;

	MUST(f, store_begin(f->store, &f->err));
	for (int64_t n = 0; n < left; n++) {
		struct store_new_delivery delivery = { .target = f->app, .leased = true };
		struct store_event event = fixture_event(f, n, &delivery, 1);
		struct store_verdict verdict;

		MUST(f, append_now(f->store, &event, &f->err));
		verdict = fixture_verdict(
			f, event.id, n % 3 == 0 ? DELIVERY_DEAD : DELIVERY_DELIVERED);
		MUST(f, record_now(f, &verdict));
	}
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(store_counts(f->store, f->app).dead, 300);
	while (more) {
		int64_t before = left;

		MUST(f, store_sweep(f->store, later_ms, &more, &f->err));
		left = fixture_query(f, "SELECT count(*) FROM event");
		assert_true(before - left <= 500);
		assert_true(more || left == 0);
		fixture_recount(f);
	}
	/* Days of attempts go as a whole, a day after all that is kept. */
	while (f->settings.backend == STORE_POSTGRESQL &&
		fixture_query(f, "SELECT count(*) FROM attempt") > 0)
		MUST(f, store_sweep(f->store, later_ms, &more, &f->err));
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM attempt"), 0);
}

static void test_large_bodies_go_in_small_steps(void **state)
{
	struct fixture *f = *state;
	enum {
		LARGE = 700 * 1024
	};
	char *large = memory_zalloc(LARGE);
	bool more = false;

	for (int64_t n = 0; n < 3; n++) {
		struct store_event event = fixture_event(f, n, NULL, 0);

		event.raw = slice_of(large, LARGE);
		MUST(f, store_begin(f->store, &f->err));
		MUST(f, append_now(f->store, &event, &f->err));
		MUST(f, store_commit(f->store, &f->err));
	}
	for (int64_t left = 2; left >= 0; left--) {
		MUST(f, store_sweep(f->store, FIXTURE_NOW_MS + 10 * DAY_MS, &more, &f->err));
		assert_true(more);
		assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), left);
	}
	free(large);
}

static void test_space_is_given_back(void **state)
{
	struct fixture *f = *state;
	enum {
		LARGE = 1024 * 1024
	};
	char *large;
	int64_t full_size;

	if (fixture_leave_out(f, STORE_SQLITE)) /* PostgreSQL keeps free space for new rows */
		return;
	large = memory_zalloc(LARGE);
	for (int64_t n = 0; n < 20; n++) {
		struct store_event event = fixture_event(f, n, NULL, 0);

		event.raw = slice_of(large, LARGE);
		MUST(f, store_begin(f->store, &f->err));
		MUST(f, append_now(f->store, &event, &f->err));
		MUST(f, store_commit(f->store, &f->err));
	}
	free(large);
	full_size = store_bytes(f->store);
	assert_true(full_size > 20 * LARGE);
	sweep_all(f, FIXTURE_NOW_MS + 10 * DAY_MS);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 0);
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	assert_true(store_bytes(f->store) < 2 * LARGE);
}

static void test_ids_are_not_reused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		bool reopen;
	} ways[] = {
		{ "at once", false },
		{ "after a restart", true },
	};
	int64_t last = 0;

	for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
		struct store_event event = fixture_event(f, (int64_t)i, NULL, 0);

		MUST(f, store_begin(f->store, &f->err));
		MUST(f, append_now(f->store, &event, &f->err));
		MUST(f, store_commit(f->store, &f->err));
		if (event.id <= last)
			fail_msg("%s: id %lld after %lld", ways[i].name, (long long)event.id,
				(long long)last);
		last = event.id;
		sweep_all(f, FIXTURE_NOW_MS + 10 * DAY_MS);
		assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 0);
		if (ways[i].reopen) {
			fixture_close(f);
			fixture_open(f, FIXTURE_NOW_MS);
		}
	}
	assert_true(fixture_append(f, 100, true) > last);
}

static void quarantine_at(struct fixture *f, const char *raw, int64_t at_ms)
{
	struct store_quarantined quarantined = { .received_us = at_ms * 1000,
		.source = f->source,
		.reason = "json",
		.raw = slice_text(raw) };

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_quarantine(f->store, &quarantined, &f->err));
	MUST(f, store_commit(f->store, &f->err));
}

/* Counted from when it was seen last: an operator needs the time from then. */
static void test_quarantine_goes(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 100; i++) {
		char raw[16];

		snprintf(raw, sizeof(raw), "%d", i);
		quarantine_at(f, raw, FIXTURE_NOW_MS);
	}
	quarantine_at(f, "repeated", FIXTURE_NOW_MS);
	quarantine_at(f, "repeated", FIXTURE_NOW_MS + 5 * DAY_MS);
	sweep_all(f, FIXTURE_NOW_MS + 30 * DAY_MS - 1);
	assert_int_equal(store_quarantine_count(f->store), 101);
	sweep_all(f, FIXTURE_NOW_MS + 30 * DAY_MS);
	assert_int_equal(store_quarantine_count(f->store), 1);
	sweep_all(f, FIXTURE_NOW_MS + 35 * DAY_MS);
	assert_int_equal(store_quarantine_count(f->store), 0);
	fixture_recount(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_what_goes_when),
		CONTRACT_TEST(test_dedup_window_keeps),
		CONTRACT_TEST(test_kept_is_looked_at_again),
		CONTRACT_TEST(test_steps_are_small),
		CONTRACT_TEST(test_large_bodies_go_in_small_steps),
		CONTRACT_TEST(test_space_is_given_back),
		CONTRACT_TEST(test_ids_are_not_reused),
		CONTRACT_TEST(test_quarantine_goes),
	};

	return contract_run("store sweep", tests, ARRAY_COUNT(tests));
}
