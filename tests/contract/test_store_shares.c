/* SPDX-License-Identifier: MIT */
/*
 * max_backlog is shared out: what comes for a target that has used up its part is dead at once, a source
 * that has used up its half is refused, and the others continue.
 */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

enum {
	BACKLOG = 10,
	HALF = BACKLOG / 2
};

static void reopen(struct fixture *f)
{
	fixture_close(f);
	f->settings.max_backlog = BACKLOG;
	fixture_open(f, FIXTURE_NOW_MS);
}

static uint16_t target_of(struct fixture *f, const char *name)
{
	uint16_t number = 0;

	MUST(f, store_register_target(f->store, name, &number, &f->err));
	return number;
}

static uint16_t source_of(struct fixture *f, const char *name)
{
	uint16_t number = 0;

	MUST(f, store_register_source(f->store, name, &number, &f->err));
	return number;
}

static enum status append(struct fixture *f, struct store_event *event)
{
	enum status status;

	MUST(f, store_begin(f->store, &f->err));
	status = append_now(f->store, event, &f->err);
	MUST(f, store_commit(f->store, &f->err));
	return status;
}

/* A waiting one of this source for this target. */
static enum status append_one(
	struct fixture *f, int64_t n, uint16_t source, uint16_t target, int64_t max_open)
{
	struct store_new_delivery delivery = { .target = target, .max_open = max_open };
	struct store_event event = fixture_event(f, n, &delivery, 1);

	event.source = source;
	return append(f, &event);
}

static int64_t count_of(struct fixture *f, uint16_t target, enum delivery_state state)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM delivery WHERE target = %d AND state = %d",
		target, (int)state);
	return fixture_query(f, sql);
}

static void change(struct fixture *f, enum store_change_kind kind, int target, uint32_t states)
{
	struct store_change change = { .kind = kind,
		.filter = { .target = target, .type = -1, .states = states },
		.now_ms = FIXTURE_NOW_MS + HOUR_MS,
		.count_max = 1000,
		.scan_limit = 100000 };

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_change(f->store, &change, &f->err));
	assert_true(change.done);
	MUST(f, store_commit(f->store, &f->err));
}

struct share_case {
	const char *name;
	bool leased;
	int64_t order_key;
	int64_t max_open;
	int64_t want_open;
};

enum {
	SHARE_EVENTS = 8
};

/* Each event has a source of its own, for this is not about theirs. Returns how many were refused. */
static int64_t fill_share(struct fixture *f, const struct share_case *row, int64_t first)
{
	int64_t refused = 0;

	for (int64_t n = 0; n < SHARE_EVENTS; n++) {
		struct store_new_delivery delivery = { .target = target_of(f, row->name),
			.leased = row->leased,
			.order_key = row->order_key,
			.max_open = row->max_open };
		struct store_event event = fixture_event(f, first + n, &delivery, 1);
		struct store_verdict verdict;
		char name[8];

		snprintf(name, sizeof(name), "s%d", (int)n);
		event.source = source_of(f, name);
		MUST(f, append(f, &event));
		refused += delivery.is_refused;
		if (!row->leased || delivery.is_refused)
			continue;
		/* Back to the disk, so that the row ends as the others. */
		verdict = fixture_verdict(f, event.id, DELIVERY_WAITING);
		verdict.target = delivery.target;
		verdict.source = event.source;
		fixture_record(f, &verdict);
	}
	return refused;
}

static void test_a_target_has_its_share(void **state)
{
	struct fixture *f = *state;
	static const struct share_case rows[] = {
		{ "half", false, 0, 0, HALF },
		{ "half-from-memory", true, 0, 0, HALF },
		{ "half-in-order", false, 7, 0, HALF },
		{ "a-number", false, 0, 2, 2 },
		{ "one", true, 0, 1, 1 },
		{ "any-number", false, 0, INT64_MAX, SHARE_EVENTS },
	};

	reopen(f);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint16_t target = target_of(f, rows[i].name);
		int64_t refused = fill_share(f, &rows[i], 100 * (int64_t)i);

		if (store_counts(f->store, target).open != rows[i].want_open ||
			refused != SHARE_EVENTS - rows[i].want_open ||
			store_counts(f->store, target).dead != refused ||
			count_of(f, target, DELIVERY_DEAD) != refused)
			fail_msg("%s: %d refused", rows[i].name, (int)refused);
		fixture_recount(f);
		change(f, STORE_CHANGE_DISCARD, target, 1U << DELIVERY_WAITING);
		assert_int_equal(store_backlog(f->store), 0);
		fixture_recount(f);
	}
	/* They say why, and no attempt was made. */
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM delivery WHERE state = 3 AND"
					  " (attempts > 0 OR code > 0 OR transport <> 9)"),
		0);
}

static void test_others_go_on(void **state)
{
	struct fixture *f = *state;

	reopen(f);
	for (int64_t n = 0; n < 4 * BACKLOG; n++) {
		struct store_new_delivery both[] = {
			{ .target = f->app },
			{ .target = f->other, .leased = true },
		};
		struct store_event event = fixture_event(f, n, both, 2);
		struct store_verdict verdict;

		MUST(f, append(f, &event));
		assert_int_equal(both[0].is_refused, n >= HALF);
		assert_false(both[1].is_refused);
		verdict = fixture_verdict(f, event.id, DELIVERY_DELIVERED);
		verdict.target = f->other;
		fixture_record(f, &verdict);
	}
	assert_int_equal(store_counts(f->store, f->app).open, HALF);
	fixture_recount(f);
	/* An operator has them tried again, and there may be more than the share then. */
	change(f, STORE_CHANGE_RETRY, f->app, 1U << DELIVERY_DEAD);
	assert_int_equal(store_counts(f->store, f->app).open, 4 * BACKLOG);
	assert_int_equal(count_of(f, f->app, DELIVERY_WAITING), 4 * BACKLOG);
	fixture_recount(f);
}

static void test_a_source_has_its_half(void **state)
{
	struct fixture *f = *state;
	uint16_t second;
	struct store_claim claim;

	reopen(f);
	second = source_of(f, "second");
	for (int64_t n = 0; n < HALF; n++)
		MUST(f, append_one(f, n, f->source, f->app, INT64_MAX));
	assert_int_equal(append_one(f, 100, f->source, f->app, INT64_MAX), STATUS_FULL);
	assert_int_equal(append_one(f, 100, f->source, f->other, INT64_MAX), STATUS_FULL);
	assert_non_null(strstr(f->err.text, "'bizmail'"));
	for (int64_t n = 200; n < 200 + HALF - 1; n++)
		MUST(f, append_one(f, n, second, f->app, INT64_MAX));
	fixture_recount(f);
	/* It is known after a restart. */
	reopen(f);
	assert_int_equal(append_one(f, 100, f->source, f->app, INT64_MAX), STATUS_FULL);
	assert_int_equal(store_source_open(f->store, f->source), HALF);
	assert_int_equal(store_source_open(f->store, second), HALF - 1);
	/* The first delivery that ends makes room. */
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + HOUR_MS);
	assert_true(claim.count > 0);
	{
		struct store_verdict verdict = fixture_verdict(f, claim.list->event, DELIVERY_DEAD);

		verdict.lease = claim.list->lease;
		verdict.source = claim.list->source;
		assert_int_equal(verdict.source, f->source);
		fixture_record(f, &verdict);
	}
	store_claimed_free(&claim.list);
	MUST(f, append_one(f, 100, f->source, f->app, INT64_MAX));
	fixture_recount(f);
}

/* One source, one dead target: what is refused is refused to that target alone. */
static void test_a_dead_target_is_not_held_against_its_source(void **state)
{
	struct fixture *f = *state;

	reopen(f);
	for (int64_t n = 0; n < 3 * BACKLOG; n++)
		MUST(f, append_one(f, n, f->source, f->app, 0));
	for (int64_t n = 100; n < 100 + HALF; n++)
		MUST(f, append_one(f, n, f->source, f->other, INT64_MAX));
	/* What is left to all is used up now. */
	assert_int_equal(append_one(f, 200, f->source, f->other, INT64_MAX), STATUS_FULL);
	/* For the full one it is dead as before: it needs no room. */
	MUST(f, append_one(f, 201, f->source, f->app, 0));
	fixture_recount(f);
}

static void test_a_repeat_is_not_counted(void **state)
{
	struct fixture *f = *state;

	reopen(f);
	for (int64_t n = 0; n < HALF; n++)
		MUST(f, append_one(f, n, f->source, f->app, 0));
	for (int round = 0; round < 3; round++) {
		struct store_new_delivery delivery = { .target = f->app };
		struct store_event event = fixture_event(f, 1, &delivery, 1);

		MUST(f, append(f, &event));
		assert_true(event.duplicate);
		assert_int_equal(store_counts(f->store, f->app).dead, 0);
		fixture_recount(f);
	}
}

/* What a transaction has added counts in it, and not when it is rolled back. */
static void test_within_a_transaction(void **state)
{
	struct fixture *f = *state;
	struct store_new_delivery deliveries[BACKLOG];
	struct store_event events[BACKLOG];

	reopen(f);
	for (int round = 0; round < 2; round++) {
		MUST(f, store_begin(f->store, &f->err));
		for (int64_t n = 0; n < BACKLOG; n++) {
			deliveries[n] = (struct store_new_delivery){ .target = f->app };
			events[n] = fixture_event(f, n, &deliveries[n], 1);
			MUST(f, store_append(f->store, &events[n], &f->err));
			assert_int_equal(deliveries[n].is_refused, n >= HALF);
		}
		if (round == 0)
			store_rollback(f->store);
		else
			MUST(f, store_commit(f->store, &f->err));
		fixture_recount(f);
	}
	assert_int_equal(count_of(f, f->app, DELIVERY_DEAD), HALF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_a_target_has_its_share),
		CONTRACT_TEST(test_others_go_on),
		CONTRACT_TEST(test_a_source_has_its_half),
		CONTRACT_TEST(test_a_dead_target_is_not_held_against_its_source),
		CONTRACT_TEST(test_a_repeat_is_not_counted),
		CONTRACT_TEST(test_within_a_transaction),
	};

	return contract_run("shares of max_backlog", tests, ARRAY_COUNT(tests));
}
