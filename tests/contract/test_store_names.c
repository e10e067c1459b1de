/* SPDX-License-Identifier: MIT */
/* Numbers of names that nothing is left of are used again, and a target is forgotten when it is told to be. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

static uint16_t target_of(struct fixture *f, const char *name)
{
	uint16_t number = 0;

	MUST(f, store_register_target(f->store, name, &number, &f->err));
	return number;
}

/* app, other and so many more that there is no room. */
static void use_up(struct fixture *f)
{
	for (int i = 2; i < STORE_TARGETS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "old-%d", i);
		assert_int_equal(target_of(f, name), i);
	}
	for (int i = 1; i < STORE_SOURCES_MAX; i++) {
		uint16_t number = 0;
		char name[16];

		snprintf(name, sizeof(name), "old-%d", i);
		MUST(f, store_register_source(f->store, name, &number, &f->err));
		assert_int_equal(number, i);
	}
}

static void append_dead(struct fixture *f, int64_t n, uint16_t target, uint16_t source)
{
	struct store_new_delivery delivery = { .target = target, .leased = true };
	struct store_event event = fixture_event(f, n, &delivery, 1);
	struct store_verdict verdict;

	event.source = source;
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, append_now(f->store, &event, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	verdict = fixture_verdict(f, event.id, DELIVERY_DEAD);
	verdict.target = target;
	verdict.source = source;
	fixture_record(f, &verdict);
}

/* Where a number is still used, or held by this process, it stays its name's. */
static void test_numbers_are_used_again(void **state)
{
	struct fixture *f = *state;
	uint16_t number = 0;

	use_up(f);
	append_dead(f, 1, 2, 1);
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_pause(f->store, 3, true, "for a while", &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(store_register_target(f->store, "new", &number, &f->err), STATUS_FULL);
	assert_int_equal(store_register_source(f->store, "new", &number, &f->err), STATUS_FULL);
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	number = target_of(f, "new");
	assert_true(number > 3);
	assert_string_equal(store_target_name(f->store, number), "new");
	assert_int_not_equal(target_of(f, "newer"), number);
	assert_int_equal(target_of(f, "old-2"), 2);
	assert_int_equal(target_of(f, "old-3"), 3);
	assert_true(store_is_paused(f->store, 3, NULL));
	MUST(f, store_register_source(f->store, "new", &number, &f->err));
	assert_true(number > 1);
	assert_int_equal(store_targets_count(f->store), STORE_TARGETS_MAX);
	/* And so it stays. */
	number = target_of(f, "new");
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	assert_int_equal(target_of(f, "new"), number);
	fixture_recount(f);
}

/* A name that has been renamed more often than there are numbers, one start after the other. */
static void test_renamed_again_and_again(void **state)
{
	struct fixture *f = *state;

	/* One transaction each, 2,500 of them: the way is the same in both backends. */
	if (fixture_leave_out(f, STORE_SQLITE))
		return;
	use_up(f);
	for (int round = 0; round < 3; round++) {
		fixture_close(f);
		fixture_open(f, FIXTURE_NOW_MS);
		for (int i = 0; i < STORE_TARGETS_MAX / 2; i++) {
			char name[32];

			snprintf(name, sizeof(name), "round-%d-%d", round, i);
			(void)target_of(f, name);
		}
	}
}

static enum status forget(struct fixture *f, uint16_t target)
{
	struct store_forget forget = { .target = target };
	enum status status = STATUS_OK;

	for (int i = 0; status == STATUS_OK && !forget.done; i++) {
		assert_true(i < 100);
		status = store_forget(f->store, &forget, &f->err);
	}
	return status;
}

static void test_forget(void **state)
{
	struct fixture *f = *state;
	uint16_t old = target_of(f, "old");
	struct store_new_delivery both[] = { { .target = f->app }, { .target = old } };
	struct store_event event = fixture_event(f, 1, both, 2);
	char sql[96];

	for (int64_t n = 100; n < 150; n++) {
		append_dead(f, n, old, f->source);
		append_dead(f, n + 100, f->app, f->source);
	}
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, append_now(f->store, &event, &f->err));
	MUST(f, store_commit(f->store, &f->err));
	assert_int_equal(forget(f, old), STATUS_FULL);
	assert_int_equal(store_counts(f->store, old).dead, 50);
	{
		struct store_change change = { .kind = STORE_CHANGE_DISCARD,
			.filter = { .target = old, .type = -1, .states = 1U << DELIVERY_WAITING },
			.now_ms = FIXTURE_NOW_MS,
			.count_max = 10,
			.scan_limit = 10000 };

		MUST(f, store_begin(f->store, &f->err));
		MUST(f, store_change(f->store, &change, &f->err));
		MUST(f, store_commit(f->store, &f->err));
	}
	assert_int_equal(forget(f, old), STATUS_OK);
	assert_true(store_name_is_free(store_target_name(f->store, old)));
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM delivery WHERE target = %d", old);
	assert_int_equal(fixture_query(f, sql), 0);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM attempt WHERE target = %d", old);
	assert_int_equal(fixture_query(f, sql), 0);
	assert_int_equal(store_counts(f->store, old).dead, 0);
	/* Nobody else's. */
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM attempt"), 50);
	assert_int_equal(store_counts(f->store, f->app).dead, 50);
	assert_int_equal(store_counts(f->store, f->app).open, 1);
	fixture_recount(f);
	/* The name is one like any other then. */
	assert_int_not_equal(target_of(f, "old"), old);
	assert_int_equal(store_counts(f->store, target_of(f, "old")).dead, 0);
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	fixture_recount(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_numbers_are_used_again),
		CONTRACT_TEST(test_renamed_again_and_again),
		CONTRACT_TEST(test_forget),
	};

	return contract_run("names", tests, ARRAY_COUNT(tests));
}
