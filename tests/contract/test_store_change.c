/* SPDX-License-Identifier: MIT */
/* What operators do: retry and discard by filter, in portions; pause; empty the quarantine. */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATER_MS (FIXTURE_NOW_MS + DAY_MS)

static const struct store_filter everything = { .target = -1, .type = -1 };

static int64_t state_of(struct fixture *f, int64_t event, const char *column)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT %s FROM delivery WHERE id = %lld", column,
		(long long)(event << 16 | f->app));
	return fixture_query(f, sql);
}

static struct store_change change_of(
	enum store_change_kind kind, struct store_filter filter, int64_t now_ms)
{
	return (struct store_change){
		.kind = kind,
		.filter = filter,
		.now_ms = now_ms,
		.count_max = 1000,
		.scan_limit = 10000,
	};
}

/* One portion in a transaction of its own. */
static void run(struct fixture *f, struct store_change *change)
{
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_change(f->store, change, &f->err));
	MUST(f, store_commit(f->store, &f->err));
}

static size_t change_event(
	struct fixture *f, enum store_change_kind kind, int64_t event, int64_t now_ms)
{
	struct store_filter filter = everything;
	struct store_change change;

	filter.event = event;
	change = change_of(kind, filter, now_ms);
	run(f, &change);
	assert_true(change.done);
	return change.changed;
}

/* An event for app whose delivery is in a state, after one attempt unless it is waiting fresh. */
static int64_t append_in_state(
	struct fixture *f, int64_t n, enum delivery_state state, bool was_tried)
{
	int64_t id = fixture_append(f, n, was_tried || state != DELIVERY_WAITING);

	if (state == DELIVERY_DISCARDED) {
		struct store_verdict verdict = fixture_verdict(f, id, DELIVERY_DEAD);

		fixture_record(f, &verdict);
		assert_int_equal(change_event(f, STORE_CHANGE_DISCARD, id, FIXTURE_NOW_MS), 1);
	} else if (state != DELIVERY_LEASED && (was_tried || state != DELIVERY_WAITING)) {
		struct store_verdict verdict = fixture_verdict(f, id, state);

		verdict.due_ms = LATER_MS + HOUR_MS;
		fixture_record(f, &verdict);
	}
	return id;
}

static void test_what_changes(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		enum delivery_state from;
		bool was_tried;
		enum store_change_kind kind;
		size_t changed;
		enum delivery_state to;
		int attempts;
		struct store_target_counts counts; /* open, retrying, dead afterwards */
	} cases[] = {
		{ "retry of a leased one", DELIVERY_LEASED, true, STORE_CHANGE_RETRY, 0,
			DELIVERY_LEASED, 1, { 1, 0, 0 } },
		{ "retry of a fresh one", DELIVERY_WAITING, false, STORE_CHANGE_RETRY, 1,
			DELIVERY_WAITING, 0, { 1, 0, 0 } },
		{ "retry of one to be tried again", DELIVERY_WAITING, true, STORE_CHANGE_RETRY, 1,
			DELIVERY_WAITING, 0, { 1, 0, 0 } },
		{ "retry of a delivered one", DELIVERY_DELIVERED, true, STORE_CHANGE_RETRY, 1,
			DELIVERY_WAITING, 0, { 1, 0, 0 } },
		{ "retry of a dead one", DELIVERY_DEAD, true, STORE_CHANGE_RETRY, 1,
			DELIVERY_WAITING, 0, { 1, 0, 0 } },
		{ "retry of a discarded one", DELIVERY_DISCARDED, true, STORE_CHANGE_RETRY, 1,
			DELIVERY_WAITING, 0, { 1, 0, 0 } },
		{ "discard of a leased one", DELIVERY_LEASED, true, STORE_CHANGE_DISCARD, 0,
			DELIVERY_LEASED, 1, { 1, 0, 0 } },
		{ "discard of a fresh one", DELIVERY_WAITING, false, STORE_CHANGE_DISCARD, 1,
			DELIVERY_DISCARDED, 0, { 0, 0, 0 } },
		{ "discard of one to be tried again", DELIVERY_WAITING, true, STORE_CHANGE_DISCARD,
			1, DELIVERY_DISCARDED, 1, { 0, 0, 0 } },
		{ "discard of a delivered one", DELIVERY_DELIVERED, true, STORE_CHANGE_DISCARD, 0,
			DELIVERY_DELIVERED, 1, { 0, 0, 0 } },
		{ "discard of a dead one", DELIVERY_DEAD, true, STORE_CHANGE_DISCARD, 1,
			DELIVERY_DISCARDED, 1, { 0, 0, 0 } },
		{ "discard of a discarded one", DELIVERY_DISCARDED, true, STORE_CHANGE_DISCARD, 0,
			DELIVERY_DISCARDED, 1, { 0, 0, 0 } },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_target_counts before = store_counts(f->store, f->app), after;
		int64_t id = append_in_state(f, (int64_t)i, cases[i].from, cases[i].was_tried);
		size_t changed = change_event(f, cases[i].kind, id, LATER_MS);

		after = store_counts(f->store, f->app);
		if (changed != cases[i].changed ||
			state_of(f, id, "state") != (int64_t)cases[i].to ||
			state_of(f, id, "attempts") != cases[i].attempts)
			fail_msg("%s: changed %zu, state %d, attempts %d", cases[i].name, changed,
				(int)state_of(f, id, "state"), (int)state_of(f, id, "attempts"));
		if (cases[i].to == DELIVERY_WAITING && state_of(f, id, "due") > LATER_MS)
			fail_msg("%s: not due", cases[i].name);
		if (after.open - before.open != cases[i].counts.open ||
			after.retrying - before.retrying != cases[i].counts.retrying ||
			after.dead - before.dead != cases[i].counts.dead)
			fail_msg("%s: miscounted", cases[i].name);
		fixture_recount(f);
	}
}

static void attempt_again(
	struct fixture *f, int64_t event, enum delivery_state next, int64_t now_ms, int http_status)
{
	struct store_claim claim = fixture_claim(f, f->app, now_ms);
	struct store_verdict verdict = fixture_verdict(f, event, next);

	assert_int_equal(claim.count, 1);
	assert_int_equal(claim.list->event, event);
	verdict.attempts = claim.list->attempts;
	verdict.started_ms = now_ms;
	verdict.due_ms = now_ms;
	verdict.http_status = http_status;
	store_claimed_free(&claim.list);
	fixture_record(f, &verdict);
}

/* What was tried before stays readable, and what comes after it goes on numbering. */
static void test_history_goes_on(void **state)
{
	struct fixture *f = *state;
	static const int codes[] = { 500, 502, 410, 503, 200, 200 };
	int64_t id = fixture_append(f, 1, false);

	attempt_again(f, id, DELIVERY_WAITING, LATER_MS, codes[0]);
	attempt_again(f, id, DELIVERY_DEAD, LATER_MS, codes[1]);
	change_event(f, STORE_CHANGE_RETRY, id, LATER_MS);
	attempt_again(f, id, DELIVERY_DEAD, LATER_MS, codes[2]);
	change_event(f, STORE_CHANGE_RETRY, id, LATER_MS);
	attempt_again(f, id, DELIVERY_WAITING, LATER_MS, codes[3]);
	change_event(f, STORE_CHANGE_RETRY, id, LATER_MS);
	attempt_again(f, id, DELIVERY_DELIVERED, LATER_MS, codes[4]);
	change_event(f, STORE_CHANGE_RETRY, id, LATER_MS);
	attempt_again(f, id, DELIVERY_DELIVERED, LATER_MS, codes[5]);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM attempt"), ARRAY_COUNT(codes));
	for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
		char sql[80];

		snprintf(sql, sizeof(sql), "SELECT code FROM attempt WHERE number = %zu", i + 1);
		assert_int_equal(fixture_query(f, sql), codes[i]);
	}
	assert_int_equal(state_of(f, id, "attempts"), 1);
}

/* One that went well at once has no row of its attempt until it is replayed. */
static void test_history_of_a_replay(void **state)
{
	struct fixture *f = *state;
	int64_t id = append_in_state(f, 1, DELIVERY_DELIVERED, true);

	assert_int_equal(fixture_query(f, "SELECT count(*) FROM attempt"), 0);
	change_event(f, STORE_CHANGE_RETRY, id, LATER_MS);
	attempt_again(f, id, DELIVERY_DEAD, LATER_MS, 500);
	assert_int_equal(fixture_query(f, "SELECT code FROM attempt WHERE number = 1"), 200);
	assert_int_equal(
		fixture_query(f, "SELECT started FROM attempt WHERE number = 1"), FIXTURE_NOW_MS);
	assert_int_equal(fixture_query(f, "SELECT code FROM attempt WHERE number = 2"), 500);
}

/* A claim tells what an operator took up again from what is new, or only waited. */
static void test_a_replay_is_known_as_one(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		enum delivery_state from;
		bool was_tried;
		bool is_changed;
		bool is_replay;
	} cases[] = {
		{ "a new one", DELIVERY_WAITING, false, false, false },
		{ "a new one that an operator hurries", DELIVERY_WAITING, false, true, false },
		{ "its next attempt", DELIVERY_WAITING, true, false, false },
		{ "tried, and hurried", DELIVERY_WAITING, true, true, true },
		{ "delivered", DELIVERY_DELIVERED, true, true, true },
		{ "dead", DELIVERY_DEAD, true, true, true },
		{ "discarded", DELIVERY_DISCARDED, true, true, true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t id = append_in_state(f, (int64_t)i + 1, cases[i].from, cases[i].was_tried);
		struct store_verdict verdict = fixture_verdict(f, id, DELIVERY_DELIVERED);
		struct store_claim claim;

		print_message("case: %s\n", cases[i].name);
		if (cases[i].is_changed)
			change_event(f, STORE_CHANGE_RETRY, id, LATER_MS);
		claim = fixture_claim(f, f->app, LATER_MS + 2 * HOUR_MS);
		assert_int_equal(claim.count, 1);
		assert_int_equal(claim.list->event, id);
		assert_int_equal(claim.list->is_replay, cases[i].is_replay);
		verdict.attempts = claim.list->attempts;
		verdict.lease = claim.list->lease;
		fixture_record(f, &verdict);
		store_claimed_free(&claim.list);
	}
}

/* What this process discarded is counted with the commit, and by its target. */
static void test_discarded_ones_are_counted(void **state)
{
	struct fixture *f = *state;
	int64_t waiting = append_in_state(f, 1, DELIVERY_WAITING, false);
	int64_t dead = append_in_state(f, 2, DELIVERY_DEAD, true);
	struct store_change change = change_of(STORE_CHANGE_DISCARD, everything, LATER_MS);

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_change(f->store, &change, &f->err));
	assert_int_equal(store_discarded(f->store, f->app), 0);
	store_rollback(f->store);
	assert_int_equal(store_discarded(f->store, f->app), 0);
	assert_int_equal(change_event(f, STORE_CHANGE_DISCARD, waiting, LATER_MS), 1);
	assert_int_equal(change_event(f, STORE_CHANGE_DISCARD, dead, LATER_MS), 1);
	assert_int_equal(change_event(f, STORE_CHANGE_DISCARD, dead, LATER_MS), 0);
	assert_int_equal(store_discarded(f->store, f->app), 2);
	assert_int_equal(store_discarded(f->store, f->other), 0);
}

/* Twelve events, for app and other by turns; n is 1 .. 12, received n seconds after the start. */
static void append_twelve(struct fixture *f, int64_t *ids)
{
	for (int64_t n = 1; n <= 12; n++) {
		struct store_new_delivery delivery = { .target = n % 2 == 0 ? f->other : f->app,
			.leased = n <= 6 };
		struct store_event event = fixture_event(f, n, &delivery, 1);

		/* Minutes apart, so that times tell them from one another. */
		event.received_us = (FIXTURE_NOW_MS + n * HOUR_MS) * 1000;
		event.type = (uint8_t)(n % 3);
		event.search_keys[0] = 1000 + n;
		event.search_keys[1] = 77 + n / 7;
		event.search_keys[2] = 1000 + n; /* the same again */
		MUST(f, store_begin(f->store, &f->err));
		MUST(f, append_now(f->store, &event, &f->err));
		if (n <= 6) {
			struct store_verdict verdict = fixture_verdict(f, event.id, DELIVERY_DEAD);

			verdict.target = delivery.target;
			MUST(f, record_now(f, &verdict));
		}
		MUST(f, store_commit(f->store, &f->err));
		ids[n] = event.id;
	}
}

#define HOUR_US(n) ((FIXTURE_NOW_MS + (n)*HOUR_MS) * 1000)
#define DEAD (1U << DELIVERY_DEAD)
#define WAITING (1U << DELIVERY_WAITING)
#define BIT(n) (1U << (n))
#define ALL 0x1ffeU

/* Which of the twelve a discard meets: 1 .. 6 are dead, 7 .. 12 wait, odd ones are for app. */
static const struct {
	const char *name;
	struct store_filter filter;
	unsigned want;
} filter_cases[] = {
	{ "everything", { .target = -1, .type = -1 }, ALL },
	{ "dead", { .target = -1, .type = -1, .states = DEAD }, 0x7e },
	{ "dead or waiting", { .target = -1, .type = -1, .states = DEAD | WAITING }, ALL },
	{ "delivered: nothing to discard",
		{ .target = -1, .type = -1, .states = 1U << DELIVERY_DELIVERED }, 0 },
	{ "a target", { .target = 0, .type = -1 },
		BIT(1) | BIT(3) | BIT(5) | BIT(7) | BIT(9) | BIT(11) },
	{ "waiting for a target", { .target = 1, .type = -1, .states = WAITING },
		BIT(8) | BIT(10) | BIT(12) },
	{ "a type", { .target = -1, .type = 2 }, BIT(2) | BIT(5) | BIT(8) | BIT(11) },
	{ "type 0", { .target = -1, .type = 0, .states = DEAD }, BIT(3) | BIT(6) },
	{ "a type of nobody", { .target = -1, .type = 9 }, 0 },
	{ "since", { .target = -1, .type = -1, .since_us = HOUR_US(10) },
		BIT(10) | BIT(11) | BIT(12) },
	{ "until", { .target = -1, .type = -1, .until_us = HOUR_US(3) }, BIT(1) | BIT(2) },
	{ "since, until",
		{ .target = -1, .type = -1, .since_us = HOUR_US(4), .until_us = HOUR_US(7) },
		BIT(4) | BIT(5) | BIT(6) },
	{ "dead since", { .target = -1, .type = -1, .states = DEAD, .since_us = HOUR_US(5) },
		BIT(5) | BIT(6) },
	{ "before all", { .target = -1, .type = -1, .until_us = HOUR_US(1) }, 0 },
	{ "after all", { .target = -1, .type = -1, .since_us = HOUR_US(13) }, 0 },
	{ "a key of one", { .target = -1, .type = -1, .search_key = 1005 }, BIT(5) },
	{ "a key of many", { .target = -1, .type = -1, .search_key = 77 }, 0x7e },
	{ "a key of nobody", { .target = -1, .type = -1, .search_key = 78901 }, 0 },
	{ "a key and a target", { .target = 0, .type = -1, .search_key = 78 },
		BIT(7) | BIT(9) | BIT(11) },
	{ "a key, a time and a type",
		{ .target = -1, .type = 2, .search_key = 78, .since_us = HOUR_US(9) }, BIT(11) },
	{ "an event", { .target = -1, .type = -1, .event = 4 }, BIT(4) },
	{ "an event of another target", { .target = 0, .type = -1, .event = 4 }, 0 },
	{ "an event by a key it has", { .target = -1, .type = -1, .event = 4, .search_key = 77 },
		BIT(4) },
	{ "an event by a key it has not",
		{ .target = -1, .type = -1, .event = 4, .search_key = 78 }, 0 },
	{ "an event that is not there", { .target = -1, .type = -1, .event = 99 }, 0 },
};

static void test_filters(void **state)
{
	struct fixture *f = *state;
	int64_t ids[13] = { 0 };

	append_twelve(f, ids);
	for (size_t i = 0; i < ARRAY_COUNT(filter_cases); i++) {
		struct store_change change =
			change_of(STORE_CHANGE_DISCARD, filter_cases[i].filter, LATER_MS);
		size_t count = 0;

		if (change.filter.event <= 12)
			change.filter.event = ids[change.filter.event];
		for (int n = 1; n <= 12; n++)
			count += filter_cases[i].want >> n & 1;
		MUST(f, store_begin(f->store, &f->err));
		MUST(f, store_change(f->store, &change, &f->err));
		if (change.changed != count || !change.done)
			fail_msg("%s: %zu changed, want %zu", filter_cases[i].name, change.changed,
				count);
		/* Discarding them again meets nobody only if these were the right ones. */
		for (int n = 1; n <= 12; n++) {
			struct store_filter one = everything;
			struct store_change again;

			one.event = ids[n];
			again = change_of(STORE_CHANGE_DISCARD, one, LATER_MS);
			MUST(f, store_change(f->store, &again, &f->err));
			if ((again.changed == 0) != ((filter_cases[i].want >> n & 1) != 0))
				fail_msg("%s: event %d", filter_cases[i].name, n);
		}
		store_rollback(f->store);
	}
	fixture_recount(f);
}

static void make_dead(struct fixture *f, int64_t count)
{
	MUST(f, store_begin(f->store, &f->err));
	for (int64_t n = 0; n < count; n++) {
		struct store_new_delivery delivery = { .target = n % 3 == 0 ? f->other : f->app,
			.leased = true };
		struct store_event event = fixture_event(f, n, &delivery, 1);
		struct store_verdict verdict;

		event.search_keys[0] = 5 + n % 2;
		MUST(f, append_now(f->store, &event, &f->err));
		verdict = fixture_verdict(f, event.id, DELIVERY_DEAD);
		verdict.target = delivery.target;
		MUST(f, record_now(f, &verdict));
	}
	MUST(f, store_commit(f->store, &f->err));
}

/* However a change is cut into portions, each delivery is changed once, and it comes to an end. */
static void test_portions(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		struct store_filter filter;
		size_t count_max, scan_limit;
		int64_t want;
	} cases[] = {
		{ "all at once", { .target = -1, .type = -1 }, 10000, 100000, 900 },
		{ "by count", { .target = -1, .type = -1 }, 7, 100000, 900 },
		{ "by count, by state", { .target = -1, .type = -1, .states = DEAD }, 7, 100000,
			900 },
		{ "by scan", { .target = -1, .type = -1 }, 1000, 10, 900 },
		{ "by scan, by state", { .target = -1, .type = -1, .states = DEAD }, 1000, 10,
			900 },
		{ "one by one", { .target = -1, .type = -1 }, 1, 1, 900 },
		{ "of one target", { .target = 1, .type = -1 }, 13, 50, 300 },
		{ "of one target, by state", { .target = 1, .type = -1, .states = DEAD }, 13, 50,
			300 },
		{ "by key", { .target = -1, .type = -1, .search_key = 6 }, 11, 40, 450 },
		{ "of a type that nobody has", { .target = -1, .type = 9 }, 11, 40, 0 },
	};

	make_dead(f, 900);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_change change =
			change_of(STORE_CHANGE_RETRY, cases[i].filter, LATER_MS);
		int64_t sum = 0;

		change.count_max = cases[i].count_max;
		change.scan_limit = cases[i].scan_limit;
		MUST(f, store_begin(f->store, &f->err));
		for (int portion = 0; !change.done; portion++) {
			assert_true(portion < 2000);
			MUST(f, store_change(f->store, &change, &f->err));
			assert_true(change.changed <= change.count_max);
			sum += (int64_t)change.changed;
		}
		if (sum != cases[i].want)
			fail_msg("%s: %d changed", cases[i].name, (int)sum);
		if (((change.touched_targets[0] & 1) != 0) !=
				(sum > 0 && cases[i].filter.target != 1) ||
			((change.touched_targets[0] & 2) != 0) != (sum > 0))
			fail_msg("%s: touched %llx", cases[i].name,
				(unsigned long long)change.touched_targets[0]);
		store_rollback(f->store);
		fixture_recount(f);
	}
}

/* An operator may open more than max_backlog; a new event may not. */
static void test_more_than_the_backlog(void **state)
{
	struct fixture *f = *state;
	struct store_change change = change_of(STORE_CHANGE_RETRY, everything, LATER_MS);
	struct store_new_delivery delivery = { .target = f->app, .max_open = INT64_MAX };
	struct store_event event = fixture_event(f, 5000, &delivery, 1);

	make_dead(f, 2000);
	change.count_max = 10000;
	fixture_append(f, 4999, false);
	run(f, &change);
	assert_int_equal(change.changed, 2001);
	assert_int_equal(store_backlog(f->store), 2001);
	MUST(f, store_begin(f->store, &f->err));
	assert_int_equal(append_now(f->store, &event, &f->err), STATUS_FULL);
	store_rollback(f->store);
}

static void sweep_all(struct fixture *f, int64_t now_ms)
{
	bool more = true;

	for (int i = 0; more; i++) {
		assert_true(i < 1000);
		MUST(f, store_sweep(f->store, now_ms, &more, &f->err));
	}
}

/* The clock of keep_* begins anew with what an operator does. */
static void test_how_long_they_stay(void **state)
{
	struct fixture *f = *state;
	int64_t requeued = append_in_state(f, 1, DELIVERY_DELIVERED, true);
	int64_t discarded = append_in_state(f, 2, DELIVERY_DEAD, true);
	const int64_t then_ms = FIXTURE_NOW_MS + 6 * DAY_MS;

	change_event(f, STORE_CHANGE_RETRY, requeued, then_ms);
	change_event(f, STORE_CHANGE_DISCARD, discarded, then_ms);
	sweep_all(f, FIXTURE_NOW_MS + 20 * DAY_MS);
	assert_int_equal(state_of(f, requeued, "state"), DELIVERY_WAITING);
	attempt_again(f, requeued, DELIVERY_DELIVERED, FIXTURE_NOW_MS + 20 * DAY_MS, 200);
	sweep_all(f, FIXTURE_NOW_MS + 26 * DAY_MS);
	assert_int_equal(state_of(f, requeued, "state"), DELIVERY_DELIVERED);
	sweep_all(f, FIXTURE_NOW_MS + 28 * DAY_MS);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM delivery"), 1);
	sweep_all(f, then_ms + 29 * DAY_MS);
	assert_int_equal(state_of(f, discarded, "state"), DELIVERY_DISCARDED);
	sweep_all(f, then_ms + 31 * DAY_MS);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM delivery"), 0);
	fixture_recount(f);
}

/* Search keys go with their events and stay with the others, also within a bucket. */
static void test_search_keys_are_swept(void **state)
{
	struct fixture *f = *state;
	bool more = true;

	MUST(f, store_begin(f->store, &f->err));
	for (int64_t n = 0; n < 3000; n++) {
		struct store_new_delivery delivery = { .target = f->app };
		struct store_event event = fixture_event(f, n, &delivery, n % 7 == 0 ? 1 : 0);

		event.received_us = FIXTURE_NOW_MS * 1000;
		event.search_keys[0] = n + 1;
		event.search_keys[2] = 999999;
		MUST(f, append_now(f->store, &event, &f->err));
	}
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM search"), 6000);
	if (fixture_leave_out(f, STORE_SQLITE)) /* PostgreSQL drops them by the day */
		return;
	MUST(f, store_sweep(f->store, FIXTURE_NOW_MS + 8 * DAY_MS, &more, &f->err));
	assert_true(more);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM search"),
		2 * fixture_query(f, "SELECT count(*) FROM event"));
	sweep_all(f, FIXTURE_NOW_MS + 8 * DAY_MS);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 429);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM search"), 2 * 429);
	assert_int_equal(
		fixture_query(f, "SELECT count(*) FROM search"
				 " WHERE NOT EXISTS (SELECT 1 FROM event WHERE id = event)"),
		0);
}

static void pause_target(struct fixture *f, uint16_t target, bool paused, const char *reason)
{
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_pause(f->store, target, paused, reason, &f->err));
	MUST(f, store_commit(f->store, &f->err));
}

static void expect_pause(struct fixture *f, uint16_t target, bool want, const char *want_reason)
{
	const char *reason = NULL;

	assert_int_equal(store_is_paused(f->store, target, &reason), want);
	assert_string_equal(reason, want_reason);
	assert_int_equal(store_is_paused(f->store, target, NULL), want);
}

static void test_pause(void **state)
{
	struct fixture *f = *state;

	expect_pause(f, f->app, false, "");
	pause_target(f, f->app, true, "410 Gone");
	expect_pause(f, f->app, true, "410 Gone");
	expect_pause(f, f->other, false, "");
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	expect_pause(f, f->app, true, "410 Gone");
	expect_pause(f, f->other, false, "");
	/* Neither before the commit nor after a rollback. */
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_pause(f->store, f->app, false, NULL, &f->err));
	MUST(f, store_pause(f->store, f->other, true, "why", &f->err));
	expect_pause(f, f->app, true, "410 Gone");
	store_rollback(f->store);
	expect_pause(f, f->app, true, "410 Gone");
	expect_pause(f, f->other, false, "");
	/* The last word of a transaction counts. */
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_pause(f->store, f->app, false, "not yet", &f->err));
	MUST(f, store_pause(f->store, f->app, true, "again", &f->err));
	MUST(f, store_commit(f->store, &f->err));
	expect_pause(f, f->app, true, "again");
	pause_target(f, f->app, false, NULL);
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	expect_pause(f, f->app, false, "");
}

static void test_long_reasons_are_cut(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		size_t letters; /* before the two-byte characters */
		size_t want;
	} cases[] = {
		{ "between two", 0, 200 },
		{ "not within one", 1, 199 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[601] = "";
		const char *kept = NULL;

		memset(text, 'x', cases[i].letters);
		for (size_t at = cases[i].letters; at + 2 < sizeof(text); at += 2)
			memcpy(text + at, "\xc3\xa9", 2);
		pause_target(f, f->app, true, text);
		for (int again = 0; again < 2; again++) {
			assert_true(store_is_paused(f->store, f->app, &kept));
			if (strlen(kept) != cases[i].want || memcmp(kept, text, cases[i].want) != 0)
				fail_msg("%s: %s", cases[i].name, kept);
			fixture_close(f);
			fixture_open(f, FIXTURE_NOW_MS);
		}
	}
}

static void test_unquarantine(void **state)
{
	struct fixture *f = *state;
	struct store_quarantined quarantined = {
		.source = f->source, .reason = "json", .raw = SLICE_LITERAL("{")
	};

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_quarantine(f->store, &quarantined, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	MUST(f, store_begin(f->store, &f->err));
	assert_int_equal(
		store_unquarantine(f->store, quarantined.id + 1, &f->err), STATUS_NOT_FOUND);
	/* That was no loss of the transaction. */
	MUST(f, store_unquarantine(f->store, quarantined.id, &f->err));
	assert_int_equal(store_unquarantine(f->store, quarantined.id, &f->err), STATUS_NOT_FOUND);
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(store_quarantine_count(f->store), 0);
	fixture_recount(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_what_changes),
		CONTRACT_TEST(test_history_goes_on),
		CONTRACT_TEST(test_history_of_a_replay),
		CONTRACT_TEST(test_a_replay_is_known_as_one),
		CONTRACT_TEST(test_discarded_ones_are_counted),
		CONTRACT_TEST(test_filters),
		CONTRACT_TEST(test_portions),
		CONTRACT_TEST(test_more_than_the_backlog),
		CONTRACT_TEST(test_how_long_they_stay),
		CONTRACT_TEST(test_search_keys_are_swept),
		CONTRACT_TEST(test_pause),
		CONTRACT_TEST(test_long_reasons_are_cut),
		CONTRACT_TEST(test_unquarantine),
	};

	return contract_run("store change", tests, ARRAY_COUNT(tests));
}
