/* SPDX-License-Identifier: MIT */
/* order_key: of one target and key, one delivery is due at a time, in the order of the events. */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY INT64_C(77)
#define LATE_MS (FIXTURE_NOW_MS + DAY_MS)

static int64_t append_ordered(struct fixture *f, int64_t n, uint16_t target, int64_t order_key)
{
	struct store_new_delivery delivery = { .target = target, .order_key = order_key };
	struct store_event event = fixture_event(f, n, &delivery, 1);

	MUST(f, append_now(f->store, &event, &f->err));
	return event.id;
}

static int64_t append_committed(struct fixture *f, int64_t n, uint16_t target, int64_t order_key)
{
	int64_t id;

	MUST(f, store_begin(f->store, &f->err));
	id = append_ordered(f, n, target, order_key);
	MUST(f, store_commit(f->store, &f->err));
	return id;
}

/* Claims all that is due and compares it with the events wanted, 0 at the end. */
static void expect_claim(struct fixture *f, const char *name, int64_t now_ms, const int64_t *want)
{
	struct store_claim claim = fixture_claim(f, f->app, now_ms);
	const struct store_claimed *claimed = claim.list;

	for (; claimed != NULL && *want != 0; claimed = claimed->next, want++)
		if (claimed->event != *want)
			fail_msg("%s: claimed event %lld, not %lld", name,
				(long long)claimed->event, (long long)*want);
	if (claimed != NULL)
		fail_msg("%s: event %lld is due", name, (long long)claimed->event);
	if (*want != 0)
		fail_msg("%s: event %lld is not due", name, (long long)*want);
	store_claimed_free(&claim.list);
}

static void expect_one(struct fixture *f, const char *name, int64_t now_ms, int64_t event)
{
	const int64_t want[] = { event, 0 };

	expect_claim(f, name, now_ms, want);
}

static void end_at(struct fixture *f, int64_t event, enum delivery_state next, int64_t ended_ms)
{
	struct store_verdict verdict = fixture_verdict(f, event, next);

	verdict.started_ms = ended_ms - verdict.duration_ms;
	fixture_record(f, &verdict);
}

static struct store_change change_of(enum store_change_kind kind, int64_t event, int64_t now_ms)
{
	return (struct store_change){
		.kind = kind,
		.filter = { .target = -1, .type = -1, .event = event },
		.now_ms = now_ms,
		.count_max = 100,
		.scan_limit = 1000,
	};
}

static size_t change_event(
	struct fixture *f, enum store_change_kind kind, int64_t event, int64_t now_ms)
{
	struct store_change change = change_of(kind, event, now_ms);

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_change(f->store, &change, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_true(change.done);
	return change.changed;
}

enum end {
	DELIVERED,
	DEAD,
	RETRIED,
	RELEASED,
	DISCARDED
};

/* What the end of the first does to the second. */
static void test_the_next_one(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		enum end end;
		bool next_is_due;
	} cases[] = {
		{ "delivered", DELIVERED, true },
		{ "dead", DEAD, true },
		{ "to be tried again", RETRIED, false },
		{ "released", RELEASED, false },
		{ "discarded while it waits", DISCARDED, true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t key = KEY + (int64_t)i;
		int64_t first = append_committed(f, (int64_t)i * 10, f->app, key);
		int64_t second = append_committed(f, (int64_t)i * 10 + 1, f->app, key);
		int64_t third = append_committed(f, (int64_t)i * 10 + 2, f->app, key);
		int64_t ended_ms = LATE_MS + 5;
		struct store_verdict verdict = fixture_verdict(f, first, DELIVERY_WAITING);

		expect_one(f, cases[i].name, LATE_MS, first);
		verdict.due_ms = LATE_MS + HOUR_MS;
		verdict.release = cases[i].end == RELEASED;
		if (cases[i].end == DELIVERED || cases[i].end == DEAD)
			end_at(f, first, cases[i].end == DEAD ? DELIVERY_DEAD : DELIVERY_DELIVERED,
				ended_ms);
		else
			fixture_record(f, &verdict);
		if (cases[i].end == DISCARDED)
			change_event(f, STORE_CHANGE_DISCARD, first, ended_ms);
		if (cases[i].next_is_due) {
			expect_claim(f, cases[i].name, ended_ms - 1, (int64_t[]){ 0 });
			expect_one(f, cases[i].name, ended_ms, second);
			end_at(f, second, DELIVERY_DELIVERED, ended_ms);
		} else {
			expect_claim(f, cases[i].name, ended_ms, (int64_t[]){ 0 });
			expect_one(f, cases[i].name, LATE_MS + HOUR_MS, first);
			end_at(f, first, DELIVERY_DELIVERED, ended_ms);
			expect_one(f, cases[i].name, ended_ms, second);
			end_at(f, second, DELIVERY_DELIVERED, ended_ms);
		}
		expect_one(f, cases[i].name, ended_ms, third);
		end_at(f, third, DELIVERY_DELIVERED, ended_ms);
		fixture_recount(f);
	}
}

/* Only the same key of the same target holds. */
static void test_what_holds(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		bool same_target;
		int64_t key;
		bool held;
	} cases[] = {
		{ "the same", true, KEY, true },
		{ "another key", true, KEY + 1, false },
		{ "no key", true, 0, false },
		{ "another target", false, KEY, false },
		{ "the largest key", true, INT64_MAX, false },
	};

	append_committed(f, 1, f->app, KEY);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint16_t target = cases[i].same_target ? f->app : f->other;
		struct store_claim claim = {
			.target = target, .count_max = EACH_TYPE(10), .bytes_max = 1000
		};
		bool due = false;
		int64_t id;

		MUST(f, store_begin(f->store, &f->err));
		id = append_ordered(f, 10 + (int64_t)i, target, cases[i].key);
		MUST(f, claim_now(f->store, LATE_MS, &claim, &f->err));
		for (const struct store_claimed *c = claim.list; c != NULL; c = c->next)
			due = due || c->event == id;
		if (due == cases[i].held)
			fail_msg("%s: %s", cases[i].name, due ? "due" : "held");
		if (claim_next_due_ms(&claim) != INT64_MAX)
			fail_msg("%s: something is due next", cases[i].name);
		store_claimed_free(&claim.list);
		store_rollback(f->store);
	}
}

/* Nothing needs a commit in between, and a rollback leaves nothing behind. */
static void test_in_one_transaction(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 2; round++) {
		struct store_claim claim = {
			.target = f->app, .count_max = EACH_TYPE(9), .bytes_max = 1000
		};
		int64_t ids[3];

		MUST(f, store_begin(f->store, &f->err));
		for (int64_t n = 0; n < 3; n++)
			ids[n] = append_ordered(f, n, f->app, KEY);
		for (int64_t n = 0; n < 3; n++) {
			struct store_verdict verdict =
				fixture_verdict(f, ids[n], DELIVERY_DELIVERED);

			MUST(f, claim_now(f->store, LATE_MS, &claim, &f->err));
			assert_int_equal(claim.count, 1);
			assert_int_equal(claim.list->event, ids[n]);
			store_claimed_free(&claim.list);
			MUST(f, record_now(f, &verdict));
		}
		if (round == 0)
			store_rollback(f->store);
		else
			MUST(f, store_commit(f->store, &f->err));
		fixture_recount(f);
	}
	assert_int_equal(store_backlog(f->store), 0);
}

/* Two events wait for the first, which is leased: the process dies. */
static bool hold_and_die(struct fixture *f)
{
	struct store_new_delivery delivery = { .target = 0, .order_key = KEY };
	struct store_claim claim = { .target = 0, .count_max = EACH_TYPE(10), .bytes_max = 1000 };

	if (store_begin(f->store, &f->err) != STATUS_OK)
		return false;
	for (int64_t n = 1; n <= 3; n++) {
		struct store_event event = fixture_event(f, n, &delivery, 1);

		if (append_now(f->store, &event, &f->err) != STATUS_OK)
			return false;
	}
	return claim_now(f->store, LATE_MS, &claim, &f->err) == STATUS_OK && claim.count == 1 &&
	       store_commit(f->store, &f->err) == STATUS_OK;
}

static void test_after_a_crash(void **state)
{
	struct fixture *f = *state;
	int64_t first, second, third;

	fixture_crash(f, hold_and_die);
	fixture_open(f, LATE_MS);
	first = fixture_query(f, "SELECT min(id) FROM event");
	third = fixture_query(f, "SELECT max(id) FROM event");
	second = fixture_query(f, "SELECT sum(id) FROM event") - first - third;
	expect_one(f, "the head waits again", LATE_MS, first);
	end_at(f, first, DELIVERY_DEAD, LATE_MS);
	expect_one(f, "then the second", LATE_MS, second);
	end_at(f, second, DELIVERY_DELIVERED, LATE_MS);
	expect_one(f, "then the third", LATE_MS, third);
	fixture_recount(f);
}

/* What an operator takes up again goes at once; the others go on when it and the head have ended. */
static void test_requeued(void **state)
{
	struct fixture *f = *state;
	int64_t dead = append_committed(f, 1, f->app, KEY);
	int64_t head = append_committed(f, 2, f->app, KEY);
	int64_t held = append_committed(f, 3, f->app, KEY);

	expect_one(f, "the first", LATE_MS, dead);
	end_at(f, dead, DELIVERY_DEAD, LATE_MS);
	assert_int_equal(change_event(f, STORE_CHANGE_RETRY, dead, LATE_MS), 1);
	expect_claim(f, "beside the head", LATE_MS, (int64_t[]){ dead, head, 0 });
	assert_int_equal(change_event(f, STORE_CHANGE_RETRY, held, LATE_MS), 0);
	end_at(f, head, DELIVERY_DELIVERED, LATE_MS);
	expect_claim(f, "one has ended", LATE_MS, (int64_t[]){ 0 });
	end_at(f, dead, DELIVERY_DELIVERED, LATE_MS);
	expect_one(f, "both have ended", LATE_MS, held);
	fixture_recount(f);
}

static void test_held_is_discarded(void **state)
{
	struct fixture *f = *state;
	int64_t head = append_committed(f, 1, f->app, KEY);
	int64_t held = append_committed(f, 2, f->app, KEY);
	int64_t last = append_committed(f, 3, f->app, KEY);

	assert_int_equal(change_event(f, STORE_CHANGE_DISCARD, held, LATE_MS), 1);
	expect_one(f, "the head alone", LATE_MS, head);
	end_at(f, head, DELIVERY_DELIVERED, LATE_MS);
	expect_one(f, "past the discarded one", LATE_MS, last);
	end_at(f, last, DELIVERY_DELIVERED, LATE_MS);
	/* A new one finds nothing open: it is due, though others of its key are on disk. */
	expect_one(f, "after all", LATE_MS, append_committed(f, 4, f->app, KEY));
	fixture_recount(f);
}

static void test_held_counts_as_waiting(void **state)
{
	struct fixture *f = *state;
	int64_t head = append_committed(f, 1, f->app, KEY);
	int64_t held = append_committed(f, 2, f->app, KEY);
	bool more = true;

	expect_one(f, "the head", LATE_MS, head);
	assert_int_equal(
		store_oldest_waiting_us(f->store, f->app), (FIXTURE_NOW_MS + 2 * SECOND_MS) * 1000);
	assert_int_equal(store_counts(f->store, f->app).open, 2);
	assert_int_equal(store_counts(f->store, f->app).retrying, 0);
	/* It waits for years, and no sweep takes it. */
	for (int i = 0; more; i++) {
		assert_true(i < 100);
		MUST(f, store_sweep(f->store, FIXTURE_NOW_MS + 3000 * DAY_MS, &more, &f->err));
	}
	end_at(f, head, DELIVERY_DELIVERED, LATE_MS);
	expect_one(f, "the second", LATE_MS, held);
}

/* Many messages, many verdicts of all kinds: each message's events end in their order. */
static void test_many_messages(void **state)
{
	struct fixture *f = *state;
	enum {
		MESSAGES = 20,
		EVENTS = 300
	};
	int64_t last_ended[MESSAGES] = { 0 }, ids[EVENTS];
	int64_t now_ms = LATE_MS;
	uint32_t dice = 7;
	int ended_count = 0;

	MUST(f, store_begin(f->store, &f->err));
	for (int64_t n = 0; n < EVENTS; n++)
		ids[n] = append_ordered(f, n, f->app, 1 + n % MESSAGES);
	MUST(f, store_commit(f->store, &f->err));
	for (int round = 0; ended_count < EVENTS; round++, now_ms += SECOND_MS) {
		struct store_claim claim = fixture_claim(f, f->app, now_ms);

		assert_true(round < 1000);
		for (struct store_claimed *c = claim.list; c != NULL; c = c->next) {
			struct store_verdict verdict;
			size_t message = 0;

			while (ids[message] != c->event)
				message++;
			message %= MESSAGES;

			dice = dice * 1103515245 + 12345;
			verdict = fixture_verdict(
				f, c->event, (enum delivery_state)(1 + (dice >> 16) % 3));
			verdict.attempts = c->attempts;
			verdict.started_ms = now_ms;
			verdict.due_ms = now_ms + (dice >> 20) % 5000;
			fixture_record(f, &verdict);
			assert_true(c->event > last_ended[message]);
			if (verdict.next == DELIVERY_WAITING)
				continue;
			last_ended[message] = c->event;
			ended_count++;
		}
		store_claimed_free(&claim.list);
	}
	fixture_recount(f);
	assert_int_equal(store_backlog(f->store), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_the_next_one),
		CONTRACT_TEST(test_what_holds),
		CONTRACT_TEST(test_in_one_transaction),
		CONTRACT_TEST(test_after_a_crash),
		CONTRACT_TEST(test_requeued),
		CONTRACT_TEST(test_held_is_discarded),
		CONTRACT_TEST(test_held_counts_as_waiting),
		CONTRACT_TEST(test_many_messages),
	};

	return contract_run("store order", tests, ARRAY_COUNT(tests));
}
