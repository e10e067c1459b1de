/* SPDX-License-Identifier: MIT */
/*
 * shared_fixture.h - one PostgreSQL database, and two stores opened on it as two processes have them
 *
 * Promise    Every test gets an empty database. Both sides know the same names. Everything of
 *            store_fixture.h works with either side.
 * Threads    A side belongs to one thread at a time.
 * Errors     Everything here fails the test, but what shared_race() runs: that only says false, for
 *            cmocka knows the main thread alone.
 */
#ifndef REPOSTAL_TESTS_SHARED_FIXTURE_H
#define REPOSTAL_TESTS_SHARED_FIXTURE_H

#include <stdbool.h>

#include "store_fixture.h"

struct shared {
	struct fixture *a;
	struct fixture b; /* like *a, with a store and an error of its own */
};

int shared_setup(void **state);
int shared_teardown(void **state);
#define SHARED_TEST(function) \
	cmocka_unit_test_setup_teardown(function, shared_setup, shared_teardown)

/* What store_poll() told a side, added up. */
struct heard {
	int due[STORE_TARGETS_MAX];
	int pauses;
	uint16_t last_target; /* of a pause, as the next */
	bool is_paused;
};
void shared_poll(struct fixture *side, int64_t now_ms, struct heard *heard);

/* Both sides at once, each in a thread; which is 0 for a and 1 for b. */
void shared_race(struct shared *shared,
	bool (*work)(struct fixture *side, int which, void *context), void *context);

/* Asks until it is so; fails when that takes more than ten seconds. */
void shared_await(struct shared *shared, const char *what, bool (*is_so)(struct shared *shared));

/* From now on nobody renews its lease unless it asks: it ends in a moment. */
void shared_let_lease_end(struct fixture *side);
/* Until the leases that b took over are this many. */
void shared_await_takeover(struct shared *shared, int64_t leases_expired);

/* An event for one target in a transaction of its own; what it points to is static. */
struct store_event shared_append(struct fixture *side, int64_t n, bool leased);
/* Appended once more: was it there already? */
bool shared_is_duplicate(struct fixture *side, int64_t n, int64_t *id_out);
/* Of a delivery for the target app. */
int64_t shared_column(struct fixture *side, int64_t event, const char *column);
/* Counts of both sides, after a look at what the other did, compared with the tables. */
void shared_recount(struct shared *shared);

/* The next number of a seeded row. */
uint32_t shared_dice(uint32_t *seed);

#endif
