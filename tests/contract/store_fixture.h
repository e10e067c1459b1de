/* SPDX-License-Identifier: MIT */
/*
 * store_fixture.h - an empty store of each backend for each test
 *
 * Promise    A test table runs once per backend. Every test gets a store of its own, opened at
 *            FIXTURE_NOW_MS, with two targets and a source.
 * Errors     Everything here fails the test with the store's own text; contract_must() as well.
 */
#ifndef REPOSTAL_TESTS_STORE_FIXTURE_H
#define REPOSTAL_TESTS_STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "repostal/memory.h"
#include "repostal/store.h"

#define FIXTURE_NOW_MS INT64_C(1713100000000)
#define SECOND_MS INT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)
#define DAY_MS (24 * HOUR_MS)

struct fixture_backend;

/* keep_delivered 7 d, keep_dead 30 d, keep_quarantine 30 d, dedup_window 3 d, max_backlog 2000. */
struct fixture {
	const struct fixture_backend *backend;
	char *folder; /* its own, removed with all that is in it */
	struct store_settings settings;
	struct store *store;
	uint16_t app, other; /* targets */
	uint16_t source;
	struct error err;
};

/* For the test tables: { CONTRACT_TEST(test_x), ... } and main() returns contract_run(...). */
int fixture_setup(void **state);
int fixture_teardown(void **state);
#define CONTRACT_TEST(function) \
	cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
/* True, with a word about it, when a test is about the other backend alone. */
bool fixture_leave_out(const struct fixture *fixture, enum store_backend backend);
int contract_run(const char *group, const struct CMUnitTest *tests, size_t tests_count);
/* For what only one backend has. */
int contract_run_on(enum store_backend backend, const char *group, const struct CMUnitTest *tests,
	size_t tests_count);

void fixture_open(struct fixture *fixture, int64_t now_ms);
void fixture_close(struct fixture *fixture);
/* Runs work() in a process of its own, with the store closed here; that process ends without closing
 * anything, as if killed. It must not use cmocka: false fails the test. */
void fixture_crash(struct fixture *fixture, bool (*work)(struct fixture *fixture));
/* The only number of a query, as of the last commit. The tables are the same in every backend. */
int64_t fixture_query(struct fixture *fixture, const char *sql);
/* Compares store_counts(), store_source_open(), store_backlog() and store_quarantine_count() with the tables. */
void fixture_recount(struct fixture *fixture);

#define MUST(fixture, call) contract_must((fixture), (call), #call, __FILE__, __LINE__)
void contract_must(
	struct fixture *fixture, enum status status, const char *call, const char *file, int line);

/* Steps that are carried out at once, so that what they fill can be read. */
enum status append_now(struct store *store, struct store_event *event, struct error *err);
enum status claim_now(
	struct store *store, int64_t now_ms, struct store_claim *claim, struct error *err);
/* A verdict without a lease is one by the lease that the delivery has. */
enum status record_now(struct fixture *fixture, const struct store_verdict *verdict);

/* An event of identity n that arrived n seconds after FIXTURE_NOW_MS; the raw bytes are constant. */
struct store_event fixture_event(const struct fixture *fixture, int64_t n,
	struct store_new_delivery *deliveries, size_t deliveries_count);
/* Appends it in a transaction of its own, for the target app, and returns its id. */
int64_t fixture_append(struct fixture *fixture, int64_t n, bool leased);
/* count_max of a claim that takes so many of each type. */
#define EACH_TYPE(count)                                               \
	{                                                              \
		count, count, count, count, count, count, count, count \
	}
_Static_assert(STORE_TYPES == 8, "EACH_TYPE has a number for each");
/* The soonest of all types. */
int64_t claim_next_due_ms(const struct store_claim *claim);
/* Claims in a transaction of its own. */
struct store_claim fixture_claim(struct fixture *fixture, uint16_t target, int64_t now_ms);
/* A first attempt for the target app at FIXTURE_NOW_MS: adjust and record. */
struct store_verdict fixture_verdict(
	const struct fixture *fixture, int64_t event, enum delivery_state next);
void fixture_record(struct fixture *fixture, const struct store_verdict *verdict);

#endif
