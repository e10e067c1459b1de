/* SPDX-License-Identifier: MIT */
/* What answers make of a target as a whole, and of a type of event: breakers, and the backoff after 429. */
#include "delivery_fixture.h"

#define NO_CONNECTION                                          \
	{                                                      \
		.transport = TRANSPORT_CONNECT, .takes_ms = 10 \
	}

enum {
	ALL_TYPES = SCRIPT_ANY_TYPE,
	EVENTS = 40,
};

/* Three failures open it, for ten seconds at first; what failed is not tried again during the test. */
static struct target_settings breaking_target(void)
{
	struct target_settings target = fixture_target("app");

	target.concurrency = 1;
	target.breaker.failures = 3;
	target.retry.delays_ms[0] = HOUR_MS;
	return target;
}

static int64_t types_failing(struct fixture *f)
{
	return gauge_read(&dispatcher_target_metrics(f->dispatcher, 0)->types_failing);
}

static void test_the_whole_target(void **state)
{
	static const struct {
		const char *name;
		struct script_answer answer; /* with which everything begins */
		enum target_state want;      /* after three of them */
	} cases[] = {
		{ "no connection", { .transport = TRANSPORT_CONNECT }, TARGET_OPEN },
		{ "time-out", { .transport = TRANSPORT_TIMEOUT }, TARGET_OPEN },
		{ "name not found", { .transport = TRANSPORT_DNS }, TARGET_OPEN },
		{ "TLS", { .transport = TRANSPORT_TLS }, TARGET_OPEN },
		{ "502 of a proxy", { .status = 502 }, TARGET_OPEN },
		{ "504 of a proxy", { .status = 504 }, TARGET_OPEN },
		{ "200", { .status = 200 }, TARGET_ACTIVE },
		{ "404 of the only type", { .status = 404 }, TARGET_OPEN },
		{ "an interrupted attempt", { .transport = TRANSPORT_INTERRUPTED }, TARGET_ACTIVE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings target = breaking_target();
		struct fixture f;

		fixture_open(&f, &target, 1);
		scripted_client_answer("app", ALL_TYPES,
			(const struct script_answer[]){ cases[i].answer, cases[i].answer,
				cases[i].answer, { .status = 200 } },
			4);
		fixture_post_many(&f, 0, SENT, 3);
		fixture_run_until(&f, 100);
		if (dispatcher_target_state(f.dispatcher, 0) != cases[i].want)
			fail_msg("%s: %s", cases[i].name,
				target_state_name(dispatcher_target_state(f.dispatcher, 0)));
		fixture_close(&f);
	}
}

/* Only failures in a row count: any answer but a proxy's says that the receiver is there. */
static void test_failures_in_a_row(void **state)
{
	static const struct {
		const char *name;
		struct script_answer between; /* two failures and a third one */
		enum target_state want;
	} cases[] = {
		{ "nothing", { .transport = TRANSPORT_TIMEOUT }, TARGET_OPEN },
		{ "taken", { .status = 200 }, TARGET_ACTIVE },
		{ "refused", { .status = 404 }, TARGET_ACTIVE },
		{ "a failure of the receiver itself", { .status = 500 }, TARGET_ACTIVE },
		{ "no HTTP", { .transport = TRANSPORT_OTHER }, TARGET_ACTIVE },
		{ "no descriptor was free", { .is_unsent = true }, TARGET_OPEN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings target = breaking_target();
		struct fixture f;

		fixture_open(&f, &target, 1);
		SCRIPT("app", ALL_TYPES, { .transport = TRANSPORT_CONNECT },
			{ .transport = TRANSPORT_CONNECT }, cases[i].between,
			{ .transport = TRANSPORT_CONNECT });
		fixture_post_many(&f, 0, SENT, 4);
		fixture_run_until(&f, 2000);
		if (dispatcher_target_state(f.dispatcher, 0) != cases[i].want)
			fail_msg("%s: %s", cases[i].name,
				target_state_name(dispatcher_target_state(f.dispatcher, 0)));
		fixture_close(&f);
	}
}

/* Open for ten seconds; one probe fails, twenty more; the next one is taken. */
static void test_open_half_open_closed(void **state)
{
	struct target_settings target = breaking_target();
	struct fixture f;

	(void)state;
	fixture_open(&f, &target, 1);
	SCRIPT("app", ALL_TYPES, NO_CONNECTION, NO_CONNECTION, NO_CONNECTION, NO_CONNECTION,
		{ .status = 200, .takes_ms = 10 });
	fixture_post_many(&f, 0, SENT, 7);
	fixture_run_until(&f, 10029);
	fixture_expect_times("open", "app", (const int64_t[]){ 0, 10, 20, -1 });
	fixture_expect_state(&f, 0, TARGET_OPEN);
	assert_false(dispatcher_reserve(f.dispatcher, 0, SENT));
	/* What waits for it waits on the disk. */
	assert_int_equal(fixture_rows_in(0, DELIVERY_WAITING), 7);
	fixture_run_until(&f, 10030);
	fixture_expect_times("a probe", "app", (const int64_t[]){ 0, 10, 20, 10030, -1 });
	fixture_expect_state(&f, 0, TARGET_PROBING);
	fixture_run_until(&f, 30039);
	assert_int_equal(scripted_client_attempts_count(), 4);
	fixture_expect_state(&f, 0, TARGET_OPEN);
	fixture_run_until(&f, 31000);
	fixture_expect_times(
		"closed", "app", (const int64_t[]){ 0, 10, 20, 10030, 30040, 30050, 30060, -1 });
	fixture_expect_state(&f, 0, TARGET_ACTIVE);
	assert_true(dispatcher_reserve(f.dispatcher, 0, SENT));
	dispatcher_release(f.dispatcher, 0);
	assert_int_equal(fixture_rows_in(0, DELIVERY_DELIVERED), 3);
	fixture_close(&f);
}

/* One type that the receiver refuses holds up no other. */
static void test_a_type(void **state)
{
	struct target_settings target = breaking_target();
	struct fixture f;

	(void)state;
	fixture_open(&f, &target, 1);
	SCRIPT("app", SENT, { .status = 404 }, { .status = 500 }, { .status = 302 },
		{ .status = 200, .takes_ms = 10 });
	fixture_post_many(&f, 0, SENT, 6);
	fixture_post_many(&f, 0, DELAYED, 6);
	fixture_run_until(&f, 9999);
	assert_int_equal(fixture_count("app", SENT, 0, 9999), 3);
	assert_int_equal(fixture_count("app", DELAYED, 0, 9999), 6);
	assert_int_equal(types_failing(&f), 1 << SENT);
	fixture_expect_state(&f, 0, TARGET_ACTIVE);
	assert_false(dispatcher_reserve(f.dispatcher, 0, SENT));
	assert_true(dispatcher_reserve(f.dispatcher, 0, DELAYED));
	dispatcher_release(f.dispatcher, 0);
	fixture_run_until(&f, 10000);
	assert_int_equal(fixture_count("app", SENT, 10000, 10001), 1);
	fixture_run_until(&f, 11000);
	assert_int_equal(types_failing(&f), 0);
	assert_int_equal(fixture_count("app", SENT, 10000, 11000), 3);
	assert_int_equal(fixture_rows_in(0, DELIVERY_DELIVERED), 9);
	fixture_close(&f);
}

/* After the probe one at a time, then twice as many with each round. */
static void test_a_healed_receiver_is_not_knocked_over(void **state)
{
	struct target_settings target = breaking_target();
	struct fixture f;

	(void)state;
	target.concurrency = 16;
	target.breaker.failures = 1;
	fixture_open(&f, &target, 1);
	SCRIPT("app", ALL_TYPES, { .transport = TRANSPORT_CONNECT },
		{ .status = 200, .takes_ms = 100 });
	fixture_post(&f, 0, SENT);
	fixture_run_until(&f, 1000);
	fixture_post_many(&f, 0, SENT, EVENTS);
	fixture_run_until(&f, 10000);
	for (int round = 0; round < 6; round++) {
		static const int in_flight[] = { 1, 1, 2, 4, 8, 16 };

		assert_int_equal(scripted_client_in_flight("app"), in_flight[round]);
		fixture_run_until(&f, 10000 + 100 * (round + 1));
	}
	fixture_close(&f);
}

/* What is expected, what asks for time and what was never sent say nothing of ill health. */
static void test_what_opens_nothing(void **state)
{
	static const struct {
		const char *name;
		struct script_answer answer;
	} cases[] = {
		{ "given up by its status", { .status = 404 } },
		{ "a proxy's 502, given up by its status", { .status = 502 } },
		{ "429", { .status = 429 } },
		{ "no descriptor was free", { .is_unsent = true } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings target = breaking_target();
		struct fixture f;

		target.breaker.failures = 1;
		target.give_up.statuses[0] = 404;
		target.give_up.statuses[1] = 502;
		target.give_up.statuses_count = 2;
		fixture_open(&f, &target, 1);
		SCRIPT("app", ALL_TYPES, cases[i].answer);
		fixture_post_many(&f, 0, SENT, 3);
		fixture_run_until(&f, 10000);
		if (dispatcher_target_state(f.dispatcher, 0) != TARGET_ACTIVE ||
			types_failing(&f) != 0)
			fail_msg("%s", cases[i].name);
		fixture_close(&f);
	}
}

static void test_backoff(void **state)
{
	static const struct {
		const char *name;
		int64_t retry_after_ms; /* 0: it does not say */
		int64_t until_ms;
	} cases[] = {
		{ "as long as it says", 5000, 5000 },
		{ "a second at least", 0, 1000 },
		{ "a second at least, whatever it says", 10, 1000 },
		{ "no longer than retry_after_max", HOUR_MS, 10000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings targets[] = { breaking_target(), fixture_target("other") };
		struct fixture f;

		fixture_open(&f, targets, 2);
		SCRIPT("app", SENT, { .status = 429, .retry_after_ms = cases[i].retry_after_ms },
			{ .status = 200 });
		fixture_post(&f, 0, SENT);
		fixture_run_until(&f, 1);
		fixture_post_many(&f, 0, SENT, 2);
		fixture_post_many(&f, 0, DELAYED, 2);
		fixture_post_many(&f, 1, SENT, 2);
		fixture_run_until(&f, cases[i].until_ms - 1);
		if (fixture_count("app", ALL_TYPES, 0, HOUR_MS) != 1 ||
			fixture_count("other", ALL_TYPES, 0, HOUR_MS) != 2)
			fail_msg("%s: something was sent meanwhile", cases[i].name);
		fixture_run_until(&f, cases[i].until_ms + 100);
		if (fixture_count("app", ALL_TYPES, cases[i].until_ms, cases[i].until_ms + 1) != 4)
			fail_msg("%s: not sent", cases[i].name);
		fixture_expect_state(&f, 0, TARGET_ACTIVE);
		fixture_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_whole_target),
		cmocka_unit_test(test_failures_in_a_row),
		cmocka_unit_test(test_open_half_open_closed),
		cmocka_unit_test(test_a_type),
		cmocka_unit_test(test_a_healed_receiver_is_not_knocked_over),
		cmocka_unit_test(test_what_opens_nothing),
		cmocka_unit_test(test_backoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
