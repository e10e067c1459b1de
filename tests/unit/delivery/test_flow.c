/* SPDX-License-Identifier: MIT */
/* How much goes out at once: pauses, rates, slots, and places in flight that targets share. */
#include <sys/resource.h>

#include "delivery_fixture.h"

enum {
	SLOTS = 256, /* of one target alone */
	PLACES = 8,  /* as few as there can be */
	BACKLOG = 1500,
};

static void test_pause(void **state)
{
	struct target_settings targets[] = { fixture_target("app"), fixture_target("other") };
	struct fixture f;

	(void)state;
	fixture_open(&f, targets, 2);
	SCRIPT("app", SCRIPT_ANY_TYPE, { .status = 200, .takes_ms = 100 });
	fixture_post(&f, 0, SENT);
	fixture_run_until(&f, 1);
	dispatcher_pause(f.dispatcher, 0, true);
	fixture_run_until(&f, 2);
	fixture_expect_state(&f, 0, TARGET_PAUSED);
	assert_false(dispatcher_reserve(f.dispatcher, 0, SENT));
	fixture_post_many(&f, 0, SENT, 3);
	fixture_post_many(&f, 1, SENT, 3);
	fixture_run_until(&f, 60000);
	/* What was in flight came to its end, and the other target continues. */
	assert_int_equal(fixture_rows_in(0, DELIVERY_DELIVERED), 1);
	assert_int_equal(fixture_rows_in(1, DELIVERY_DELIVERED), 3);
	assert_int_equal(fixture_rows_in(0, DELIVERY_WAITING), 3);
	dispatcher_pause(f.dispatcher, 0, false);
	fixture_run_until(&f, 60001);
	fixture_expect_state(&f, 0, TARGET_ACTIVE);
	assert_int_equal(scripted_client_in_flight("app"), 3);
	fixture_close(&f);
}

/* A resume also ends what a breaker or a 429 holds back. */
static void test_resume_begins_anew(void **state)
{
	static const struct {
		const char *name;
		struct script_answer answer;
	} cases[] = {
		{ "a breaker is open", { .transport = TRANSPORT_CONNECT } },
		{ "a type's breaker is open", { .status = 404 } },
		{ "the receiver asked for time", { .status = 429, .retry_after_ms = 9000 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings target = fixture_target("app");
		struct fixture f;

		target.breaker.failures = 1;
		fixture_open(&f, &target, 1);
		SCRIPT("app", SCRIPT_ANY_TYPE, cases[i].answer, { .status = 200 });
		fixture_post(&f, 0, SENT);
		fixture_run_until(&f, 500);
		fixture_post(&f, 0, SENT);
		dispatcher_pause(f.dispatcher, 0, true);
		dispatcher_pause(f.dispatcher, 0, false);
		fixture_run_until(&f, 501);
		fixture_expect_times(cases[i].name, "app", (const int64_t[]){ 0, 500, -1 });
		fixture_close(&f);
	}
}

static void test_rate(void **state)
{
	static const struct {
		const char *name;
		double per_second;
		int events;
		int64_t times_ms[8];
	} cases[] = {
		{ "two a second", 2, 5, { 0, 0, 500, 1000, 1500, -1 } },
		{ "one in four seconds", 0.25, 3, { 0, 4000, 8000, -1 } },
		{ "no limit", 0, 4, { 0, 0, 0, 0, -1 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings target = fixture_target("app");
		struct fixture f;

		target.rate_per_second = cases[i].per_second;
		fixture_open(&f, &target, 1);
		fixture_post_many(&f, 0, SENT, cases[i].events);
		fixture_run_until(&f, 20000);
		/* A turn comes a millisecond after its token at most. */
		for (size_t n = 0; n < scripted_client_attempts_count(); n++) {
			int64_t late_ms = scripted_client_attempt(n)->at_ms - cases[i].times_ms[n];

			if (cases[i].times_ms[n] == -1 || late_ms < 0 || late_ms > (int64_t)n)
				fail_msg("%s: attempt %zu at %d", cases[i].name, n + 1,
					(int)scripted_client_attempt(n)->at_ms);
		}
		assert_int_equal(scripted_client_attempts_count(), cases[i].events);
		fixture_close(&f);
	}
}

/* Memory does not grow with the backlog: beyond its slots everything of a target waits on the disk. */
static void test_slots(void **state)
{
	struct target_settings target = fixture_target("app");
	struct fixture f;

	(void)state;
	fixture_open(&f, &target, 1);
	SCRIPT("app", SCRIPT_ANY_TYPE, { .status = 200, .takes_ms = 1000 });
	for (int i = 0; i < SLOTS; i++)
		fixture_post(&f, 0, SENT);
	assert_false(dispatcher_reserve(f.dispatcher, 0, SENT));
	assert_int_equal(fixture_rows_in(0, DELIVERY_LEASED), SLOTS);
	fixture_post_many(&f, 0, SENT, SLOTS);
	fixture_run_until(&f, 500);
	/* From the disk it takes what keeps it busy, and no more. */
	assert_in_range(fixture_rows_in(0, DELIVERY_LEASED), SLOTS + 1, SLOTS + 4 * 8);
	fixture_run_until(&f, 1100);
	assert_true(dispatcher_reserve(f.dispatcher, 0, SENT));
	dispatcher_release(f.dispatcher, 0);
	fixture_run_until(&f, 2 * SLOTS / 8 * 1000 + 1000);
	assert_int_equal(fixture_rows_in(0, DELIVERY_DELIVERED), 2 * SLOTS);
	assert_int_equal(scripted_client_attempts_count(), 2 * SLOTS);
	fixture_close(&f);
}

/* More than may be held at a time comes from the disk in portions, to its end. */
static void test_a_backlog(void **state)
{
	struct target_settings target = fixture_target("app");
	struct fixture f;

	(void)state;
	fixture_open(&f, &target, 1);
	for (int i = 0; i < BACKLOG; i++)
		fixture_leave(&f, 0, (uint8_t)(i % 3));
	fixture_run_until(&f, 100);
	assert_int_equal(fixture_rows_in(0, DELIVERY_DELIVERED), BACKLOG);
	assert_int_equal(scripted_client_attempts_count(), BACKLOG);
	fixture_close(&f);
}

/* First attempts before retries, but for a share of what may be in flight. */
static void test_retries_have_a_share(void **state)
{
	static const struct {
		const char *name;
		double share;
		int want; /* retries among the eight in flight */
	} cases[] = {
		{ "a quarter", 0.25, 2 },
		{ "none: one all the same", 0, 1 },
		{ "all", 1, 8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings target = fixture_target("app");
		struct fixture f;
		int retries = 0;

		target.retry_share = cases[i].share;
		fixture_open(&f, &target, 1);
		SCRIPT("app", SCRIPT_ANY_TYPE, { .status = 200, .takes_ms = 100 });
		for (int n = 0; n < 16; n++)
			fixture_leave(&f, 0, SENT)->attempts = 1;
		fixture_post_many(&f, 0, SENT, 16);
		fixture_run_until(&f, 100);
		/* Eight new ones were faster than the disk; now there is a choice. */
		assert_int_equal(fixture_count("app", SENT, 100, 101), 8);
		for (size_t n = 8; n < 16; n++)
			retries += scripted_client_attempt(n)->number > 1;
		if (retries != cases[i].want)
			fail_msg("%s: %d retries", cases[i].name, retries);
		fixture_close(&f);
	}
}

static int most_in_flight;

static void note_in_flight(const struct scripted_attempt *attempt)
{
	int count = scripted_client_in_flight(NULL);

	(void)attempt;
	if (count > most_in_flight)
		most_in_flight = count;
}

/* A slow target has what no other wants; one that comes later gets its own at once, and its turns. */
static void test_places_are_shared_out_in_turn(void **state)
{
	struct target_settings targets[] = { fixture_target("slow"), fixture_target("app") };
	struct rlimit limit, few;
	struct fixture f;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = (struct rlimit){ .rlim_cur = 64 + 4 * PLACES, .rlim_max = limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	most_in_flight = 0;
	fixture_open(&f, targets, 2);
	scripted_client_watch(note_in_flight, fake_store_commit);
	SCRIPT("slow", SCRIPT_ANY_TYPE, { .status = 200, .takes_ms = 10000 });
	SCRIPT("app", SCRIPT_ANY_TYPE, { .status = 200, .takes_ms = 1000 });
	fixture_post_many(&f, 0, SENT, 100);
	fixture_run_until(&f, 1);
	/* Two of eight are guaranteed to the other one. */
	assert_int_equal(scripted_client_in_flight("slow"), PLACES - 2);
	fixture_post_many(&f, 1, SENT, 100);
	fixture_run_until(&f, 2);
	assert_int_equal(scripted_client_in_flight("app"), 2);
	/* What the slow one gives back goes to both in turn, so that the fast one has several times its share. */
	fixture_run_until(&f, 60000);
	assert_true(fixture_count("slow", SCRIPT_ANY_TYPE, 10001, 60000) >= 2 * 4);
	assert_true(fixture_count("app", SCRIPT_ANY_TYPE, 0, 60000) == 100);
	assert_int_equal(most_in_flight, PLACES);
	fixture_close(&f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Types within a target take turns, too: a burst of one does not hold up the others. */
static void test_types_take_turns(void **state)
{
	struct target_settings target = fixture_target("app");
	struct fixture f;

	(void)state;
	target.concurrency = 2;
	fixture_open(&f, &target, 1);
	SCRIPT("app", SCRIPT_ANY_TYPE, { .status = 200, .takes_ms = 10 });
	fixture_post_many(&f, 0, SENT, 50);
	fixture_post_many(&f, 0, DELAYED, 5);
	fixture_run_until(&f, 50);
	assert_int_equal(fixture_count("app", DELAYED, 0, 50), 5);
	assert_int_equal(fixture_count("app", SENT, 0, 50), 5);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_resume_begins_anew),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_a_backlog),
		cmocka_unit_test(test_retries_have_a_share),
		cmocka_unit_test(test_places_are_shared_out_in_turn),
		cmocka_unit_test(test_types_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
