/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "control_fixture.h"
#include "repostal/clock.h"

enum {
	PATIENCE_MS = 20000
};

static void append_many(struct fixture *fixture, int count, int first)
{
	char message_id[32], recipient[32];

	for (int i = first; i < first + count; i++) {
		snprintf(message_id, sizeof(message_id), "m%d@x", i);
		snprintf(recipient, sizeof(recipient), "r%d@x", i % 2);
		fixture_append(fixture,
			&(struct fixture_event){
				.message_id = message_id, .recipient = recipient, .targets = 3 },
			NULL);
	}
}

static json_t *post(struct fixture *fixture, const char *body, char id_out[16])
{
	json_t *json = fixture_ask(fixture, "POST", "/jobs", body, 202);

	snprintf(id_out, 16, "%s", fixture_at(json, "id"));
	assert_at(json, "state", "running");
	assert_at(json, "finished", "null");
	return json;
}

static json_t *await(struct fixture *fixture, const char *id)
{
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	char target[64];
	json_t *json;

	snprintf(target, sizeof(target), "/jobs/%s", id);
	while (clock_monotonic_ms() < deadline_ms) {
		json = fixture_ask(fixture, "GET", target, NULL, 200);
		if (strcmp(fixture_at(json, "state"), "running") != 0)
			return json;
		json_decref(json);
		poll(NULL, 0, 2);
	}
	fail_msg("job %s does not end", id);
	return NULL;
}

static int64_t count_of(struct fixture *fixture, const char *query)
{
	char target[128];
	json_t *json;
	int64_t count;

	snprintf(target, sizeof(target), "/deliveries?limit=200&%s", query);
	json = fixture_ask(fixture, "GET", target, NULL, 200);
	count = (int64_t)json_array_size(json_object_get(json, "deliveries"));
	json_decref(json);
	return count;
}

static void run(struct fixture *fixture, const char *body, const char *changed)
{
	char id[16];
	json_t *json;

	json_decref(post(fixture, body, id));
	json = await(fixture, id);
	assert_at(json, "state", "done");
	assert_at(json, "changed", changed);
	assert_at(json, "error", "null");
	json_decref(json);
}

static void test_jobs_change_what_is_meant(void **state)
{
	struct fixture *fixture = *state;

	append_many(fixture, 60, 0);
	run(fixture, "{\"action\":\"discard\",\"message_id\":\"M7@x\"}", "2");
	assert_int_equal(count_of(fixture, "state=discarded"), 2);
	run(fixture, "{\"action\":\"discard\",\"recipient\":\"r1@x\",\"target\":\"app\"}", "29");
	assert_int_equal(count_of(fixture, "state=discarded"), 31);
	/* What nobody names is left alone. */
	run(fixture, "{\"action\":\"retry\",\"all\":true}", "89");
	assert_int_equal(count_of(fixture, "state=discarded"), 31);
	run(fixture, "{\"action\":\"retry\",\"state\":\"discarded\",\"target\":\"other\"}", "1");
	run(fixture, "{\"action\":\"retry\",\"state\":\"discarded\"}", "30");
	assert_int_equal(count_of(fixture, "state=ready"), 120);
	run(fixture, "{\"action\":\"discard\",\"state\":\"waiting\"}", "0");
	run(fixture, "{\"action\":\"discard\",\"state\":\"ready\",\"target\":\"app\"}", "60");
	run(fixture, "{\"action\":\"discard\",\"event\":\"MessageHeld\"}", "0");
	run(fixture, "{\"action\":\"discard\",\"until\":\"1h\"}", "0");
	run(fixture, "{\"action\":\"discard\",\"since\":\"1h\",\"rate\":\"100000/s\"}", "60");
	assert_true(fixture->looks[APP] > 0);
}

static void test_a_job_is_cancelled(void **state)
{
	struct fixture *fixture = *state;
	char first[16], second[16], target[64];
	json_t *json;

	append_many(fixture, 20, 0);
	json_decref(post(fixture, "{\"action\":\"discard\",\"all\":true,\"rate\":\"1/h\"}", first));
	json_decref(post(
		fixture, "{\"action\":\"discard\",\"target\":\"app\",\"since\":\"2h\"}", second));
	json = fixture_ask(fixture, "GET", "/jobs", NULL, 200);
	assert_at(json, "jobs", "2 entries");
	assert_at(json, "jobs.0.id", second);
	assert_at(json, "jobs.0.filter.target", "app");
	assert_at(json, "jobs.0.filter.since", "2h");
	assert_int_equal(json_object_size(json_object_get(
				 json_array_get(json_object_get(json, "jobs"), 1), "filter")),
		0);
	assert_at(json, "jobs.0.started", "null");
	json_decref(json);
	snprintf(target, sizeof(target), "/jobs/%s", second);
	json = fixture_ask(fixture, "DELETE", target, NULL, 200);
	assert_at(json, "state", "cancelled");
	json_decref(json);
	snprintf(target, sizeof(target), "/jobs/%s", first);
	fixture_do(fixture, "DELETE", target, NULL, 200);
	json = await(fixture, first);
	assert_at(json, "state", "cancelled");
	json_decref(json);
	fixture_do(fixture, "DELETE", target, NULL, 200);
	assert_true(count_of(fixture, "state=discarded") <= 1);
}

static void test_a_job_keeps_its_rate(void **state)
{
	struct fixture *fixture = *state;
	int64_t begin_ms = clock_monotonic_ms();

	append_many(fixture, 20, 0);
	run(fixture, "{\"action\":\"discard\",\"all\":true,\"rate\":\"100/s\"}", "40");
	assert_in_range(clock_monotonic_ms() - begin_ms, 380, PATIENCE_MS);
}

static void test_a_job_fails_and_says_why(void **state)
{
	struct fixture *fixture = *state;
	char id[16];
	json_t *json;

	append_many(fixture, 1, 0);
	fixture->is_failing = true;
	json_decref(post(fixture, "{\"action\":\"retry\",\"all\":true}", id));
	json = await(fixture, id);
	assert_at(json, "state", "failed");
	assert_at(json, "error", "the disk is full");
	json_decref(json);
}

static void test_a_hundred_jobs_are_remembered(void **state)
{
	struct fixture *fixture = *state;
	char id[16];
	json_t *json;

	for (int i = 0; i < 101; i++) {
		json_decref(post(fixture, "{\"action\":\"retry\",\"all\":true}", id));
		json_decref(await(fixture, id));
	}
	json = fixture_ask(fixture, "GET", "/jobs", NULL, 200);
	assert_at(json, "jobs", "100 entries");
	assert_at(json, "jobs.0.id", "101");
	json_decref(json);
	fixture_do(fixture, "GET", "/jobs/1", NULL, 404);
	append_many(fixture, 20, 0);
	for (int i = 0; i < 100; i++)
		json_decref(
			post(fixture, "{\"action\":\"retry\",\"all\":true,\"rate\":\"1/h\"}", id));
	fixture_do(fixture, "POST", "/jobs", "{\"action\":\"retry\",\"all\":true}", 503);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTROL_TEST(test_jobs_change_what_is_meant),
		CONTROL_TEST(test_a_job_is_cancelled),
		CONTROL_TEST(test_a_job_keeps_its_rate),
		CONTROL_TEST(test_a_job_fails_and_says_why),
		CONTROL_TEST(test_a_hundred_jobs_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
