/* SPDX-License-Identifier: MIT */
/*
 * Steering and repairing: pauses, single events, quarantine.
 */
#include <stdio.h>
#include <string.h>

#include "control_fixture.h"

static void test_pause_and_resume(void **state)
{
	struct fixture *fixture = *state;
	const char *reason;
	json_t *json;

	fixture->view = (struct control_target){ .state = "active" };
	json = fixture_ask(fixture, "POST", "/targets/app/pause", "{\"reason\":\"deploy\"}", 200);
	assert_at(json, "state", "paused");
	assert_at(json, "paused", "true");
	assert_at(json, "reason", "deploy");
	json_decref(json);
	assert_int_equal(fixture->pauses[APP], 1);
	assert_true(store_is_paused(fixture->store, fixture->targets[APP], &reason));
	assert_string_equal(reason, "deploy");
	/* The delivery thread may not have heard of it yet. */
	fixture->view.state = "paused";
	json = fixture_ask(fixture, "POST", "/targets/app/resume", NULL, 200);
	assert_at(json, "state", "active");
	assert_at(json, "paused", "false");
	assert_at(json, "reason", "");
	json_decref(json);
	assert_int_equal(fixture->pauses[APP], 0);
	json = fixture_ask(fixture, "POST", "/targets/gone/pause", NULL, 200);
	assert_at(json, "state", "orphaned");
	assert_at(json, "paused", "true");
	json_decref(json);
	fixture->is_failing = true;
	fixture_do(fixture, "POST", "/targets/other/pause", NULL, 503);
	assert_int_equal(fixture->pauses[OTHER], 0);
}

static const char *state_of(struct fixture *fixture, const char *event, const char *target)
{
	static char result[32];
	json_t *json = fixture_ask(fixture, "GET", event, NULL, 200), *delivery;
	size_t i;

	result[0] = '\0';
	json_array_foreach(json_object_get(json, "deliveries"), i,
		delivery) if (strcmp(fixture_at(delivery, "target"), target) == 0)
		snprintf(result, sizeof(result), "%s", fixture_at(delivery, "state"));
	json_decref(json);
	return result;
}

static void change_with(struct fixture *fixture, const char *event, const char *what,
	const char *body, const char *want)
{
	char target[128];
	json_t *json;

	snprintf(target, sizeof(target), "%s%s", event, what);
	json = fixture_ask(fixture, "POST", target, body, 200);
	assert_at(json, "changed", want);
	json_decref(json);
}

static void change(struct fixture *fixture, const char *event, const char *what, const char *want)
{
	change_with(fixture, event, what, NULL, want);
}

static void test_retry_and_discard_of_an_event(void **state)
{
	struct fixture *fixture = *state;
	char uuid[UUID_TEXT_SIZE], event[64];
	int64_t id = fixture_append(fixture,
		&(struct fixture_event){
			.message_id = "m1@x", .recipient = "a@x", .targets = 7, .is_leased = true },
		uuid);

	snprintf(event, sizeof(event), "/events/%s", uuid);
	fixture_record(fixture, id, APP, DELIVERY_DEAD, 400);
	fixture_record(fixture, id, OTHER, DELIVERY_DELIVERED, 200);
	change(fixture, event, "/retry?target=gone", "0"); /* in flight */
	change(fixture, event, "/retry?target=app", "1");
	assert_string_equal(state_of(fixture, event, "app"), "ready");
	assert_string_equal(state_of(fixture, event, "other"), "delivered");
	assert_int_equal(fixture->looks[APP], 1);
	change(fixture, event, "/discard", "1");
	assert_string_equal(state_of(fixture, event, "app"), "discarded");
	change(fixture, event, "/discard", "0");
	/* What was delivered is sent again only when that is said. */
	change(fixture, event, "/retry?target=other", "0");
	change_with(fixture, event, "/retry", "{\"all\":false}", "1");
	assert_string_equal(state_of(fixture, event, "app"), "ready");
	assert_string_equal(state_of(fixture, event, "other"), "delivered");
	change_with(fixture, event, "/retry", "{\"all\":true}", "2");
	assert_string_equal(state_of(fixture, event, "app"), "ready");
	assert_string_equal(state_of(fixture, event, "other"), "ready");
	assert_string_equal(state_of(fixture, event, "gone"), "inflight");
	assert_int_equal(fixture->looks[OTHER], 1);
	fixture->is_failing = true;
	fixture_do(fixture, "POST", strcat(event, "/retry"), NULL, 503);
}

/* The text of a member of a delivery, valid until the next call. */
static const char *member_of(
	struct fixture *fixture, const char *uuid, const char *target, const char *name)
{
	static char result[UUID_TEXT_SIZE];
	char path[64];
	json_t *json, *delivery;
	size_t i;

	snprintf(path, sizeof(path), "/events/%s", uuid);
	json = fixture_ask(fixture, "GET", path, NULL, 200);
	result[0] = '\0';
	json_array_foreach(json_object_get(json, "deliveries"), i,
		delivery) if (strcmp(fixture_at(delivery, "target"), target) == 0)
		snprintf(result, sizeof(result), "%s", fixture_at(delivery, name));
	json_decref(json);
	return result;
}

/* Each delivery gets a uuid of its own, each time another one, and the event is found by all of them. */
static void test_retry_as_new(void **state)
{
	struct fixture *fixture = *state;
	char own[UUID_TEXT_SIZE], app[UUID_TEXT_SIZE], other[UUID_TEXT_SIZE], event[64];
	int64_t id = fixture_append(fixture,
		&(struct fixture_event){
			.message_id = "m1@x", .recipient = "a@x", .targets = 7, .is_leased = true },
		own);

	snprintf(event, sizeof(event), "/events/%s", own);
	fixture_record(fixture, id, APP, DELIVERY_DEAD, 400);
	fixture_record(fixture, id, OTHER, DELIVERY_DELIVERED, 200);
	assert_string_equal(member_of(fixture, own, "app", "sent_as"), own);
	change_with(fixture, event, "/retry", "{\"as_new\":false}", "1");
	assert_string_equal(member_of(fixture, own, "app", "sent_as"), own);
	change_with(fixture, event, "/retry", "{\"as_new\":true}", "2");
	assert_string_equal(member_of(fixture, own, "other", "state"), "ready");
	assert_string_equal(member_of(fixture, own, "gone", "sent_as"), own); /* in flight */
	snprintf(app, sizeof(app), "%s", member_of(fixture, own, "app", "sent_as"));
	snprintf(other, sizeof(other), "%s", member_of(fixture, own, "other", "sent_as"));
	assert_string_not_equal(app, own);
	assert_string_not_equal(other, own);
	assert_string_not_equal(app, other);
	change_with(fixture, event, "/retry?target=app", "{\"as_new\":true,\"all\":true}", "1");
	assert_string_not_equal(member_of(fixture, own, "app", "sent_as"), app);
	assert_string_equal(member_of(fixture, app, "app", "uuid"), own);
	assert_string_equal(member_of(fixture, other, "app", "uuid"), own);
	assert_string_equal(member_of(fixture, other, "other", "sent_as"), other);
	/* A failure leaves all as it was. */
	snprintf(app, sizeof(app), "%s", member_of(fixture, own, "app", "sent_as"));
	fixture->is_failing = true;
	fixture_do(fixture, "POST", strcat(event, "/retry"), "{\"as_new\":true}", 503);
	assert_string_equal(member_of(fixture, own, "app", "sent_as"), app);
}

static void test_retry_refuses(void **state)
{
	static const struct {
		const char *what, *body;
		int status;
		const char *message;
	} cases[] = {
		{ "/retry?target=nope", NULL, 400, "'nope' is no target here, which are app" },
		{ "/discard?target=nope", NULL, 400, "'nope' is no target here, which are app" },
		{ "/retry?state=dead", NULL, 400, "there is no such parameter here" },
		{ "/retry", "{\"all\":1}", 400, "true or false is expected" },
		{ "/retry", "{\"every\":true}", 400, "there is no such member here" },
		{ "/retry", "{\"as_new\":\"yes\"}", 400, "true or false is expected" },
		{ "/retry", "{\"as_new\":true,\"also\":1}", 400, "there is no such member here" },
		{ "/retry", "[]", 400, "not a JSON object" },
	};
	struct fixture *fixture = *state;
	char uuid[UUID_TEXT_SIZE], target[128];
	json_t *json;

	fixture_append(fixture,
		&(struct fixture_event){ .message_id = "m1@x", .recipient = "a@x", .targets = 1 },
		uuid);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		snprintf(target, sizeof(target), "/events/%s%s", uuid, cases[i].what);
		json = fixture_ask(fixture, "POST", target, cases[i].body, cases[i].status);
		if (strncmp(fixture_at(json, "errors.0.msg"), cases[i].message,
			    strlen(cases[i].message)) != 0)
			fail_msg("row %zu: %s", i, fixture_at(json, "errors.0.msg"));
		json_decref(json);
	}
	json = fixture_ask(fixture, "POST", "/events/xyz/retry", NULL, 404);
	assert_at(json, "errors.0.msg", "not a uuid: 'xyz'");
	json_decref(json);
}

static void test_deliveries_are_counted(void **state)
{
	static const struct {
		const char *query, *want;
	} cases[] = {
		{ "", "60" },
		{ "?state=ready", "60" },
		{ "?state=dead", "0" },
		{ "?target=app&state=ready,waiting,held,dead", "30" },
		{ "?recipient=%3CR1@x%3E", "30" },
		{ "?message_id=m7@x&target=other", "1" },
		{ "?since=1h", "60" },
		{ "?until=1h", "0" },
	};
	struct fixture *fixture = *state;
	char message_id[32], recipient[32], target[128];
	json_t *json;

	for (int i = 0; i < 30; i++) {
		snprintf(message_id, sizeof(message_id), "m%d@x", i);
		snprintf(recipient, sizeof(recipient), "r%d@x", i % 2);
		fixture_append(fixture,
			&(struct fixture_event){
				.message_id = message_id, .recipient = recipient, .targets = 3 },
			NULL);
	}
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		snprintf(target, sizeof(target), "/deliveries/count%s", cases[i].query);
		json = fixture_ask(fixture, "GET", target, NULL, 200);
		if (strcmp(fixture_at(json, "count"), cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].query, fixture_at(json, "count"));
		assert_at(json, "next", "null");
		json_decref(json);
	}
	fixture_do(fixture, "GET", "/deliveries/count?state=alive", NULL, 400);
}

static void test_quarantine_is_listed(void **state)
{
	struct fixture *fixture = *state;
	int64_t first = fixture_quarantine(fixture, "unknown_kind", "{\"a\":1}");
	char target[64];
	json_t *json;

	fixture_quarantine(fixture, "no_id", "{\"b\":\"\xff\"}");
	fixture_quarantine(fixture, "unknown_kind", "{\"a\":1}");
	json = fixture_ask(fixture, "GET", "/quarantine?limit=1", NULL, 200);
	assert_at(json, "quarantine", "1 entries");
	assert_at(json, "quarantine.0.reason", "no_id");
	assert_at(json, "quarantine.0.raw", "nothing there");
	snprintf(target, sizeof(target), "/quarantine?cursor=%s", fixture_at(json, "next"));
	json_decref(json);
	json = fixture_ask(fixture, "GET", target, NULL, 200);
	assert_at(json, "quarantine", "1 entries");
	assert_at(json, "quarantine.0.seen", "2");
	assert_at(json, "quarantine.0.size", "7");
	assert_at(json, "quarantine.0.source", "bizmail");
	assert_at(json, "next", "null");
	json_decref(json);
	snprintf(target, sizeof(target), "/quarantine/%d", (int)first);
	json = fixture_ask(fixture, "GET", target, NULL, 200);
	assert_at(json, "raw", "{\"a\":1}");
	assert_at(json, "content_type", "application/json");
	json_decref(json);
}

#define GOOD(id) \
	"{\"event\":\"delivered\",\"id\":\"" id "\",\"recipient\":\"a@x\",\"time\":1713100000}"

static void replay(struct fixture *fixture, int64_t id, const char *status, const char *message_id)
{
	char target[64];
	json_t *json;

	snprintf(target, sizeof(target), "/quarantine/%d/replay", (int)id);
	json = fixture_ask(fixture, "POST", target, NULL, 200);
	assert_at(json, "status", status);
	assert_at(json, "message_id", message_id);
	json_decref(json);
}

static void test_quarantine_is_replayed(void **state)
{
	struct fixture *fixture = *state;
	int64_t good = fixture_quarantine(fixture, "no_id", GOOD("m1@x"));
	int64_t bad = fixture_quarantine(fixture, "no_id", "{\"event\":\"delivered\"}");
	char target[64];
	json_t *json;

	replay(fixture, good, "accepted", "m1@x");
	assert_int_equal(fixture->looks[APP], 1);
	assert_int_equal(fixture->looks[OTHER], 0);
	snprintf(target, sizeof(target), "/quarantine/%d/replay", (int)good);
	fixture_do(fixture, "POST", target, NULL, 404);
	replay(fixture, bad, "quarantined", "");
	json = fixture_ask(fixture, "GET", "/deliveries?message_id=m1@x", NULL, 200);
	assert_at(json, "deliveries", "1 entries");
	assert_at(json, "deliveries.0.target", "app");
	assert_at(json, "deliveries.0.state", "ready");
	json_decref(json);
	good = fixture_quarantine(fixture, "no_id", GOOD("m1@x"));
	replay(fixture, good, "duplicate", "m1@x");
	assert_int_equal(store_quarantine_count(fixture->store), 1);
}

static void test_a_source_that_is_gone_stays_in_quarantine(void **state)
{
	struct fixture *fixture = *state;
	int64_t id = fixture_quarantine(fixture, "no_id", GOOD("m1@x"));

	fixture->snapshot.rules.sources_count = 0;
	replay(fixture, id, "quarantined", "");
	assert_int_equal(store_quarantine_count(fixture->store), 1);
}

static void test_all_of_the_quarantine(void **state)
{
	struct fixture *fixture = *state;
	char raw[128];
	json_t *json;

	for (int i = 0; i < 100; i++) {
		snprintf(raw, sizeof(raw),
			i % 10 == 0 ? "{\"broken\":%d}"
				    : "{\"event\":\"delivered\",\"id\":\"m%d@x\",\"recipient\":"
				      "\"a@x\"}",
			i);
		fixture_quarantine(fixture, "no_id", raw);
	}
	json = fixture_ask(fixture, "POST", "/quarantine/replay", "{\"all\":true}", 200);
	assert_at(json, "replayed", "90");
	assert_at(json, "still_quarantined", "10");
	json_decref(json);
	assert_int_equal(store_counts(fixture->store, fixture->targets[APP]).open, 90);
	fixture->is_failing = true;
	fixture_do(fixture, "POST", "/quarantine/discard", "{\"all\":true}", 503);
	fixture->is_failing = false;
	json = fixture_ask(fixture, "POST", "/quarantine/discard", "{\"all\":true}", 200);
	assert_at(json, "discarded", "10");
	json_decref(json);
	assert_int_equal(store_quarantine_count(fixture->store), 0);
}

static void test_a_full_backlog_refuses_a_replay(void **state)
{
	struct fixture *fixture = *state;
	char message_id[32], target[64];
	int64_t id = fixture_quarantine(fixture, "no_id", GOOD("last@x"));

	for (int i = 0; i < (int)fixture->settings.max_backlog; i++) {
		snprintf(message_id, sizeof(message_id), "m%d@x", i);
		fixture_append(fixture,
			&(struct fixture_event){
				.message_id = message_id, .recipient = "a@x", .targets = 1 },
			NULL);
	}
	snprintf(target, sizeof(target), "/quarantine/%d/replay", (int)id);
	fixture_do(fixture, "POST", target, NULL, 503);
	assert_int_equal(store_quarantine_count(fixture->store), 1);
	snprintf(target, sizeof(target), "/quarantine/%d/discard", (int)id);
	fixture_do(fixture, "POST", target, NULL, 200);
	fixture_do(fixture, "POST", target, NULL, 404);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTROL_TEST(test_pause_and_resume),
		CONTROL_TEST(test_retry_and_discard_of_an_event),
		CONTROL_TEST(test_retry_as_new),
		CONTROL_TEST(test_retry_refuses),
		CONTROL_TEST(test_deliveries_are_counted),
		CONTROL_TEST(test_quarantine_is_listed),
		CONTROL_TEST(test_quarantine_is_replayed),
		CONTROL_TEST(test_a_source_that_is_gone_stays_in_quarantine),
		CONTROL_TEST(test_all_of_the_quarantine),
		CONTROL_TEST(test_a_full_backlog_refuses_a_replay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
