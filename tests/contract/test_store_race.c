/* SPDX-License-Identifier: MIT */
/* Two processes that do the same thing in the same moment. */
#include "shared_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct append_work {
	struct store_event event;
	enum status status;
	struct fixture *side;
};

static void *append_in_thread(void *data)
{
	struct append_work *work = data;
	struct fixture *side = work->side;

	work->status = store_begin(side->store, &side->err);
	if (work->status == STATUS_OK)
		work->status = store_append(side->store, &work->event, &side->err);
	if (work->status == STATUS_OK)
		work->status = store_commit(side->store, &side->err);
	return NULL;
}

static bool somebody_waits(struct shared *s)
{
	return fixture_query(s->a, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
				   "'Lock' AND datname = current_database()") == 1;
}

/* The same event in two open transactions: who comes second waits to learn what the first becomes. */
static void test_both_open_at_once(void **state)
{
	struct shared *s = *state;
	struct store_new_delivery delivery = { .target = s->a->app };
	static const struct {
		const char *name;
		bool rolled_back; /* the first */
	} cases[] = {
		{ "the first commits", false },
		{ "the first rolls back", true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_event event = fixture_event(s->a, (int64_t)i, &delivery, 1);
		struct append_work second = { .event = event, .side = &s->b };
		pthread_t thread;

		MUST(s->a, store_begin(s->a->store, &s->a->err));
		MUST(s->a, append_now(s->a->store, &event, &s->a->err));
		assert_int_equal(pthread_create(&thread, NULL, append_in_thread, &second), 0);
		shared_await(s, "the second waits for the first", somebody_waits);
		if (cases[i].rolled_back)
			store_rollback(s->a->store);
		else
			MUST(s->a, store_commit(s->a->store, &s->a->err));
		assert_int_equal(pthread_join(thread, NULL), 0);
		MUST(&s->b, second.status);
		if (second.event.duplicate == cases[i].rolled_back)
			fail_msg("%s: duplicate is %d", cases[i].name, second.event.duplicate);
		if (!cases[i].rolled_back && second.event.id != event.id)
			fail_msg("%s: the duplicate has another id", cases[i].name);
		assert_int_equal(fixture_query(s->a, "SELECT count(*) FROM event"), i + 1);
		assert_int_equal(fixture_query(s->a, "SELECT count(*) FROM delivery"), i + 1);
	}
	shared_recount(s);
}

enum {
	RACE_ROUNDS = 60,
	RACE_BATCH = 24,
	RACE_IDENTITIES = RACE_ROUNDS * RACE_BATCH / 2,
};

static atomic_int accepted_counts[RACE_IDENTITIES];

/* Batches out of the same events, each side in an order of its own. */
static bool append_same_events(struct fixture *side, int which, void *context)
{
	struct store_new_delivery delivery = { .target = side->app };
	uint32_t seed = *(uint32_t *)context + (uint32_t)which;

	for (int round = 0; round < RACE_ROUNDS; round++) {
		struct store_event events[RACE_BATCH];
		int numbers[RACE_BATCH];

		if (store_begin(side->store, &side->err) != STATUS_OK)
			return false;
		for (int i = 0; i < RACE_BATCH; i++) {
			numbers[i] = round * RACE_BATCH / 2 +
				     (int)(shared_dice(&seed) % (RACE_BATCH / 2));
			events[i] = fixture_event(side, numbers[i], &delivery, 1);
			if (store_append(side->store, &events[i], &side->err) != STATUS_OK)
				return false;
		}
		if (store_commit(side->store, &side->err) != STATUS_OK)
			return false;
		for (int i = 0; i < RACE_BATCH; i++)
			if (!events[i].duplicate)
				atomic_fetch_add(&accepted_counts[numbers[i]], 1);
	}
	return true;
}

static void test_same_events_in_a_race(void **state)
{
	struct shared *s = *state;
	uint32_t seed = 4711;
	int accepted = 0;

	shared_race(s, append_same_events, &seed);
	for (int n = 0; n < RACE_IDENTITIES; n++) {
		int times = atomic_load(&accepted_counts[n]);

		if (times > 1)
			fail_msg("event %d was accepted %d times", n, times);
		accepted += times;
	}
	assert_int_equal(fixture_query(s->a, "SELECT count(*) FROM event"), accepted);
	assert_int_equal(fixture_query(s->a, "SELECT count(*) FROM delivery"), accepted);
	shared_recount(s);
	assert_int_equal(store_backlog(s->a->store), accepted);
}

static void append_waiting(struct fixture *side, int64_t count)
{
	struct store_new_delivery delivery = { .target = side->app };

	MUST(side, store_begin(side->store, &side->err));
	for (int64_t n = 0; n < count; n++) {
		struct store_event event = fixture_event(side, n, &delivery, 1);

		event.received_us = FIXTURE_NOW_MS * 1000;
		MUST(side, append_now(side->store, &event, &side->err));
	}
	MUST(side, store_commit(side->store, &side->err));
}

/* What one is just claiming, the other passes by without waiting for it. */
static void test_claims_pass_by(void **state)
{
	struct shared *s = *state;
	struct store_claim first = {
		.target = s->a->app, .count_max = EACH_TYPE(20), .bytes_max = 1 << 20
	};
	struct store_claim rest = {
		.target = s->a->app, .count_max = EACH_TYPE(100), .bytes_max = 1 << 20
	};
	struct store_claim none = rest;

	append_waiting(s->a, 50);
	MUST(s->a, store_begin(s->a->store, &s->a->err));
	MUST(s->a, claim_now(s->a->store, FIXTURE_NOW_MS, &first, &s->a->err));
	MUST(&s->b, store_begin(s->b.store, &s->b.err));
	MUST(&s->b, claim_now(s->b.store, FIXTURE_NOW_MS, &rest, &s->b.err));
	MUST(&s->b, store_commit(s->b.store, &s->b.err));
	assert_int_equal(first.count, 20);
	assert_int_equal(rest.count, 30);
	for (struct store_claimed *c = first.list; c != NULL; c = c->next)
		for (struct store_claimed *d = rest.list; d != NULL; d = d->next)
			assert_true(c->event != d->event && c->lease != d->lease);
	/* All that is due is being claimed: asking again at once would be for nothing. */
	MUST(&s->b, store_begin(s->b.store, &s->b.err));
	MUST(&s->b, claim_now(s->b.store, FIXTURE_NOW_MS, &none, &s->b.err));
	MUST(&s->b, store_commit(s->b.store, &s->b.err));
	assert_int_equal(none.count, 0);
	assert_true(
		claim_next_due_ms(&none) > FIXTURE_NOW_MS && claim_next_due_ms(&none) != INT64_MAX);
	/* What is not claimed after all is there for the other. */
	store_rollback(s->a->store);
	none = fixture_claim(&s->b, s->b.app, FIXTURE_NOW_MS);
	assert_int_equal(none.count, 20);
	store_claimed_free(&first.list);
	store_claimed_free(&rest.list);
	store_claimed_free(&none.list);
	shared_recount(s);
}

enum {
	CLAIMED_COUNT = 600
};

static bool claim_all(struct fixture *side, int which, void *context)
{
	atomic_int *claimed_count = context;
	struct store_claim claim = { .target = side->app, .bytes_max = 1 << 20 };
	uint32_t seed = (uint32_t)which + 1;

	for (int round = 0; round < 10000 && atomic_load(claimed_count) < CLAIMED_COUNT; round++) {
		claim.count_max[0] = 1 + shared_dice(&seed) % 9;
		if (store_begin(side->store, &side->err) != STATUS_OK ||
			store_claim(side->store, FIXTURE_NOW_MS, &claim, &side->err) != STATUS_OK ||
			store_commit(side->store, &side->err) != STATUS_OK)
			return false;
		atomic_fetch_add(claimed_count, (int)claim.count);
		store_claimed_free(&claim.list);
	}
	return true;
}

static void test_claims_in_a_race(void **state)
{
	struct shared *s = *state;
	atomic_int claimed_count = 0;

	append_waiting(s->a, CLAIMED_COUNT);
	shared_race(s, claim_all, &claimed_count);
	assert_int_equal(atomic_load(&claimed_count), CLAIMED_COUNT);
	/* A claim counts an attempt: nobody was claimed twice. */
	assert_int_equal(fixture_query(s->a, "SELECT count(*) FROM delivery WHERE state = 0 AND "
					     "attempts = 1"),
		CLAIMED_COUNT);
	shared_recount(s);
}

enum {
	NAME_ROUNDS = 30
};

struct numbers {
	uint16_t own[2][NAME_ROUNDS], common[2][NAME_ROUNDS];
};

static bool register_names(struct fixture *side, int which, void *context)
{
	struct numbers *numbers = context;

	for (int i = 0; i < NAME_ROUNDS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "common-%d", i);
		if (store_register_target(
			    side->store, name, &numbers->common[which][i], &side->err) != STATUS_OK)
			return false;
		snprintf(name, sizeof(name), "of-%c-%d", "ab"[which], i);
		if (store_register_target(side->store, name, &numbers->own[which][i], &side->err) !=
			STATUS_OK)
			return false;
	}
	return true;
}

static void test_names(void **state)
{
	struct shared *s = *state;
	struct numbers numbers = { 0 };
	size_t count;

	shared_race(s, register_names, &numbers);
	shared_poll(s->a, FIXTURE_NOW_MS, NULL);
	shared_poll(&s->b, FIXTURE_NOW_MS, NULL);
	count = store_targets_count(s->a->store);
	assert_int_equal(count, 2 + 3 * NAME_ROUNDS);
	assert_int_equal(store_targets_count(s->b.store), count);
	for (size_t n = 0; n < count; n++)
		assert_string_equal(store_target_name(s->a->store, (uint16_t)n),
			store_target_name(s->b.store, (uint16_t)n));
	for (int i = 0; i < NAME_ROUNDS; i++) {
		char name[32];

		assert_int_equal(numbers.common[0][i], numbers.common[1][i]);
		for (int which = 0; which < 2; which++) {
			snprintf(name, sizeof(name), "of-%c-%d", "ab"[which], i);
			assert_string_equal(
				store_target_name(s->a->store, numbers.own[which][i]), name);
		}
	}
}

/* A source that only the other knows: who claims its event learns the name. */
static void test_source_of_the_other(void **state)
{
	struct shared *s = *state;
	struct store_new_delivery delivery = { .target = s->a->app };
	struct store_event event = fixture_event(s->a, 1, &delivery, 1);
	struct store_claim claim;

	MUST(s->a, store_register_source(s->a->store, "new", &event.source, &s->a->err));
	MUST(s->a, store_begin(s->a->store, &s->a->err));
	MUST(s->a, store_append(s->a->store, &event, &s->a->err));
	MUST(s->a, store_commit(s->a->store, &s->a->err));
	claim = fixture_claim(&s->b, s->b.app, FIXTURE_NOW_MS + HOUR_MS);
	assert_int_equal(claim.count, 1);
	assert_string_equal(claim.list->source_name, "new");
	store_claimed_free(&claim.list);
}

static bool sweep_to_the_end(struct fixture *side, int which, void *context)
{
	bool more = true;

	(void)which;
	(void)context;
	for (int i = 0; more && i < 1000; i++)
		if (store_sweep(side->store, FIXTURE_NOW_MS + 40 * DAY_MS, &more, &side->err) !=
			STATUS_OK)
			return false;
	return true;
}

/* Who finds the other at it leaves it to him, and nothing is counted twice. */
static void test_two_sweep(void **state)
{
	struct shared *s = *state;
	struct store_new_delivery delivery = { .target = s->a->app, .leased = true };

	MUST(s->a, store_begin(s->a->store, &s->a->err));
	for (int64_t n = 0; n < 900; n++) {
		struct store_event event = fixture_event(s->a, n, &delivery, 1);
		struct store_verdict verdict;

		MUST(s->a, append_now(s->a->store, &event, &s->a->err));
		verdict = fixture_verdict(
			s->a, event.id, n % 2 == 0 ? DELIVERY_DEAD : DELIVERY_DELIVERED);
		MUST(s->a, record_now(s->a, &verdict));
	}
	MUST(s->a, store_commit(s->a->store, &s->a->err));
	shared_recount(s);
	assert_int_equal(store_counts(s->b.store, s->b.app).dead, 450);
	shared_race(s, sweep_to_the_end, NULL);
	/* Who came second may have ended while the first was still at it. */
	assert_true(sweep_to_the_end(s->a, 0, NULL));
	assert_int_equal(fixture_query(s->a, "SELECT count(*) FROM event"), 0);
	assert_int_equal(fixture_query(s->a, "SELECT count(*) FROM delivery"), 0);
	shared_recount(s);
	assert_int_equal(store_counts(s->b.store, s->b.app).dead, 0);
}

/*
 * Events of few orders, from both sides at once, and both deliver what is due: of each order one is under
 * way at a time, and they end in the order of their ids.
 */
enum {
	ORDERS = 5,
	ORDERED_EACH = 60, /* of each side */
	ORDERED_ROUNDS_MAX = 20000,
};

struct order_log {
	pthread_mutex_t mutex;
	int64_t last_ended[ORDERS];
	bool under_way[ORDERS];
	int ended_count;
	const char *broken; /* the first rule that did not hold */
};

static int order_of(const struct store_claimed *claimed)
{
	return claimed->kind;
}

static bool append_in_order(struct fixture *side, int which)
{
	uint32_t seed = (uint32_t)which + 11;

	for (int n = 0; n < ORDERED_EACH;) {
		struct store_new_delivery deliveries[4];
		struct store_event events[4];
		int count = 1 + (int)(shared_dice(&seed) % ARRAY_COUNT(events));

		if (store_begin(side->store, &side->err) != STATUS_OK)
			return false;
		for (int i = 0; i < count && n < ORDERED_EACH; i++, n++) {
			int order = (int)(shared_dice(&seed) % ORDERS);

			deliveries[i] = (struct store_new_delivery){ .target = side->app,
				.order_key = 1000 + order };
			events[i] =
				fixture_event(side, which * ORDERED_EACH + n, &deliveries[i], 1);
			events[i].kind = (uint8_t)order;
			if (store_append(side->store, &events[i], &side->err) != STATUS_OK)
				return false;
		}
		if (store_commit(side->store, &side->err) != STATUS_OK)
			return false;
	}
	return true;
}

static void note_begin(struct order_log *log, const struct store_claimed *claimed)
{
	int order = order_of(claimed);

	pthread_mutex_lock(&log->mutex);
	if (log->under_way[order])
		log->broken = "two of one order were under way";
	if (claimed->event <= log->last_ended[order])
		log->broken = "one came after a later one of its order";
	log->under_way[order] = true;
	pthread_mutex_unlock(&log->mutex);
}

/* Before its verdict is written: from then on the other side may have the next. */
static void note_end(struct order_log *log, const struct store_claimed *claimed, bool is_final)
{
	int order = order_of(claimed);

	pthread_mutex_lock(&log->mutex);
	log->under_way[order] = false;
	if (is_final) {
		log->last_ended[order] = claimed->event;
		log->ended_count++;
	}
	pthread_mutex_unlock(&log->mutex);
}

static bool all_ended(struct order_log *log)
{
	bool ended;

	pthread_mutex_lock(&log->mutex);
	ended = log->ended_count == 2 * ORDERED_EACH || log->broken != NULL;
	pthread_mutex_unlock(&log->mutex);
	return ended;
}

static bool end_claimed(struct fixture *side, struct order_log *log,
	const struct store_claimed *claimed, uint32_t *seed)
{
	static const enum delivery_state next[] = { DELIVERY_DELIVERED, DELIVERY_DEAD,
		DELIVERY_WAITING };
	struct store_verdict verdict =
		fixture_verdict(side, claimed->event, next[shared_dice(seed) % 3]);

	verdict.lease = claimed->lease;
	verdict.attempts = claimed->attempts;
	verdict.due_ms = FIXTURE_NOW_MS;
	note_end(log, claimed, verdict.next != DELIVERY_WAITING);
	return store_begin(side->store, &side->err) == STATUS_OK &&
	       store_record(side->store, &verdict, &side->err) == STATUS_OK &&
	       store_commit(side->store, &side->err) == STATUS_OK;
}

static bool append_and_deliver(struct fixture *side, int which, void *context)
{
	struct order_log *log = context;
	uint32_t seed = (uint32_t)which + 99;
	bool good = append_in_order(side, which);

	for (int round = 0; good && round < ORDERED_ROUNDS_MAX && !all_ended(log); round++) {
		struct store_claim claim = {
			.target = side->app, .count_max = EACH_TYPE(2), .bytes_max = 1 << 20
		};

		good = store_begin(side->store, &side->err) == STATUS_OK &&
		       store_claim(side->store, FIXTURE_NOW_MS + DAY_MS, &claim, &side->err) ==
			       STATUS_OK &&
		       store_commit(side->store, &side->err) == STATUS_OK;
		for (struct store_claimed *c = claim.list; c != NULL; c = c->next)
			note_begin(log, c);
		for (struct store_claimed *c = claim.list; good && c != NULL; c = c->next)
			good = end_claimed(side, log, c, &seed);
		store_claimed_free(&claim.list);
	}
	return good;
}

static void test_orders_in_a_race(void **state)
{
	struct shared *s = *state;
	struct order_log log = { .mutex = PTHREAD_MUTEX_INITIALIZER };

	shared_race(s, append_and_deliver, &log);
	if (log.broken != NULL)
		fail_msg("%s", log.broken);
	assert_int_equal(log.ended_count, 2 * ORDERED_EACH);
	shared_recount(s);
	assert_int_equal(store_backlog(s->a->store), 0);
	assert_int_equal(store_takeovers(s->a->store).verdicts_late, 0);
	assert_int_equal(store_takeovers(s->b.store).verdicts_late, 0);
}

static bool open_at_once(struct fixture *side, int which, void *context)
{
	(void)which;
	(void)context;
	return store_open(&side->settings, FIXTURE_NOW_MS, &side->store, &side->err) == STATUS_OK;
}

/* Two that start with an empty database: one makes the tables, and both have the same ones. */
static void test_both_make_the_tables(void **state)
{
	struct shared *s = *state;

	for (int round = 0; round < 10; round++) {
		fixture_close(s->a);
		fixture_close(&s->b);
		fixture_query(s->a, "DROP SCHEMA repostal CASCADE");
		shared_race(s, open_at_once, NULL);
		MUST(s->a, store_register_target(s->a->store, "app", &s->a->app, &s->a->err));
		MUST(s->a,
			store_register_source(s->a->store, "bizmail", &s->a->source, &s->a->err));
		shared_poll(&s->b, FIXTURE_NOW_MS, NULL);
		assert_false(shared_is_duplicate(s->a, 1, NULL));
		assert_true(shared_is_duplicate(&s->b, 1, NULL));
		assert_int_equal(fixture_query(s->a, "SELECT count(*) FROM instance"), 2);
	}
}

/* The days of events are tables too: both want the same one, and neither waits for ever. */
static bool append_on_new_days(struct fixture *side, int which, void *context)
{
	(void)context;
	for (int64_t day = 0; day < 20; day++) {
		struct store_event event = fixture_event(side, 100 * (which + 1) + day, NULL, 0);

		event.received_us += day * DAY_MS * 1000;
		event.search_keys[0] = 1 + day;
		if (store_begin(side->store, &side->err) != STATUS_OK ||
			store_append(side->store, &event, &side->err) != STATUS_OK ||
			store_commit(side->store, &side->err) != STATUS_OK)
			return false;
	}
	return true;
}

static void test_both_begin_a_day(void **state)
{
	struct shared *s = *state;

	shared_race(s, append_on_new_days, NULL);
	assert_int_equal(fixture_query(s->a, "SELECT count(*) FROM search"), 40);
	assert_int_equal(fixture_query(s->a, "SELECT count(DISTINCT day) FROM search"), 20);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SHARED_TEST(test_both_open_at_once),
		SHARED_TEST(test_same_events_in_a_race),
		SHARED_TEST(test_claims_pass_by),
		SHARED_TEST(test_claims_in_a_race),
		SHARED_TEST(test_names),
		SHARED_TEST(test_source_of_the_other),
		SHARED_TEST(test_two_sweep),
		SHARED_TEST(test_orders_in_a_race),
		SHARED_TEST(test_both_make_the_tables),
		SHARED_TEST(test_both_begin_a_day),
	};

	return contract_run_on(STORE_POSTGRESQL, "store race", tests, ARRAY_COUNT(tests));
}
