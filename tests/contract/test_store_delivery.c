/* SPDX-License-Identifier: MIT */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t state_of(struct fixture *f, int64_t event, const char *column)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT %s FROM delivery WHERE id = %lld", column,
		(long long)(event << 16 | f->app));
	return fixture_query(f, sql);
}

/* Makes a waiting delivery due at a given time, after one failed attempt. */
static int64_t append_due(struct fixture *f, int64_t n, int64_t due_ms)
{
	int64_t id = fixture_append(f, n, true);
	struct store_verdict verdict = fixture_verdict(f, id, DELIVERY_WAITING);

	verdict.due_ms = due_ms;
	fixture_record(f, &verdict);
	return id;
}

enum start {
	FRESH,
	NEVER_TRIED,
	DELIVERED,
	DEAD,
	WAITING,
	MISSING
};

/* What a delivery may become, and what each verdict does to the counts. */
static const struct move {
	const char *name;
	enum start start;
	enum delivery_state next;
	bool release;
	enum delivery_state want; /* state afterwards */
	int attempts;             /* afterwards */
	struct store_target_counts
		counts;   /* open, retrying, dead: what the delivery is counted as */
	int attempt_rows; /* that the verdict adds */
} moves[] = {
	{ "delivered at once", FRESH, DELIVERY_DELIVERED, false, DELIVERY_DELIVERED, 1, { 0, 0, 0 },
		0 },
	{ "dead at once", FRESH, DELIVERY_DEAD, false, DELIVERY_DEAD, 1, { 0, 0, 1 }, 1 },
	{ "to be tried again", FRESH, DELIVERY_WAITING, false, DELIVERY_WAITING, 1, { 1, 1, 0 },
		1 },
	{ "released: as if never leased", FRESH, DELIVERY_WAITING, true, DELIVERY_WAITING, 0,
		{ 1, 0, 0 }, 0 },
	{ "not leased yet", NEVER_TRIED, DELIVERY_DELIVERED, false, DELIVERY_WAITING, 0,
		{ 1, 0, 0 }, 0 },
	{ "waiting already", WAITING, DELIVERY_WAITING, false, DELIVERY_WAITING, 1, { 1, 1, 0 },
		0 },
	{ "waiting, released", WAITING, DELIVERY_WAITING, true, DELIVERY_WAITING, 1, { 1, 1, 0 },
		0 },
	{ "waiting cannot die", WAITING, DELIVERY_DEAD, false, DELIVERY_WAITING, 1, { 1, 1, 0 },
		0 },
	{ "delivered stays", DELIVERED, DELIVERY_DEAD, false, DELIVERY_DELIVERED, 1, { 0, 0, 0 },
		0 },
	{ "delivered does not wait again", DELIVERED, DELIVERY_WAITING, false, DELIVERY_DELIVERED,
		1, { 0, 0, 0 }, 0 },
	{ "dead stays", DEAD, DELIVERY_DELIVERED, false, DELIVERY_DEAD, 1, { 0, 0, 1 }, 0 },
	{ "nothing of that id", MISSING, DELIVERY_DELIVERED, false, DELIVERY_LEASED, 1, { 1, 0, 0 },
		0 },
};

/* An event whose delivery is where the move starts. */
static int64_t append_start(struct fixture *f, int64_t n, enum start start)
{
	static const enum delivery_state states[] = {
		[DELIVERED] = DELIVERY_DELIVERED,
		[DEAD] = DELIVERY_DEAD,
		[WAITING] = DELIVERY_WAITING,
	};
	int64_t id = fixture_append(f, n, start != NEVER_TRIED);

	if (start == DELIVERED || start == DEAD || start == WAITING) {
		struct store_verdict verdict = fixture_verdict(f, id, states[start]);

		fixture_record(f, &verdict);
	}
	return id;
}

static void test_moves(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_COUNT(moves); i++) {
		const struct move *move = &moves[i];
		struct store_target_counts before = store_counts(f->store, f->app), after;
		int64_t id = append_start(f, (int64_t)i, move->start);
		int64_t rows = fixture_query(f, "SELECT count(*) FROM attempt");
		struct store_verdict verdict = fixture_verdict(f, id, move->next);

		verdict.release = move->release;
		if (move->start == MISSING)
			verdict.event = id + 1;
		fixture_record(f, &verdict);
		rows = fixture_query(f, "SELECT count(*) FROM attempt") - rows;
		after = store_counts(f->store, f->app);
		if (state_of(f, id, "state") != (int64_t)move->want ||
			state_of(f, id, "attempts") != move->attempts || rows != move->attempt_rows)
			fail_msg("%s: state %d attempts %d rows %d", move->name,
				(int)state_of(f, id, "state"), (int)state_of(f, id, "attempts"),
				(int)rows);
		if (after.open - before.open != move->counts.open ||
			after.retrying - before.retrying != move->counts.retrying ||
			after.dead - before.dead != move->counts.dead)
			fail_msg("%s: miscounted", move->name);
		fixture_recount(f);
	}
}

/* Every attempt of a delivery that did not go well at once can be read. */
static void test_attempts_are_kept(void **state)
{
	struct fixture *f = *state;
	int64_t id = append_due(f, 1, FIXTURE_NOW_MS + SECOND_MS);
	struct store_claim claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + SECOND_MS);
	struct store_verdict verdict = fixture_verdict(f, id, DELIVERY_DELIVERED);
	char answer[STORE_ANSWER_SIZE_MAX + 100];

	assert_int_equal(claim.count, 1);
	assert_int_equal(claim.list->attempts, 2);
	store_claimed_free(&claim.list);
	memset(answer, 'x', sizeof(answer));
	verdict.attempts = 2;
	verdict.answer = slice_of(answer, sizeof(answer));
	fixture_record(f, &verdict);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM attempt"), 2);
	assert_int_equal(fixture_query(f, "SELECT code FROM attempt WHERE number = 1"), 500);
	assert_int_equal(fixture_query(f, "SELECT code FROM attempt WHERE number = 2"), 200);
	assert_int_equal(fixture_query(f, "SELECT length(answer) FROM attempt WHERE number = 1"),
		strlen("answer"));
	assert_int_equal(fixture_query(f, "SELECT length(answer) FROM attempt WHERE number = 2"),
		STORE_ANSWER_SIZE_MAX);
	assert_int_equal(state_of(f, id, "due"), FIXTURE_NOW_MS + 25); /* when it ended */
}

static void test_claim_order(void **state)
{
	struct fixture *f = *state;
	static const int64_t due_s[] = { 50, 10, 40, 10, 30, 20 };
	int64_t last_due_s = 0, last_event = 0;
	struct store_claim claim;

	for (size_t i = 0; i < ARRAY_COUNT(due_s); i++)
		append_due(f, (int64_t)i, FIXTURE_NOW_MS + due_s[i] * SECOND_MS);
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + 40 * SECOND_MS);
	assert_int_equal(claim.count, 5);
	assert_int_equal(claim_next_due_ms(&claim), FIXTURE_NOW_MS + 50 * SECOND_MS);
	for (struct store_claimed *c = claim.list; c != NULL; c = c->next) {
		/* Identities are made of the index: find the due time by the time of arrival. */
		size_t index = (size_t)((c->received_us / 1000 - FIXTURE_NOW_MS) / SECOND_MS);

		assert_true(due_s[index] > last_due_s ||
			    (due_s[index] == last_due_s && c->event > last_event));
		assert_int_equal(c->attempts, 2);
		last_due_s = due_s[index];
		last_event = c->event;
	}
	assert_int_equal(store_counts(f->store, f->app).open, 6);
	assert_int_equal(store_counts(f->store, f->app).retrying, 1);
	fixture_recount(f);
	store_claimed_free(&claim.list);
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + 40 * SECOND_MS);
	assert_int_equal(claim.count, 0); /* they are leased */
	assert_null(claim.list);
}

static void test_claim_limits(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		size_t count_max, bytes_max;
		int64_t now_s;
		size_t want;
		int64_t next_due_s; /* -1: nothing waits */
	} cases[] = {
		{ "nothing is due", 10, 10000, 0, 0, 1 },
		{ "due at this moment", 10, 10000, 1, 1, 2 },
		{ "by count", 3, 10000, 100, 3, 4 },
		{ "not asked for", 0, 10000, 100, 0, -1 },
		{ "by bytes", 10, 250, 100, 2, 3 },
		{ "bytes to the last", 10, 300, 100, 3, 4 },
		{ "the first one always", 10, 1, 100, 1, 2 },
		{ "no bytes", 10, 0, 100, 1, 2 },
		{ "all", 5, 10000, 100, 5, -1 },
	};
	char raw[100];

	memset(raw, 'x', sizeof(raw));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_claim claim = { .target = f->app,
			.count_max = { cases[i].count_max },
			.bytes_max = cases[i].bytes_max };
		int64_t next_due_ms = cases[i].next_due_s < 0
					      ? INT64_MAX
					      : FIXTURE_NOW_MS + cases[i].next_due_s * SECOND_MS;

		MUST(f, store_begin(f->store, &f->err));
		for (int64_t n = 1; n <= 5; n++) {
			struct store_new_delivery delivery = { .target = f->app };
			struct store_event event = fixture_event(f, n, &delivery, 1);

			event.raw = slice_of(raw, sizeof(raw));
			MUST(f, append_now(f->store, &event, &f->err));
		}
		MUST(f, claim_now(f->store, FIXTURE_NOW_MS + cases[i].now_s * SECOND_MS, &claim,
				&f->err));
		if (claim.count != cases[i].want || claim_next_due_ms(&claim) != next_due_ms)
			fail_msg("%s: %zu, next due in %lld s", cases[i].name, claim.count,
				(long long)(claim_next_due_ms(&claim) - FIXTURE_NOW_MS) / 1000);
		store_claimed_free(&claim.list);
		store_rollback(f->store);
	}
}

static void test_targets_apart(void **state)
{
	struct fixture *f = *state;
	struct store_new_delivery both[] = {
		{ .target = f->other, .leased = false },
		{ .target = f->app, .leased = false },
	};
	struct store_event event = fixture_event(f, 1, both, 2);
	struct store_verdict verdict;
	struct store_claim claim;

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, append_now(f->store, &event, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + HOUR_MS);
	assert_int_equal(claim.count, 1);
	assert_int_equal(claim.list->target, f->app);
	assert_int_equal(claim_next_due_ms(&claim), INT64_MAX);
	store_claimed_free(&claim.list);
	verdict = fixture_verdict(f, event.id, DELIVERY_DEAD);
	fixture_record(f, &verdict);
	assert_int_equal(store_counts(f->store, f->app).dead, 1);
	assert_int_equal(store_counts(f->store, f->other).dead, 0);
	assert_int_equal(store_counts(f->store, f->other).open, 1);
	assert_int_equal(store_backlog(f->store), 1);
	fixture_recount(f);
	claim = fixture_claim(f, f->other, FIXTURE_NOW_MS + HOUR_MS);
	assert_int_equal(claim.count, 1);
	store_claimed_free(&claim.list);
}

/* A claimed delivery that is released is the same as before the claim. */
static void test_release_after_claim(void **state)
{
	struct fixture *f = *state;
	int64_t tried = append_due(f, 1, FIXTURE_NOW_MS);
	int64_t never_tried = fixture_append(f, 2, false);
	struct store_target_counts before = store_counts(f->store, f->app), after;
	struct store_claim claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + HOUR_MS);

	assert_int_equal(claim.count, 2);
	for (struct store_claimed *c = claim.list; c != NULL; c = c->next) {
		struct store_verdict verdict = fixture_verdict(f, c->event, DELIVERY_WAITING);

		verdict.release = true;
		verdict.attempts = c->attempts;
		fixture_record(f, &verdict);
	}
	store_claimed_free(&claim.list);
	after = store_counts(f->store, f->app);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(state_of(f, tried, "attempts"), 1);
	assert_int_equal(state_of(f, tried, "code"), 500); /* of the attempt that was made */
	assert_int_equal(state_of(f, never_tried, "attempts"), 0);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM attempt"), 1);
	fixture_recount(f);
}

static void test_oldest_waiting(void **state)
{
	struct fixture *f = *state;
	int64_t first;
	struct store_claim claim;

	assert_int_equal(store_oldest_waiting_us(f->store, f->app), 0);
	fixture_append(f, 1, true); /* leased: not on disk only */
	assert_int_equal(store_oldest_waiting_us(f->store, f->app), 0);
	first = append_due(f, 2, FIXTURE_NOW_MS + 100 * SECOND_MS);
	append_due(f, 3, FIXTURE_NOW_MS + 50 * SECOND_MS); /* due earlier, but younger */
	assert_int_equal(
		store_oldest_waiting_us(f->store, f->app), (FIXTURE_NOW_MS + 2 * SECOND_MS) * 1000);
	assert_int_equal(store_oldest_waiting_us(f->store, f->other), 0);
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + 100 * SECOND_MS);
	assert_int_equal(claim.count, 2);
	assert_int_equal(claim.list->next->event, first);
	store_claimed_free(&claim.list);
	assert_int_equal(store_oldest_waiting_us(f->store, f->app), 0);
}

/* A thousand deliveries through all moves, in transactions that hold several: nothing miscounts. */
static void test_counts_over_many_moves(void **state)
{
	struct fixture *f = *state;
	struct store_new_delivery both[] = {
		{ .target = f->app, .leased = true },
		{ .target = f->other, .leased = false },
	};
	uint32_t dice = 1;

	for (int64_t n = 0; n < 300; n++) {
		struct store_event event = fixture_event(f, n, both, 1 + (size_t)(n % 2));
		struct store_claim claim = { .target = n % 3 == 0 ? f->other : f->app,
			.count_max = EACH_TYPE(3),
			.bytes_max = 1000 };
		struct store_verdict verdict;

		MUST(f, store_begin(f->store, &f->err));
		MUST(f, append_now(f->store, &event, &f->err));
		dice = dice * 1103515245 + 12345;
		verdict = fixture_verdict(f, event.id, (enum delivery_state)(1 + (dice >> 16) % 3));
		verdict.due_ms = FIXTURE_NOW_MS;
		if (n % 5 != 0)
			MUST(f, record_now(f, &verdict));
		MUST(f, claim_now(f->store, FIXTURE_NOW_MS + DAY_MS, &claim, &f->err));
		for (struct store_claimed *c = claim.list; c != NULL; c = c->next) {
			dice = dice * 1103515245 + 12345;
			verdict.event = c->event;
			verdict.target = c->target;
			verdict.attempts = c->attempts;
			verdict.next = (enum delivery_state)(1 + (dice >> 16) % 3);
			verdict.release = verdict.next == DELIVERY_WAITING && (dice >> 20) % 2 == 0;
			MUST(f, record_now(f, &verdict));
		}
		store_claimed_free(&claim.list);
		if (n % 7 == 0)
			store_rollback(f->store);
		else
			MUST(f, store_commit(f->store, &f->err));
	}
	fixture_recount(f);
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	fixture_recount(f);
}

static void append_type(struct fixture *f, int64_t n, uint8_t type)
{
	struct store_new_delivery delivery = { .target = f->app };
	struct store_event event = fixture_event(f, n, &delivery, 1);

	event.type = type;
	MUST(f, append_now(f->store, &event, &f->err));
}

static void append_types(struct fixture *f, const uint8_t *types, size_t count)
{
	MUST(f, store_begin(f->store, &f->err));
	for (size_t i = 0; i < count; i++)
		append_type(f, (int64_t)i + 1, types[i]);
	MUST(f, store_commit(f->store, &f->err));
}

static size_t count_type(const struct store_claim *claim, uint8_t type)
{
	size_t count = 0;

	for (const struct store_claimed *c = claim->list; c != NULL; c = c->next)
		count += c->type == type;
	return count;
}

/* What is not asked for is neither given nor known to wait; the rest is unaware of it. */
static void test_claims_are_by_type(void **state)
{
	static const uint8_t types[] = { 0, 0, 0, 1, 1, 2, 255, 0 };
	struct fixture *f = *state;
	struct store_claim claim = { .target = f->app, .bytes_max = 1 << 20 };

	append_types(f, types, ARRAY_COUNT(types));
	claim.count_max[1] = 1;
	claim.count_max[2] = 5;
	claim.count_max[STORE_TYPES - 1] = 5;
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, claim_now(f->store, FIXTURE_NOW_MS + 60 * SECOND_MS, &claim, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(claim.count, 3);
	assert_int_equal(count_type(&claim, 1), 1);
	assert_int_equal(count_type(&claim, 2), 1);
	assert_int_equal(count_type(&claim, STORE_TYPES - 1), 1);
	assert_true(claim.next_due_ms[0] == INT64_MAX);
	assert_int_equal(claim.next_due_ms[1], FIXTURE_NOW_MS + 5 * SECOND_MS);
	assert_true(claim.next_due_ms[2] == INT64_MAX);
	store_claimed_free(&claim.list);
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + 60 * SECOND_MS);
	assert_int_equal(claim.count, 5);
	assert_int_equal(count_type(&claim, 0), 4);
	store_claimed_free(&claim.list);
	fixture_recount(f);
}

/* One large event of a type does not keep another type from its turn. */
static void test_each_type_is_given_one(void **state)
{
	static const uint8_t types[] = { 0, 0, 1, 1 };
	struct fixture *f = *state;
	struct store_claim claim = { .target = f->app, .count_max = EACH_TYPE(10), .bytes_max = 1 };

	append_types(f, types, ARRAY_COUNT(types));
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, claim_now(f->store, FIXTURE_NOW_MS + 60 * SECOND_MS, &claim, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(count_type(&claim, 0), 1);
	assert_int_equal(count_type(&claim, 1), 1);
	assert_int_equal(claim.count, 2);
	store_claimed_free(&claim.list);
}

/* A type stays with its delivery through retries and an operator's replay. */
static void test_a_retry_keeps_its_type(void **state)
{
	static const uint8_t types[] = { 3 };
	struct fixture *f = *state;
	struct store_claim claim;
	struct store_verdict verdict;

	append_types(f, types, ARRAY_COUNT(types));
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + 60 * SECOND_MS);
	verdict = fixture_verdict(f, claim.list->event, DELIVERY_WAITING);
	store_claimed_free(&claim.list);
	fixture_record(f, &verdict);
	claim = fixture_claim(f, f->app, verdict.due_ms);
	assert_int_equal(count_type(&claim, 3), 1);
	store_claimed_free(&claim.list);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_moves),
		CONTRACT_TEST(test_attempts_are_kept),
		CONTRACT_TEST(test_claim_order),
		CONTRACT_TEST(test_claim_limits),
		CONTRACT_TEST(test_targets_apart),
		CONTRACT_TEST(test_release_after_claim),
		CONTRACT_TEST(test_oldest_waiting),
		CONTRACT_TEST(test_counts_over_many_moves),
		CONTRACT_TEST(test_claims_are_by_type),
		CONTRACT_TEST(test_each_type_is_given_one),
		CONTRACT_TEST(test_a_retry_keeps_its_type),
	};

	return contract_run("store delivery", tests, ARRAY_COUNT(tests));
}
