/* SPDX-License-Identifier: MIT */
/* Reloads, stops, and a store that fails or has lost its leases. */
#include "delivery_fixture.h"
#include "delivery_loop.h"

enum {
	APP,
	OTHER
};

/* Reloads. */

static void test_a_target_goes_and_returns(void **state)
{
	static const struct {
		const char *name;
		bool is_disabled; /* else it is gone */
		enum target_state meanwhile;
	} cases[] = {
		{ "gone", false, TARGET_UNCONFIGURED },
		{ "disabled", true, TARGET_DISABLED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings both[] = { fixture_target("other"), fixture_target("app") };
		struct target_settings next[] = { both[0], both[1] };
		struct error err;
		struct fixture f;

		fixture_open(&f, both, 2);
		SCRIPT("app", SCRIPT_ANY_TYPE, { .status = 500, .takes_ms = 100 });
		fixture_post_many(&f, 1, SENT, 3);
		fixture_run_until(&f, 50);
		next[1].enabled = false;
		assert_int_equal(
			fixture_reload(&f, next, cases[i].is_disabled ? 2 : 1, &err), STATUS_OK);
		fixture_expect_state(&f, 1, cases[i].meanwhile);
		assert_false(dispatcher_reserve(f.dispatcher, 1, SENT));
		fixture_post(&f, 0, SENT);
		fixture_run_until(&f, 60000);
		/* What was in flight has its answer; nothing else is sent, and nothing is lost. */
		assert_int_equal(fixture_count("app", SCRIPT_ANY_TYPE, 0, 60000), 3);
		assert_int_equal(fixture_rows_in(1, DELIVERY_WAITING), 3);
		assert_int_equal(fixture_rows_in(0, DELIVERY_DELIVERED), 1);
		SCRIPT("app", SCRIPT_ANY_TYPE, { .status = 200 });
		assert_int_equal(fixture_reload(&f, both, 2, &err), STATUS_OK);
		fixture_run_until(&f, 60001);
		fixture_expect_state(&f, 1, TARGET_ACTIVE);
		if (fixture_rows_in(1, DELIVERY_DELIVERED) != 3)
			fail_msg("%s: it does not continue", cases[i].name);
		fixture_close(&f);
	}
}

/* The client of an unchanged target keeps its connections; a changed one gets another, and begins anew. */
static void test_a_target_changes(void **state)
{
	static const struct {
		const char *name;
		bool is_changed;
		struct script_answer answer; /* of the first attempt, before the reload */
		int64_t second_ms; /* the attempt at the event after the reload; -1: none */
	} cases[] = {
		{ "unchanged", false, { .status = 200 }, 500 },
		{ "changed", true, { .status = 200 }, 500 },
		{ "unchanged, with an open breaker", false, { .transport = TRANSPORT_CONNECT },
			10000 },
		{ "changed, with an open breaker", true, { .transport = TRANSPORT_CONNECT }, 500 },
		{ "unchanged, while it backs off", false, { .status = 429, .retry_after_ms = 5000 },
			5000 },
		{ "changed, while it backs off", true, { .status = 429, .retry_after_ms = 5000 },
			500 },
		{ "unchanged, paused by 410", false, { .status = 410 }, -1 },
		{ "changed, paused by 410", true, { .status = 410 }, 500 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings target = fixture_target("app");
		struct target_settings next;
		const struct scripted_attempt *second;
		struct error err;
		struct fixture f;

		target.breaker.failures = 1;
		target.retry.delays_ms[0] = HOUR_MS;
		next = target;
		next.fingerprint += cases[i].is_changed;
		fixture_open(&f, &target, 1);
		SCRIPT("app", SENT, cases[i].answer, { .status = 200 });
		fixture_post(&f, APP, SENT);
		fixture_run_until(&f, 500);
		assert_int_equal(fixture_reload(&f, &next, 1, &err), STATUS_OK);
		fixture_post(&f, APP, DELAYED);
		fixture_run_until(&f, 20000);
		assert_int_equal(scripted_client_targets_count(), 1);
		if (cases[i].second_ms == -1) {
			assert_int_equal(scripted_client_attempts_count(), 1);
			fixture_expect_state(&f, APP, TARGET_PAUSED);
			assert_string_equal(
				fake_store_pause_reason(APP), "the receiver answered 410 Gone");
			fixture_close(&f);
			continue;
		}
		assert_true(scripted_client_attempts_count() >= 2);
		second = scripted_client_attempt(1);
		if (second->at_ms != cases[i].second_ms ||
			(second->client != scripted_client_attempt(0)->client) !=
				cases[i].is_changed)
			fail_msg("%s: at %d", cases[i].name, (int)second->at_ms);
		assert_string_equal(fake_store_pause_reason(APP), "");
		fixture_close(&f);
	}
}

/* The old client of a changed target is closed when its last request is back. */
static void test_what_is_in_flight_outlives_a_reload(void **state)
{
	struct target_settings target = fixture_target("app");
	struct target_settings next = target;
	struct error err;
	struct fixture f;

	(void)state;
	next.fingerprint++;
	fixture_open(&f, &target, 1);
	SCRIPT("app", SCRIPT_ANY_TYPE, { .status = 200, .takes_ms = 1000 });
	fixture_post(&f, APP, SENT);
	fixture_run_until(&f, 500);
	assert_int_equal(fixture_reload(&f, &next, 1, &err), STATUS_OK);
	fixture_run_until(&f, 999);
	assert_int_equal(scripted_client_targets_count(), 2);
	fixture_run_until(&f, 3000);
	assert_int_equal(scripted_client_targets_count(), 1);
	assert_int_equal(fixture_rows_in(APP, DELIVERY_DELIVERED), 1);
	assert_int_equal(scripted_client_attempts_count(), 1);
	fixture_close(&f);
}

static void test_a_reload_that_fails_changes_nothing(void **state)
{
	struct target_settings target = fixture_target("app");
	struct target_settings next[] = { fixture_target("app"), fixture_target("other") };
	static char nowhere[] = "";
	struct error err;
	struct fixture f;

	(void)state;
	next[0].enabled = false;
	next[1].url = nowhere;
	fixture_open(&f, &target, 1);
	assert_int_equal(fixture_reload(&f, next, 2, &err), STATUS_INVALID);
	assert_string_equal(err.text, "target 'other': not a URL that can be used");
	assert_int_equal(scripted_client_targets_count(), 1);
	fixture_post(&f, APP, SENT);
	fixture_run_until(&f, 1);
	assert_int_equal(fixture_rows_in(APP, DELIVERY_DELIVERED), 1);
	fixture_expect_state(&f, OTHER, TARGET_UNCONFIGURED);
	fixture_close(&f);
}

/* Stops. */

static void test_stop(void **state)
{
	static const struct {
		const char *name;
		int64_t takes_ms;
		enum delivery_state in_flight; /* what becomes of these */
		int attempts;                  /* they have then */
		int64_t stopped_ms;            /* when it is over, at the earliest and the latest */
		int64_t stopped_until_ms;
	} cases[] = {
		{ "answered in time", 500, DELIVERY_DELIVERED, 1, 500, 520 },
		{ "cut off", 5000, DELIVERY_WAITING, 1, 1100, 1120 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings target = fixture_target("app");
		struct fixture f;

		target.concurrency = 2;
		fixture_open(&f, &target, 1);
		SCRIPT("app", SCRIPT_ANY_TYPE, { .status = 200, .takes_ms = cases[i].takes_ms });
		fixture_post_many(&f, APP, SENT, 10);
		fixture_run_until(&f, 100);
		fixture_stop(&f, 1000);
		assert_in_range(fake_clock_ms(), cases[i].stopped_ms, cases[i].stopped_until_ms);
		assert_int_equal(scripted_client_attempts_count(), 2);
		for (int64_t event = 1; event <= 10; event++) {
			const struct fake_row *row = fake_store_row(event);
			bool is_started = event <= 2;

			/* What was not started has its attempt back. */
			if (row->state != (is_started ? cases[i].in_flight : DELIVERY_WAITING) ||
				row->attempts != (is_started ? cases[i].attempts : 0) ||
				row->verdicts != 1)
				fail_msg("%s: event %d: state %d, attempts %d, verdicts %d",
					cases[i].name, (int)event, (int)row->state, row->attempts,
					row->verdicts);
		}
		fixture_close(&f);
	}
}

/* What the store hands out while everything ends goes back, too. */
static void test_a_claim_that_comes_during_the_stop(void **state)
{
	struct target_settings target = fixture_target("app");
	struct fixture f;

	(void)state;
	fixture_open(&f, &target, 1);
	fixture_leave(&f, APP, SENT);
	delivery_loop_turn(f.dispatcher); /* the claim is on its way */
	fixture_stop(&f, 1000);
	assert_int_equal(fixture_rows_in(APP, DELIVERY_WAITING), 1);
	assert_int_equal(fake_store_row(1)->verdicts, 1);
	assert_int_equal(fake_store_row(1)->attempts, 0);
	assert_int_equal(scripted_client_attempts_count(), 0);
	fixture_close(&f);
}

/* The store. */

/* A verdict that is not stored yet: its slot stays taken, and the delivery is not sent a second time. */
static void test_a_verdict_waits_until_the_store_has_it(void **state)
{
	struct target_settings target = fixture_target("app");
	struct fixture f;
	int slots;

	(void)state;
	fixture_open(&f, &target, 1);
	slots = atomic_load(&target_table_find(&f.dispatcher->table, APP)->slots_free);
	fixture_post_many(&f, APP, SENT, 3);
	fake_store_fail(true);
	fixture_run_until(&f, 60000);
	assert_int_equal(fake_store_kept_count(), 3);
	assert_int_equal(fixture_rows_in(APP, DELIVERY_LEASED), 3);
	assert_int_equal(
		atomic_load(&target_table_find(&f.dispatcher->table, APP)->slots_free), slots - 3);
	fake_store_fail(false);
	fixture_run_until(&f, 61000);
	assert_int_equal(fixture_rows_in(APP, DELIVERY_DELIVERED), 3);
	assert_int_equal(scripted_client_attempts_count(), 3);
	assert_int_equal(
		atomic_load(&target_table_find(&f.dispatcher->table, APP)->slots_free), slots);
	for (int64_t event = 1; event <= 3; event++)
		assert_int_equal(fake_store_row(event)->verdicts, 1);
	fixture_close(&f);
}

/* A claim that the store refuses is asked for again a second later. */
static void test_a_claim_is_asked_for_again(void **state)
{
	struct target_settings target = fixture_target("app");
	struct fixture f;

	(void)state;
	fixture_open(&f, &target, 1);
	fixture_leave(&f, APP, SENT);
	fake_store_fail(true);
	fixture_run_until(&f, 500);
	fake_store_fail(false);
	fixture_run_until(&f, 5000);
	fixture_expect_times("after the store refused", "app", (const int64_t[]){ 1000, -1 });
	fixture_close(&f);
}

/* Nothing is begun that another process might have taken over before it ends. */
static void test_a_lease_that_is_too_short(void **state)
{
	struct target_settings target = fixture_target("app");
	struct fixture f;

	(void)state;
	fixture_open(&f, &target, 1);
	fake_store_set_lease_until(FAKE_CLOCK_MONOTONIC_START_MS + target.timeout_ms);
	fixture_post(&f, APP, SENT);
	fixture_leave(&f, APP, DELAYED);
	fixture_run_until(&f, 10000);
	assert_int_equal(scripted_client_attempts_count(), 0);
	assert_int_equal(fixture_rows_in(APP, DELIVERY_WAITING), 2);
	fake_store_set_lease_until(INT64_MAX);
	fixture_wake(&f, APP);
	fixture_run_until(&f, 11000);
	assert_int_equal(fixture_rows_in(APP, DELIVERY_DELIVERED), 2);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_target_goes_and_returns),
		cmocka_unit_test(test_a_target_changes),
		cmocka_unit_test(test_what_is_in_flight_outlives_a_reload),
		cmocka_unit_test(test_a_reload_that_fails_changes_nothing),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_a_claim_that_comes_during_the_stop),
		cmocka_unit_test(test_a_verdict_waits_until_the_store_has_it),
		cmocka_unit_test(test_a_claim_is_asked_for_again),
		cmocka_unit_test(test_a_lease_that_is_too_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
