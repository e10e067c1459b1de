/* SPDX-License-Identifier: MIT */
/* What becomes of one delivery: when it is attempted, how often, and how it ends. */
#include <string.h>

#include "delivery_fixture.h"
#include "repostal/translate.h"

enum {
	TIMES_MAX = 8,
};

#define ANSWER(code)             \
	{                        \
		.status = (code) \
	}
#define FAILURE(kind)               \
	{                           \
		.transport = (kind) \
	}

static void test_what_is_posted(void **state)
{
	static const struct {
		const char *name;
		struct script_answer answers[3]; /* the last is repeated */
		size_t answers_count;
		int64_t times_ms[TIMES_MAX];
		enum delivery_state want;
		int attempts; /* that the store counts in the end */
		int counted;  /* that the metrics do */
		enum transport transport;
	} cases[] = {
		{ "taken at once", { ANSWER(200) }, 1, { 0, -1 }, DELIVERY_DELIVERED, 1, 1,
			TRANSPORT_OK },
		{ "204 is taken", { ANSWER(204) }, 1, { 0, -1 }, DELIVERY_DELIVERED, 1, 1,
			TRANSPORT_OK },
		{ "taken at the third attempt", { ANSWER(500), ANSWER(500), ANSWER(200) }, 3,
			{ 0, 1000, 6000, -1 }, DELIVERY_DELIVERED, 3, 3, TRANSPORT_OK },
		{ "never taken", { ANSWER(500) }, 1, { 0, 1000, 6000, -1 }, DELIVERY_DEAD, 3, 3,
			TRANSPORT_OK },
		{ "redirects are not followed", { ANSWER(302) }, 1, { 0, 1000, 6000, -1 },
			DELIVERY_DEAD, 3, 3, TRANSPORT_OK },
		{ "no connection, then taken", { FAILURE(TRANSPORT_CONNECT), ANSWER(200) }, 2,
			{ 0, 1000, -1 }, DELIVERY_DELIVERED, 2, 2, TRANSPORT_OK },
		{ "the wait begins with the answer",
			{ { .transport = TRANSPORT_TIMEOUT, .takes_ms = 5000 }, ANSWER(200) }, 2,
			{ 0, 6000, -1 }, DELIVERY_DELIVERED, 2, 2, TRANSPORT_OK },
		{ "503 asks for more time",
			{ { .status = 503, .retry_after_ms = 3000 }, ANSWER(200) }, 2,
			{ 0, 3000, -1 }, DELIVERY_DELIVERED, 2, 2, TRANSPORT_OK },
		{ "503 asks for less", { { .status = 503, .retry_after_ms = 10 }, ANSWER(200) }, 2,
			{ 0, 1000, -1 }, DELIVERY_DELIVERED, 2, 2, TRANSPORT_OK },
		{ "503 asks for too much",
			{ { .status = 503, .retry_after_ms = HOUR_MS }, ANSWER(200) }, 2,
			{ 0, 10000, -1 }, DELIVERY_DELIVERED, 2, 2, TRANSPORT_OK },
		{ "500 may not ask", { { .status = 500, .retry_after_ms = 3000 }, ANSWER(200) }, 2,
			{ 0, 1000, -1 }, DELIVERY_DELIVERED, 2, 2, TRANSPORT_OK },
		{ "no descriptor was free", { { .is_unsent = true }, ANSWER(200) }, 2,
			{ 0, 1000, -1 }, DELIVERY_DELIVERED, 1, 1, TRANSPORT_OK },
		{ "410 is no attempt, and pauses", { ANSWER(410) }, 1, { 0, -1 }, DELIVERY_WAITING,
			0, 1, TRANSPORT_OK },
		{ "given up by its status", { ANSWER(404) }, 1, { 0, -1 }, DELIVERY_DEAD, 1, 1,
			TRANSPORT_GIVEN_UP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings target = fixture_target("app");
		struct fixture f;
		const struct fake_row *row;

		target.give_up.statuses[0] = 404;
		target.give_up.statuses_count = 1;
		fixture_open(&f, &target, 1);
		scripted_client_answer(
			"app", SCRIPT_ANY_TYPE, cases[i].answers, cases[i].answers_count);
		row = fake_store_row(fixture_post(&f, 0, SENT));
		fixture_run_until(&f, HOUR_MS / 10);
		fixture_expect_times(cases[i].name, "app", cases[i].times_ms);
		if (row->state != cases[i].want || row->attempts != cases[i].attempts ||
			fixture_attempts_counted(&f, 0) != cases[i].counted ||
			row->transport != (int)cases[i].transport)
			fail_msg("%s: state %d, attempts %d, counted %d, transport %d",
				cases[i].name, (int)row->state, row->attempts,
				(int)fixture_attempts_counted(&f, 0), row->transport);
		fixture_close(&f);
	}
}

/* A crash between the start of an attempt and its verdict costs attempts, but never without end. */
static void test_what_crashes_left(void **state)
{
	static const struct {
		const char *name;
		int attempts; /* counted, and never answered */
		int64_t times_ms[TIMES_MAX];
		enum delivery_state want;
		const char *answer;
	} cases[] = {
		{ "none yet", 0, { 0, -1 }, DELIVERY_DELIVERED, "" },
		{ "as many as the schedule has", 3, { 0, -1 }, DELIVERY_DELIVERED, "" },
		{ "two more than the schedule has", 5, { 0, -1 }, DELIVERY_DELIVERED, "" },
		{ "three more", 6, { -1 }, DELIVERY_DEAD, "interrupted too often" },
		{ "many more", 100, { -1 }, DELIVERY_DEAD, "interrupted too often" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings target = fixture_target("app");
		struct fixture f;
		struct fake_row *row;

		fixture_open(&f, &target, 1);
		row = fixture_leave(&f, 0, SENT);
		row->attempts = cases[i].attempts;
		fixture_run_until(&f, 10000);
		fixture_expect_times(cases[i].name, "app", cases[i].times_ms);
		if (row->state != cases[i].want || strcmp(row->answer, cases[i].answer) != 0)
			fail_msg("%s: state %d, '%s'", cases[i].name, (int)row->state, row->answer);
		fixture_close(&f);
	}
}

static void test_too_old(void **state)
{
	static const struct {
		const char *name;
		int64_t age_ms;
		bool is_replay;
		int as_new;
		bool is_left; /* on the disk, else it is posted */
		enum delivery_state want;
	} cases[] = {
		{ "young enough", HOUR_MS - 1000, false, 0, true, DELIVERY_DELIVERED },
		{ "too old", HOUR_MS, false, 0, true, DELIVERY_DEAD },
		{ "too old, from memory", HOUR_MS, false, 0, false, DELIVERY_DEAD },
		{ "an operator wants it all the same", HOUR_MS, true, 0, true, DELIVERY_DELIVERED },
		{ "and as new", HOUR_MS, false, 1, true, DELIVERY_DELIVERED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct target_settings target = fixture_target("app");
		struct fixture f;
		struct fake_row *row;

		target.give_up.age_ms = HOUR_MS;
		fixture_open(&f, &target, 1);
		f.event_age_ms = cases[i].age_ms;
		if (cases[i].is_left)
			row = fixture_leave(&f, 0, SENT);
		else
			row = fake_store_row(fixture_post(&f, 0, SENT));
		row->is_replay = cases[i].is_replay;
		row->as_new = cases[i].as_new;
		fixture_run_until(&f, 500);
		if (row->state != cases[i].want ||
			(cases[i].want == DELIVERY_DEAD) !=
				(row->transport == TRANSPORT_GIVEN_UP) ||
			(cases[i].want == DELIVERY_DEAD) == (scripted_client_attempts_count() > 0))
			fail_msg("%s: state %d, transport %d", cases[i].name, (int)row->state,
				row->transport);
		fixture_close(&f);
	}
}

/* The uuid of each attempt at the one delivery that there is, made twice: it fails first. */
static void uuid_as_new(int number, char uuid[UUID_TEXT_SIZE])
{
	struct target_settings target = fixture_target("app");
	struct fixture f;

	fixture_open(&f, &target, 1);
	SCRIPT("app", SCRIPT_ANY_TYPE, { .status = 500 }, { .status = 200 });
	fixture_leave(&f, 0, SENT)->as_new = number;
	fixture_run_until(&f, 10000);
	assert_int_equal(scripted_client_attempts_count(), 2);
	memcpy(uuid, scripted_client_attempt(0)->uuid, UUID_TEXT_SIZE);
	assert_string_equal(scripted_client_attempt(1)->uuid, uuid);
	fixture_close(&f);
}

static void test_as_new(void **state)
{
	char uuids[3][UUID_TEXT_SIZE], again[UUID_TEXT_SIZE], expected[UUID_TEXT_SIZE];
	struct uuid own, other;

	(void)state;
	for (int number = 0; number < 3; number++)
		uuid_as_new(number, uuids[number]);
	assert_true(uuid_parse(slice_text(uuids[0]), &own));
	for (int number = 0; number < 3; number++) {
		other = event_uuid_as_new(&own, SLICE_LITERAL("app"), number);
		uuid_format(&other, expected);
		assert_string_equal(uuids[number], expected);
	}
	assert_string_not_equal(uuids[0], uuids[1]);
	assert_string_not_equal(uuids[1], uuids[2]);
	/* The same after a restart. */
	uuid_as_new(1, again);
	assert_string_equal(again, uuids[1]);
}

static void test_what_cannot_be_translated_any_more(void **state)
{
	struct target_settings target = fixture_target("app");
	struct fixture f;
	struct fake_row *row, *next;

	(void)state;
	fixture_open(&f, &target, 1);
	row = fixture_leave(&f, 0, SENT);
	row->is_untranslatable = true;
	next = fixture_leave(&f, 0, SENT);
	fixture_run_until(&f, 1000);
	assert_int_equal(row->state, DELIVERY_DEAD);
	assert_string_equal(row->answer, "cannot be translated any more: unparseable");
	assert_int_equal(next->state, DELIVERY_DELIVERED);
	assert_int_equal(scripted_client_attempts_count(), 1);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_posted),
		cmocka_unit_test(test_what_crashes_left),
		cmocka_unit_test(test_too_old),
		cmocka_unit_test(test_as_new),
		cmocka_unit_test(test_what_cannot_be_translated_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
