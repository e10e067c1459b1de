/* SPDX-License-Identifier: MIT */
/*
 * delivery_fixture.h - a dispatcher between a scripted client, a fake store and a clock that a test moves
 *
 * Promise    The delivery thread's loop runs on the test's thread. Targets are numbered as they were given.
 * Errors     Everything here fails the test with what went wrong.
 */
#ifndef REPOSTAL_TESTS_DELIVERY_FIXTURE_H
#define REPOSTAL_TESTS_DELIVERY_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "dispatcher_parts.h"
#include "fake_clock.h"
#include "fake_store_thread.h"
#include "repostal/dispatcher.h"
#include "repostal/handoff.h"
#include "repostal/memory.h"
#include "scripted_client.h"

enum {
	FIXTURE_TARGETS_MAX = 4,
	SENT = 0, /* types of event, of Postal's */
	DELAYED = 1,
};

#define HOUR_MS (INT64_C(3600) * 1000)

struct fixture {
	struct dispatcher *dispatcher;
	struct signer *signer;
	struct dispatcher_settings settings;
	uint16_t target_numbers[FIXTURE_TARGETS_MAX];
	struct translate_settings translate;
	struct egress_settings egress;
	int64_t event_age_ms; /* what events are made with */
};

/* Retries after one and after five seconds, no jitter, eight at once, no breaker. */
struct target_settings fixture_target(const char *name);
/* targets stay the caller's until fixture_close(). */
void fixture_open(struct fixture *f, const struct target_settings *targets, size_t count);
/* As a stop has it, with so much time for what is in flight. */
void fixture_stop(struct fixture *f, int64_t timeout_ms);
/* Stops what runs, and checks that nothing is left in memory. */
void fixture_close(struct fixture *f);

/* As intake does: from memory if there is a slot, else over the disk. Its number. */
int64_t fixture_post(struct fixture *f, uint16_t target, uint8_t type);
void fixture_post_many(struct fixture *f, uint16_t target, uint8_t type, int count);
/* It waits on the disk already, as after a restart; not known to the dispatcher before fixture_wake(). */
struct fake_row *fixture_leave(struct fixture *f, uint16_t target, uint8_t type);
void fixture_wake(struct fixture *f, uint16_t target);

/* Until so long after fixture_open(). */
void fixture_run_until(struct fixture *f, int64_t until_ms);
/* The loop runs meanwhile. */
enum status fixture_reload(
	struct fixture *f, const struct target_settings *targets, size_t count, struct error *err);

/* Checks the times of all attempts so far at a target (NULL: at all), ending with -1. */
void fixture_expect_times(const char *name, const char *target, const int64_t *times_ms);
/* Attempts at a target, of a type or of any (-1), that started in from_ms <= t < until_ms. */
int fixture_count(const char *target, int type, int64_t from_ms, int64_t until_ms);
int fixture_rows_in(uint16_t target, enum delivery_state state);
void fixture_expect_state(struct fixture *f, uint16_t target, enum target_state want);
int64_t fixture_attempts_counted(struct fixture *f, uint16_t target);

#define SCRIPT(target, type, ...)                                                               \
	scripted_client_answer((target), (type), (const struct script_answer[]){ __VA_ARGS__ }, \
		sizeof((const struct script_answer[]){ __VA_ARGS__ }) /                         \
			sizeof(struct script_answer))

#endif
