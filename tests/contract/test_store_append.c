/* SPDX-License-Identifier: MIT */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* Two deliveries of the same event, some time apart: is the second a duplicate? */
static void test_append_duplicate(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		int64_t apart_ms;
		int64_t occurred_apart_ms;
		uint64_t identity_apart;
		bool same_transaction;
		bool rolled_back; /* the first */
		bool duplicate;
	} cases[] = {
		{ "same transaction", 0, 0, 0, true, false, true },
		{ "next transaction", 0, 0, 0, false, false, true },
		{ "first was rolled back", 0, 0, 0, false, true, false },
		{ "just within the window", 3 * DAY_MS - 1, 0, 0, false, false, true },
		{ "window is over", 3 * DAY_MS, 0, 0, false, false, false },
		{ "window is over, same transaction", 3 * DAY_MS, 0, 0, true, false, false },
		{ "clock was set back", -DAY_MS, 0, 0, false, false, true },
		{ "another time", 0, 1, 0, false, false, false },
		{ "another identity", 0, 0, 1, false, false, false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_event first = fixture_event(f, 1000 + (int64_t)i, NULL, 0);
		struct store_event second = first;

		second.received_us += cases[i].apart_ms * 1000;
		second.occurred_ms += cases[i].occurred_apart_ms;
		second.identity ^= cases[i].identity_apart;
		MUST(f, store_begin(f->store, &f->err));
		MUST(f, store_append(f->store, &first, &f->err));
		if (cases[i].rolled_back)
			store_rollback(f->store);
		else if (!cases[i].same_transaction)
			MUST(f, store_commit(f->store, &f->err));
		if (!cases[i].same_transaction)
			MUST(f, store_begin(f->store, &f->err));
		MUST(f, store_append(f->store, &second, &f->err));
		MUST(f, store_commit(f->store, &f->err));
		if (first.duplicate || second.duplicate != cases[i].duplicate)
			fail_msg("%s: duplicate is %d", cases[i].name, second.duplicate);
		if (!cases[i].rolled_back && (second.id == first.id) != cases[i].duplicate)
			fail_msg("%s: id %lld after %lld", cases[i].name, (long long)second.id,
				(long long)first.id);
	}
}

/* After an expired duplicate the newer event is the one that repeats are compared with. */
static void test_append_after_expired_duplicate(void **state)
{
	struct fixture *f = *state;
	struct store_event first = fixture_event(f, 1, NULL, 0);
	struct store_event second = first, third = first;

	second.received_us += 4 * DAY_MS * 1000;
	third.received_us += 5 * DAY_MS * 1000;
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_append(f->store, &first, &f->err));
	MUST(f, store_append(f->store, &second, &f->err));
	MUST(f, store_append(f->store, &third, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_false(second.duplicate);
	assert_true(third.duplicate);
	assert_int_equal(third.id, second.id);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 2);
}

static void test_append_without_dedup_window(void **state)
{
	struct fixture *f = *state;
	struct store_event event = fixture_event(f, 1, NULL, 0);

	fixture_close(f);
	f->settings.dedup_window_ms = 0;
	fixture_open(f, FIXTURE_NOW_MS);
	MUST(f, store_begin(f->store, &f->err));
	for (int i = 0; i < 3; i++) {
		MUST(f, store_append(f->store, &event, &f->err));
		assert_false(event.duplicate);
	}
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 3);
}

static void test_duplicate_adds_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_new_delivery delivery = { .target = f->other, .leased = false };
	struct store_event repeat = fixture_event(f, 1, &delivery, 1);
	int64_t id = fixture_append(f, 1, true);

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_append(f->store, &repeat, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_true(repeat.duplicate);
	assert_int_equal(repeat.id, id);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 1);
	assert_int_equal(store_counts(f->store, f->other).open, 0);
	fixture_recount(f);
}

static void test_ids_grow(void **state)
{
	struct fixture *f = *state;
	int64_t last = 0;

	for (int i = 0; i < 20; i++) {
		int64_t id = fixture_append(f, i, true);

		assert_true(id > last);
		last = id;
		if (i == 10) {
			fixture_close(f);
			fixture_open(f, FIXTURE_NOW_MS);
		}
	}
}

/* What is appended comes back byte for byte. */
static void test_bytes_come_back(void **state)
{
	struct fixture *f = *state;
	enum {
		LARGE = 1024 * 1024
	};
	char *large = memory_alloc(LARGE);
	const struct {
		const char *name;
		struct slice content_type;
		struct slice raw;
	} cases[] = {
		{ "the usual type", SLICE_LITERAL("application/json"), SLICE_LITERAL("{}") },
		{ "another type", SLICE_LITERAL("application/x-www-form-urlencoded"),
			SLICE_LITERAL("a=b") },
		{ "almost the usual type", SLICE_LITERAL("application/json "),
			SLICE_LITERAL("{}") },
		{ "no type", { NULL, 0 }, SLICE_LITERAL("{}") },
		{ "no bytes", SLICE_LITERAL("text/json"), { NULL, 0 } },
		{ "zero bytes and bad UTF-8", SLICE_LITERAL("application/json"),
			SLICE_LITERAL("a\0b\xff\xfe\0") },
		{ "1 MiB", SLICE_LITERAL("application/json"), slice_of(large, LARGE) },
	};

	for (size_t i = 0; i < LARGE; i++)
		large[i] = (char)(i * 31 + i / 4096);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_new_delivery delivery = { .target = f->app };
		struct store_event event = fixture_event(f, (int64_t)i, &delivery, 1);
		struct store_claim claim;

		event.content_type = cases[i].content_type;
		event.raw = cases[i].raw;
		event.kind = (uint8_t)(250 + i % 6);
		MUST(f, store_begin(f->store, &f->err));
		MUST(f, store_append(f->store, &event, &f->err));
		MUST(f, store_commit(f->store, &f->err));
		claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + HOUR_MS);
		if (claim.count != 1 ||
			!slice_equal(claim.list->content_type, event.content_type) ||
			!slice_equal(claim.list->raw, event.raw) ||
			claim.list->kind != event.kind || claim.list->event != event.id ||
			claim.list->source != event.source ||
			claim.list->received_us != event.received_us)
			fail_msg("%s: differs", cases[i].name);
		store_claimed_free(&claim.list);
	}
	free(large);
}

static void test_event_nobody_wants(void **state)
{
	struct fixture *f = *state;
	struct store_event event = fixture_event(f, 1, NULL, 0);

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_append(f->store, &event, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 1);
	assert_int_equal(store_backlog(f->store), 0);
}

static void test_max_backlog(void **state)
{
	struct fixture *f = *state;
	struct store_new_delivery both[] = {
		{ .target = f->app, .leased = true },
		{ .target = f->other, .leased = false },
	};
	struct store_event first = fixture_event(f, 1, both, 2);
	struct store_event second = fixture_event(f, 2, both, 2);
	struct store_event small = fixture_event(f, 3, both, 1);
	struct store_event unwanted = fixture_event(f, 4, NULL, 0);
	struct store_verdict verdict;
	uint16_t source;

	fixture_close(f);
	f->settings.max_backlog = 3;
	for (size_t i = 0; i < ARRAY_COUNT(both); i++)
		both[i].max_open = INT64_MAX;
	fixture_open(f, FIXTURE_NOW_MS);
	/* One of its own, for this is not about a source's share. */
	MUST(f, store_register_source(f->store, "second", &source, &f->err));
	small.source = source;
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_append(f->store, &first, &f->err));
	assert_int_equal(store_append(f->store, &second, &f->err), STATUS_FULL);
	/* The refusal left the transaction as it was. */
	MUST(f, store_append(f->store, &small, &f->err));
	assert_int_equal(store_append(f->store, &second, &f->err), STATUS_FULL);
	MUST(f, store_append(f->store, &unwanted, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 3);
	assert_int_equal(store_backlog(f->store), 3);

	/* A verdict makes room at once, within the same transaction. */
	verdict = fixture_verdict(f, first.id, DELIVERY_DELIVERED);
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, record_now(f, &verdict));
	small = fixture_event(f, 5, both, 1);
	small.source = source;
	MUST(f, store_append(f->store, &small, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	fixture_recount(f);
}

/*
 * Its first bits of a digest: senders cannot make bodies that share them. If many did, it would cost four
 * comparisons: what is looked at is bounded.
 */
static void test_quarantine_hash(void **state)
{
	struct fixture *f = *state;
	struct store_quarantined quarantined = {
		.received_us = FIXTURE_NOW_MS * 1000,
		.source = f->source,
		.reason = "json",
		.raw = SLICE_LITERAL("{\"a\":1"),
	};

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_quarantine(f->store, &quarantined, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(f->source, 0);
	assert_int_equal(
		fixture_query(f, "SELECT hash FROM quarantine"), INT64_C(3593099536392758467));
}

static void test_too_many_bytes(void **state)
{
	struct fixture *f = *state;
	struct store_event event = fixture_event(f, 1, NULL, 0);
	struct store_quarantined quarantined = { .source = f->source, .reason = "json" };

	event.raw.size = (size_t)STORE_RAW_SIZE_MAX + 1; /* refused before it is read */
	quarantined.raw = event.raw;
	MUST(f, store_begin(f->store, &f->err));
	assert_int_equal(store_append(f->store, &event, &f->err), STATUS_INVALID);
	assert_int_equal(store_quarantine(f->store, &quarantined, &f->err), STATUS_INVALID);
	event = fixture_event(f, 1, NULL, 0);
	MUST(f, store_append(f->store, &event, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 1);
}

static void test_rollback_leaves_no_trace(void **state)
{
	struct fixture *f = *state;
	int64_t leased = fixture_append(f, 1, true);
	int64_t waiting = fixture_append(f, 2, false);
	struct store_target_counts before = store_counts(f->store, f->app);
	struct store_new_delivery delivery = { .target = f->app, .leased = true };
	struct store_event event = fixture_event(f, 3, &delivery, 1);
	struct store_verdict verdict = fixture_verdict(f, leased, DELIVERY_DEAD);
	struct store_quarantined quarantined = {
		.source = f->source, .reason = "json", .raw = SLICE_LITERAL("{")
	};
	struct store_claim claim = {
		.target = f->app, .count_max = EACH_TYPE(10), .bytes_max = 1000
	};
	struct store_target_counts after;

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_append(f->store, &event, &f->err));
	MUST(f, record_now(f, &verdict));
	MUST(f, store_quarantine(f->store, &quarantined, &f->err));
	MUST(f, claim_now(f->store, FIXTURE_NOW_MS + HOUR_MS, &claim, &f->err));
	assert_int_equal(claim.count, 1);
	assert_int_equal(claim.list->event, waiting);
	/* Readers see the last commit only. */
	after = store_counts(f->store, f->app);
	assert_memory_equal(&before, &after, sizeof(before));
	store_rollback(f->store);
	store_claimed_free(&claim.list);
	store_rollback(f->store); /* always allowed */

	after = store_counts(f->store, f->app);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(store_quarantine_count(f->store), 0);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 2);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM attempt"), 0);
	fixture_recount(f);
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + HOUR_MS);
	assert_int_equal(claim.count, 1);
	assert_int_equal(claim.list->attempts, 1);
	store_claimed_free(&claim.list);
}

static void test_quarantine(void **state)
{
	struct fixture *f = *state;
	uint16_t second_source;
	const struct {
		const char *name;
		struct slice raw;
		bool from_second;
		int64_t seen, rows; /* afterwards */
	} cases[] = {
		{ "first", SLICE_LITERAL("{"), false, 1, 1 },
		{ "repeated", SLICE_LITERAL("{"), false, 2, 1 },
		{ "other bytes", SLICE_LITERAL("{ "), false, 1, 2 },
		{ "other source", SLICE_LITERAL("{"), true, 1, 3 },
		{ "repeated again", SLICE_LITERAL("{"), false, 3, 3 },
		{ "no bytes", { NULL, 0 }, false, 1, 4 },
		{ "no bytes repeated", { NULL, 0 }, false, 2, 4 },
	};

	MUST(f, store_register_source(f->store, "second", &second_source, &f->err));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_quarantined quarantined = {
			.received_us = (FIXTURE_NOW_MS + (int64_t)i) * 1000,
			.source = cases[i].from_second ? second_source : f->source,
			.kind = 1,
			.reason = "json",
			.content_type = SLICE_LITERAL("text/json"),
			.raw = cases[i].raw,
		};
		char sql[80];

		MUST(f, store_begin(f->store, &f->err));
		MUST(f, store_quarantine(f->store, &quarantined, &f->err));
		MUST(f, store_commit(f->store, &f->err));
		snprintf(sql, sizeof(sql), "SELECT seen FROM quarantine WHERE id = %d",
			(int)quarantined.id);
		if (fixture_query(f, sql) != cases[i].seen ||
			store_quarantine_count(f->store) != cases[i].rows)
			fail_msg("%s: seen %d, rows %d", cases[i].name, (int)fixture_query(f, sql),
				(int)store_quarantine_count(f->store));
	}
	fixture_recount(f);
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	fixture_recount(f);
}

struct step {
	struct store_event event;
	enum status says; /* when it has appended */
};

static enum status append_and_say(struct store *store, void *argument, struct error *err)
{
	struct step *step = argument;
	enum status status = store_append(store, &step->event, err);

	return status == STATUS_OK ? step->says : status;
}

/* Only what the step says STATUS_OK of is committed; after anything else the next transaction can begin. */
static void test_transaction(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		enum status says;
		int64_t events; /* after it */
	} cases[] = {
		{ "a step that went well", STATUS_OK, 1 },
		{ "one that found nothing", STATUS_NOT_FOUND, 1 },
		{ "one that was refused", STATUS_FULL, 1 },
		{ "one that failed", STATUS_IO, 1 },
		{ "the next one", STATUS_OK, 2 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct step step = { .says = cases[i].says };
		enum status status;

		step.event = fixture_event(f, 1 + (int64_t)i, NULL, 0);
		status = store_transaction(f->store, append_and_say, &step, &f->err);
		if (status != cases[i].says)
			fail_msg("%s: %d", cases[i].name, (int)status);
		if (fixture_query(f, "SELECT count(*) FROM event") != cases[i].events)
			fail_msg("%s: another number of events", cases[i].name);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_append_duplicate),
		CONTRACT_TEST(test_append_after_expired_duplicate),
		CONTRACT_TEST(test_append_without_dedup_window),
		CONTRACT_TEST(test_duplicate_adds_nothing),
		CONTRACT_TEST(test_ids_grow),
		CONTRACT_TEST(test_bytes_come_back),
		CONTRACT_TEST(test_event_nobody_wants),
		CONTRACT_TEST(test_max_backlog),
		CONTRACT_TEST(test_too_many_bytes),
		CONTRACT_TEST(test_rollback_leaves_no_trace),
		CONTRACT_TEST(test_transaction),
		CONTRACT_TEST(test_quarantine),
		CONTRACT_TEST(test_quarantine_hash),
	};

	return contract_run("store append", tests, ARRAY_COUNT(tests));
}
