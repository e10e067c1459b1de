/* SPDX-License-Identifier: MIT */
/*
 * control_fixture.h - a control with a real store and a backend that writes down what it is told
 *
 * Promise    Every test gets a store of its own with the targets app, other and gone, of which gone is
 *            configured no more, and the source bizmail.
 * Errors     Everything here fails the test with the answer.
 */
#ifndef REPOSTAL_TESTS_CONTROL_FIXTURE_H
#define REPOSTAL_TESTS_CONTROL_FIXTURE_H

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <jansson.h>

#include "repostal/control.h"
#include "repostal/memory.h"

enum {
	APP,
	OTHER,
	GONE,
	TARGETS_COUNT,
	CONFIGURED_COUNT = GONE
};

struct fixture {
	bool shows_urls; /* of what is asked */
	char *folder;
	struct store_settings settings;
	struct store *store;
	struct control *control;
	uint16_t targets[TARGETS_COUNT]; /* numbers */
	uint16_t source;
	struct source_settings source_settings;
	struct target_settings target_settings[CONFIGURED_COUNT];
	struct translate_settings translate;
	struct event_route routes[CONFIGURED_COUNT];
	struct routed_source control_source;
	struct control_snapshot snapshot;
	pthread_mutex_t mutex; /* what follows, and the store */
	int looks[TARGETS_COUNT];
	int pauses[TARGETS_COUNT];  /* times paused less times resumed */
	bool is_failing;            /* calls are refused */
	struct control_target view; /* what observe() says of app */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
#define CONTROL_TEST(function) \
	cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

#define MUST(call) fixture_must((call), #call, __FILE__, __LINE__)
void fixture_must(enum status status, const char *call, const char *file, int line);

/* An event of BizMail, received received_s after the epoch, for the targets of the bits; returns its
 * id. uuid_out may be NULL, else it gets the envelope's. */
struct fixture_event {
	const char *message_id;
	const char *recipient;
	bool is_bounce;
	unsigned targets; /* bit 1 << APP, .. */
	bool is_leased;
	int64_t order_key;
	int64_t received_s; /* 0: now */
};
int64_t fixture_append(
	struct fixture *fixture, const struct fixture_event *event, char uuid_out[UUID_TEXT_SIZE]);
/* Of a leased delivery. */
void fixture_record(struct fixture *fixture, int64_t event, int target, enum delivery_state next,
	int http_status);
int64_t fixture_quarantine(struct fixture *fixture, const char *reason, const char *raw);

/* One request. target is path and query; body may be NULL. Returns the parsed answer: json_decref(). */
json_t *fixture_ask(struct fixture *fixture, const char *method, const char *target,
	const char *body, int expected_status);
/* The same, only for its status. */
void fixture_do(struct fixture *fixture, const char *method, const char *target, const char *body,
	int expected_status);

/* A text or number of a path such as "deliveries.0.target", as text; "null" too. Valid until the next
 * call. */
const char *fixture_at(const json_t *json, const char *path);
#define assert_at(json, path, expected) \
	fixture_assert_at((json), (path), (expected), __FILE__, __LINE__)
void fixture_assert_at(
	const json_t *json, const char *path, const char *expected, const char *file, int line);

#endif
