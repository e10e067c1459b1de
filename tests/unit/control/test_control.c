/* SPDX-License-Identifier: MIT */
/*
 * Looking: routes, refusals, lists, events and messages.
 */
#include <stdio.h>
#include <string.h>

#include "control_fixture.h"
#include "repostal/search_key.h"

static const struct {
	const char *method, *target, *body;
	int status;
	const char *param;
} refusals[] = {
	{ "GET", "", NULL, 404, "path" },
	{ "GET", "/", NULL, 404, "path" },
	{ "GET", "/nothing", NULL, 404, "path" },
	{ "GET", "/stats/", NULL, 404, "path" },
	{ "GET", "/targets//pause", NULL, 404, "path" },
	{ "GET", "/jobs/one", NULL, 404, "path" },
	{ "POST", "/stats", NULL, 405, "method" },
	{ "PUT", "/jobs", NULL, 405, "method" },
	{ "GET", "/quarantine/replay", NULL, 405, "method" },
	{ "GET", "/targets/app/pause", NULL, 405, "method" },
	{ "GET", "/stats?target=app", NULL, 400, "target" },
	{ "GET", "/targets?x", NULL, 400, "x" },
	{ "GET", "/targets/nobody", NULL, 404, "name" },
	{ "POST", "/targets/nobody/pause", NULL, 404, "name" },
	{ "POST", "/targets/app/pause", "[]", 400, "body" },
	{ "POST", "/targets/app/pause", "{", 400, "body" },
	{ "POST", "/targets/app/pause", "{\"reason\":1}", 400, "reason" },
	{ "POST", "/targets/app/pause", "{\"because\":\"x\"}", 400, "reason" },
	{ "GET", "/deliveries?limit=0", NULL, 400, "limit" },
	{ "GET", "/deliveries?limit=201", NULL, 400, "limit" },
	{ "GET", "/deliveries?limit=", NULL, 400, "limit" },
	{ "GET", "/deliveries?cursor=0", NULL, 400, "cursor" },
	{ "GET", "/deliveries?cursor=next", NULL, 400, "cursor" },
	{ "GET", "/deliveries?target=nobody", NULL, 400, "target" },
	{ "GET", "/deliveries?state=alive", NULL, 400, "state" },
	{ "GET", "/deliveries?since=soon", NULL, 400, "since" },
	{ "GET", "/deliveries?event=MessageRead", NULL, 400, "event" },
	{ "GET", "/deliveries?limit=1&limit=2", NULL, 400, "limit" },
	{ "GET", "/deliveries?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q", NULL, 400, "query" },
	{ "GET", "/messages", NULL, 400, "message_id" },
	{ "GET", "/messages?target=app", NULL, 400, "message_id" },
	{ "GET", "/events/00000000-0000-0000-0000-000000000000", NULL, 404, "uuid" },
	{ "GET", "/events/x", NULL, 404, "uuid" },
	{ "POST", "/events/x/retry", NULL, 404, "uuid" },
	{ "POST", "/events/x/retry?target=nobody", NULL, 400, "target" },
	{ "POST", "/events/x/discard?all=1", NULL, 400, "all" },
	{ "POST", "/jobs", NULL, 400, "action" },
	{ "POST", "/jobs", "{\"action\":\"keep\",\"all\":true}", 400, "action" },
	{ "POST", "/jobs", "{\"action\":\"retry\"}", 400, "all" },
	{ "POST", "/jobs", "{\"action\":\"retry\",\"all\":false}", 400, "all" },
	{ "POST", "/jobs", "{\"action\":\"retry\",\"state\":7}", 400, "state" },
	{ "POST", "/jobs", "{\"action\":\"retry\",\"limit\":\"7\"}", 400, "limit" },
	{ "POST", "/jobs", "{\"action\":\"retry\",\"all\":true,\"rate\":\"fast\"}", 400, "rate" },
	{ "POST", "/jobs", "{\"action\":\"retry\",\"all\":true,\"rate\":5}", 400, "rate" },
	{ "POST", "/jobs", "{\"action\":\"retry\",\"action\":\"discard\"}", 400, "body" },
	{ "GET", "/jobs/5", NULL, 404, "id" },
	{ "DELETE", "/jobs/5", NULL, 404, "id" },
	{ "GET", "/quarantine/5", NULL, 404, "id" },
	{ "POST", "/quarantine/5/replay", NULL, 404, "id" },
	{ "POST", "/quarantine/5/discard", NULL, 404, "id" },
	{ "POST", "/quarantine/replay", NULL, 400, "all" },
	{ "POST", "/quarantine/replay", "{\"all\":false}", 400, "all" },
	{ "POST", "/quarantine/discard", "{}", 400, "all" },
	{ "POST", "/quarantine/discard", "{\"all\":true,\"but\":1}", 400, "all" },
};

static void test_refusals(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
		json_t *json = fixture_ask(*state, refusals[i].method, refusals[i].target,
			refusals[i].body, refusals[i].status);
		const char *param = fixture_at(json, "errors.0.param");

		if (strcmp(param, refusals[i].param) != 0)
			fail_msg("%s %s: param '%s', want '%s'", refusals[i].method,
				refusals[i].target, param, refusals[i].param);
		json_decref(json);
	}
}

static void test_405_says_what_is_allowed(void **state)
{
	static const struct {
		const char *method, *path, *allow;
	} cases[] = {
		{ "POST", "/stats", "GET, HEAD" },
		{ "PUT", "/jobs", "GET, HEAD, POST" },
		{ "PATCH", "/jobs/1", "GET, HEAD, DELETE" },
		{ "DELETE", "/quarantine/replay", "POST" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		json_t *json = fixture_ask(*state, cases[i].method, cases[i].path, NULL, 405);

		assert_at(json, "allow", cases[i].allow);
		json_decref(json);
	}
}

static void test_a_body_has_a_limit(void **state)
{
	static char body[CONTROL_BODY_SIZE_MAX + 2];

	memset(body, 'x', sizeof(body) - 1);
	fixture_do(*state, "POST", "/jobs", body, 413);
}

static void test_stats_and_targets(void **state)
{
	struct fixture *fixture = *state;
	struct fixture_event event = { .message_id = "m1@x", .recipient = "a@x", .targets = 7 };
	json_t *json;

	fixture->view = (struct control_target){ .state = "open", .in_flight = 0 };
	fixture_append(fixture, &event, NULL);
	json = fixture_ask(fixture, "GET", "/stats", NULL, 200);
	assert_at(json, "uptime_seconds", "12");
	assert_at(json, "generation", "7");
	assert_at(json, "fingerprint", "0000000000000abc");
	assert_at(json, "backlog", "3");
	assert_at(json, "quarantined", "3");
	assert_at(json, "store_bytes", "4096");
	assert_at(json, "targets", "3 entries");
	assert_at(json, "targets.0.state", "open");
	assert_at(json, "targets.1.state", "disabled");
	assert_at(json, "targets.2.state", "orphaned");
	assert_at(json, "targets.2.url", "null");
	assert_at(json, "targets.2.configured", "false");
	assert_at(json, "targets.2.oldest_seconds", "null");
	json_decref(json);
	json = fixture_ask(fixture, "HEAD", "/targets/app", NULL, 200);
	assert_at(json, "url", "https://***@host.example/***");
	assert_at(json, "ready", "1");
	assert_at(json, "waiting", "0");
	assert_at(json, "oldest_seconds", "0");
	json_decref(json);
	fixture->shows_urls = true;
	json = fixture_ask(fixture, "GET", "/targets/app", NULL, 200);
	assert_at(json, "url", "https://***@host.example/path?a@b");
	json_decref(json);
	json = fixture_ask(fixture, "GET", "/targets", NULL, 200);
	assert_at(json, "targets.1.name", "other");
	json_decref(json);
}

static void test_a_target_tells_its_last_error_and_what_comes_next(void **state)
{
	static const struct control_target failing = {
		.state = "open",
		.since_ms = 1700000000000,
		.next_try_ms = 1700000030000,
		.next_probe_ms = 1700000030000,
		.error = { .time_ms = 1699999999999,
			.result = "4xx",
			.http_status = 401,
			.cause = "HTTP 401: who are you",
			.hint = "look at the key" },
	};
	struct fixture *fixture = *state;
	json_t *json;

	fixture->view = (struct control_target){ .state = "active" };
	json = fixture_ask(fixture, "GET", "/targets/app", NULL, 200);
	assert_at(json, "since", "null");
	assert_at(json, "next_try", "null");
	assert_at(json, "next_probe", "null");
	assert_at(json, "last_error", "null");
	json_decref(json);
	fixture->view = failing;
	json = fixture_ask(fixture, "GET", "/targets/app", NULL, 200);
	assert_at(json, "since", "2023-11-14T22:13:20.000Z");
	assert_at(json, "next_try", "2023-11-14T22:13:50.000Z");
	assert_at(json, "next_probe", "2023-11-14T22:13:50.000Z");
	assert_at(json, "last_error.time", "2023-11-14T22:13:19.999Z");
	assert_at(json, "last_error.result", "4xx");
	assert_at(json, "last_error.status", "401");
	assert_at(json, "last_error.cause", "HTTP 401: who are you");
	assert_at(json, "last_error.hint", "look at the key");
	json_decref(json);
	fixture->view.error.http_status = 0;
	fixture->view.error.hint[0] = '\0';
	json = fixture_ask(fixture, "GET", "/targets/app", NULL, 200);
	assert_at(json, "last_error.status", "null");
	assert_at(json, "last_error.hint", "null");
	json_decref(json);
}

/* One delivery in each state, for app. */
static void append_all_states(struct fixture *fixture)
{
	static const struct fixture_event ready = {
		.message_id = "ready@x", .recipient = "A@Example.com", .targets = 1 << APP
	};
	static const struct fixture_event leased[] = {
		{ .message_id = "inflight@x",
			.recipient = "a@example.com",
			.targets = 1 << APP,
			.is_leased = true },
		{ .message_id = "waiting@x",
			.recipient = "b@example.com",
			.targets = 1 << APP,
			.is_leased = true },
		{ .message_id = "delivered@x",
			.recipient = "b@example.com",
			.targets = 1 << APP,
			.is_leased = true },
		{ .message_id = "dead@x",
			.recipient = "b+c@example.com",
			.targets = 1 << APP,
			.is_leased = true,
			.is_bounce = true },
	};
	static const struct fixture_event first = { .message_id = "held@x",
		.recipient = "h@example.com",
		.targets = 1 << APP,
		.order_key = 5 };
	struct fixture_event held = first;
	int64_t ids[ARRAY_COUNT(leased)];

	for (size_t i = 0; i < ARRAY_COUNT(leased); i++)
		ids[i] = fixture_append(fixture, &leased[i], NULL);
	fixture_record(fixture, ids[1], APP, DELIVERY_WAITING, 503);
	fixture_record(fixture, ids[2], APP, DELIVERY_DELIVERED, 200);
	fixture_record(fixture, ids[3], APP, DELIVERY_DEAD, 0);
	fixture_append(fixture, &ready, NULL);
	fixture_append(fixture, &first, NULL);
	held.is_bounce = true;
	fixture_append(fixture, &held, NULL);
}

static void test_filters(void **state)
{
	static const struct {
		const char *query;
		const char *want; /* message ids, newest first */
	} cases[] = {
		{ "", "held@x held@x ready@x dead@x delivered@x waiting@x inflight@x " },
		{ "?target=app", "held@x held@x ready@x dead@x delivered@x waiting@x inflight@x " },
		{ "?target=other", "" },
		{ "?state=dead", "dead@x " },
		{ "?state=ready", "held@x ready@x " },
		{ "?state=waiting", "waiting@x " },
		{ "?state=inflight", "inflight@x " },
		{ "?state=held", "held@x " },
		{ "?state=delivered,dead", "dead@x delivered@x " },
		{ "?state=discarded", "" },
		{ "?event=MessageDeliveryFailed", "held@x dead@x " },
		{ "?message_id=READY@x", "ready@x " },
		{ "?message_id=%72eady%40x", "ready@x " },
		{ "?message_id=nobody@x", "" },
		{ "?recipient=a@example.com", "ready@x inflight@x " },
		{ "?recipient=b+c@example.com", "dead@x " },
		{ "?recipient=b@example.com&message_id=waiting@x", "waiting@x " },
		{ "?recipient=a@example.com&message_id=waiting@x", "" },
		{ "?recipient=b@example.com&state=delivered", "delivered@x " },
		{ "?since=1h&limit=2", "held@x held@x " },
		{ "?until=1h", "" },
		{ "?since=2000-01-01&until=2000-01-02", "" },
	};

	append_all_states(*state);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char target[256], got[512] = "";
		json_t *json, *delivery;
		size_t at;

		snprintf(target, sizeof(target), "/deliveries%s", cases[i].query);
		json = fixture_ask(*state, "GET", target, NULL, 200);
		json_array_foreach(json_object_get(json, "deliveries"), at, delivery)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ",
				fixture_at(delivery, "message_id"));
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].query, got, cases[i].want);
		json_decref(json);
	}
}

static void test_a_delivery_says_what_happened(void **state)
{
	json_t *json;

	append_all_states(*state);
	json = fixture_ask(*state, "GET", "/deliveries?state=waiting", NULL, 200);
	assert_at(json, "deliveries.0.event", "MessageSent");
	assert_at(json, "deliveries.0.attempts", "1");
	assert_at(json, "deliveries.0.status", "503");
	assert_at(json, "deliveries.0.result", "5xx");
	assert_at(json, "deliveries.0.duration_ms", "12");
	assert_at(json, "deliveries.0.finished", "null");
	assert_at(json, "deliveries.0.source", "bizmail");
	assert_int_equal(strlen(fixture_at(json, "deliveries.0.due")), 24);
	json_decref(json);
	json = fixture_ask(*state, "GET", "/deliveries?state=delivered", NULL, 200);
	assert_at(json, "deliveries.0.due", "null");
	assert_at(json, "deliveries.0.result", "2xx");
	assert_int_equal(strlen(fixture_at(json, "deliveries.0.finished")), 24);
	json_decref(json);
	json = fixture_ask(*state, "GET", "/deliveries?state=held", NULL, 200);
	assert_at(json, "deliveries.0.due", "null");
	assert_at(json, "deliveries.0.status", "null");
	assert_at(json, "deliveries.0.result", "null");
	json_decref(json);
}

static void test_pages(void **state)
{
	static const char *const bases[] = { "/deliveries?limit=3",
		"/deliveries?limit=3&recipient=a@x", "/deliveries?limit=3&state=ready" };
	char message_id[32];

	for (int i = 0; i < 10; i++) {
		snprintf(message_id, sizeof(message_id), "m%d@x", i);
		fixture_append(*state,
			&(struct fixture_event){
				.message_id = message_id, .recipient = "a@x", .targets = 1 << APP },
			NULL);
	}
	for (size_t i = 0; i < ARRAY_COUNT(bases); i++) {
		char target[256];
		int expected = 9;

		snprintf(target, sizeof(target), "%s", bases[i]);
		while (target[0] != '\0') {
			json_t *json = fixture_ask(*state, "GET", target, NULL, 200);
			const char *next = json_string_value(json_object_get(json, "next"));
			json_t *delivery;
			size_t at;

			json_array_foreach(json_object_get(json, "deliveries"), at, delivery)
			{
				snprintf(message_id, sizeof(message_id), "m%d@x", expected--);
				assert_string_equal(fixture_at(delivery, "message_id"), message_id);
			}
			if (next == NULL)
				target[0] = '\0';
			else
				snprintf(target, sizeof(target), "%s&cursor=%s", bases[i], next);
			json_decref(json);
		}
		assert_int_equal(expected, -1);
	}
}

static void test_an_event(void **state)
{
	struct fixture *fixture = *state;
	char uuid[UUID_TEXT_SIZE], target[64];
	json_t *json;
	int64_t id = fixture_append(fixture,
		&(struct fixture_event){ .message_id = "m1@x",
			.recipient = "a@x",
			.targets = 1 << APP | 1 << GONE,
			.is_leased = true },
		uuid);

	fixture_record(fixture, id, APP, DELIVERY_DEAD, 400);
	snprintf(target, sizeof(target), "/events/%s", uuid);
	json = fixture_ask(fixture, "GET", target, NULL, 200);
	assert_at(json, "uuid", uuid);
	assert_at(json, "event", "MessageSent");
	assert_at(json, "kind", "delivered");
	assert_at(json, "envelope.uuid", uuid);
	assert_at(json, "envelope.payload.message.to", "a@x");
	assert_at(json, "content_type", "application/json");
	assert_at(json, "raw",
		"{\"event\":\"delivered\",\"id\":\"m1@x\",\"recipient\":\"a@x\",\"time\":"
		"1713100000}");
	assert_at(json, "deliveries", "2 entries");
	assert_at(json, "deliveries.1.target", "app");
	assert_at(json, "deliveries.1.state", "dead");
	assert_at(json, "deliveries.1.history.0.number", "1");
	assert_at(json, "deliveries.1.history.0.status", "400");
	assert_at(json, "deliveries.1.history.0.result", "4xx");
	assert_at(json, "deliveries.1.history.0.answer", "no \"thanks\" \xef\xbf\xbd");
	assert_at(json, "deliveries.0.target", "gone");
	assert_at(json, "deliveries.0.history", "0 entries");
	json_decref(json);
	for (char *c = target + strlen("/events/"); *c != '\0'; c++)
		*c = (char)(*c >= 'a' && *c <= 'f' ? *c - 0x20 : *c);
	fixture_do(fixture, "GET", target, NULL, 200);
}

static void test_messages(void **state)
{
	json_t *json;

	fixture_append(*state,
		&(struct fixture_event){ .message_id = "m1@x", .recipient = "a@x", .targets = 3 },
		NULL);
	fixture_append(*state,
		&(struct fixture_event){ .message_id = "m2@x", .recipient = "a@x", .targets = 1 },
		NULL);
	fixture_append(*state,
		&(struct fixture_event){
			.message_id = "m1@x", .recipient = "a@x", .targets = 1, .is_bounce = true },
		NULL);
	fixture_append(*state,
		&(struct fixture_event){ .message_id = "m1@x", .recipient = "b@x", .targets = 1 },
		NULL);
	json = fixture_ask(*state, "GET", "/messages?message_id=M1@X", NULL, 200);
	assert_at(json, "messages", "2 entries");
	assert_at(json, "messages.0.recipient", "b@x");
	assert_at(json, "messages.1.recipient", "a@x");
	assert_at(json, "messages.1.events", "2 entries");
	assert_at(json, "messages.1.events.0.event", "MessageDeliveryFailed");
	assert_at(json, "messages.1.events.1.event", "MessageSent");
	assert_at(json, "messages.1.events.1.deliveries", "2 entries");
	assert_at(json, "messages.1.events.1.deliveries.0.state", "ready");
	assert_at(json, "next", "null");
	json_decref(json);
	json = fixture_ask(*state, "GET", "/messages?recipient=a@x&limit=1", NULL, 200);
	assert_at(json, "messages", "1 entries");
	assert_at(json, "messages.0.message_id", "m1@x");
	assert_string_not_equal(fixture_at(json, "next"), "null");
	json_decref(json);
	json = fixture_ask(*state, "GET", "/messages?recipient=nobody@x", NULL, 200);
	assert_at(json, "messages", "0 entries");
	json_decref(json);
}

static void test_a_store_that_cannot_be_read(void **state)
{
	struct fixture *fixture = *state;
	struct control_answer answer;
	struct store_settings elsewhere = fixture->settings;
	struct control *control;

	elsewhere.path = (char *)(uintptr_t) "/nonexistent/store.db";
	control = control_open(&(struct control_settings){ .store = &elsewhere });
	control_handle(control,
		&(struct control_request){
			.method = SLICE_LITERAL("GET"),
			.path = SLICE_LITERAL("/stats"),
		},
		&answer);
	assert_int_equal(answer.status, 503);
	buf_free(&answer.body);
	control_close(&control);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTROL_TEST(test_refusals),
		CONTROL_TEST(test_405_says_what_is_allowed),
		CONTROL_TEST(test_a_body_has_a_limit),
		CONTROL_TEST(test_stats_and_targets),
		CONTROL_TEST(test_a_target_tells_its_last_error_and_what_comes_next),
		CONTROL_TEST(test_filters),
		CONTROL_TEST(test_a_delivery_says_what_happened),
		CONTROL_TEST(test_pages),
		CONTROL_TEST(test_an_event),
		CONTROL_TEST(test_messages),
		CONTROL_TEST(test_a_store_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
