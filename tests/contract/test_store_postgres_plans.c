/* SPDX-License-Identifier: MIT */
/* PostgreSQL's plans, of the statements as the store has prepared them and with its own settings. */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres/connection/filter.h"
#include "postgres/store.h"

/* The statement's plan as one text. */
static void explain(struct fixture *f, const char *sql, struct buf *plan)
{
	struct postgres_rows rows = { 0 };
	char explain_sql[POSTGRES_FILTER_SIZE_MAX + 32];

	snprintf(explain_sql, sizeof(explain_sql), "EXPLAIN %s", sql);
	MUST(f, postgres_run_text(
			&postgres_store_of(f->store)->pipeline, explain_sql, &rows, &f->err));
	buf_reset(plan);
	for (int row = 0; row < rows.count; row++) {
		buf_append_slice(plan, postgres_bytes(&rows, row, 0));
		buf_append_char(plan, '\n');
	}
	postgres_rows_free(&rows);
}

/* Walking through a table that grows is never part of a plan, nor is sorting where it is not wanted. */
static bool plan_is_cheap(const char *plan, bool may_sort)
{
	static const char *const growing[] = { "Seq Scan on delivery", "Seq Scan on event",
		"Seq Scan on search", "Seq Scan on attempt", "Seq Scan on quarantine" };

	for (size_t i = 0; i < ARRAY_COUNT(growing); i++)
		if (strstr(plan, growing[i]) != NULL)
			return false;
	return may_sort || strstr(plan, "Sort") == NULL;
}

/*
 * Three thousand deliveries, of which some wait, some are leased, some are dead, some belong to orders and
 * most are delivered; and statistics about them.
 */
static void fill(struct fixture *f)
{
	static const enum delivery_state ends[] = { DELIVERY_DELIVERED, DELIVERY_DELIVERED,
		DELIVERY_DEAD, DELIVERY_DELIVERED };

	fixture_close(f);
	f->settings.max_backlog = 10000;
	fixture_open(f, FIXTURE_NOW_MS);
	MUST(f, store_begin(f->store, &f->err));
	for (int64_t n = 0; n < 3000; n++) {
		struct store_new_delivery delivery = {
			.target = n % 2 == 0 ? f->app : f->other,
			.leased = n % 10 != 0,
			.order_key = n % 100 == 0 ? 1 + n / 1000 : 0,
		};
		struct store_event event = fixture_event(f, n, &delivery, 1);
		struct store_verdict verdict;

		event.received_us = FIXTURE_NOW_MS * 1000 + n;
		event.search_keys[0] = 1 + n % 50;
		MUST(f, append_now(f->store, &event, &f->err));
		if (n % 10 == 0 || n % 10 == 1)
			continue;
		verdict = fixture_verdict(f, event.id, ends[n % 4]);
		verdict.target = delivery.target;
		MUST(f, record_now(f, &verdict));
	}
	MUST(f, store_commit(f->store, &f->err));
	for (int i = 0; i < 3; i++)
		(void)fixture_query(f, i == 0   ? "ANALYZE delivery"
				       : i == 1 ? "ANALYZE event"
						: "ANALYZE search");
}

static const struct {
	enum postgres_statement which;
	const char *params;
	const char *index; /* that has to be used */
	bool may_sort;     /* a few rows */
} cases[] = {
	{ PG_CLAIM, "0, 1800000000000, 100, 1000000, 1, 0", "using delivery_queue", true },
	{ PG_NEXT_DUE, "0", "using delivery_queue", false },
	{ PG_OLDEST, "0", "using delivery_waiting", false },
	{ PG_DUE_TARGETS, "1800000000000", "using delivery_queue", false },
	{ PG_LEASES_END, "4294967296, 8589934591", "using delivery_leased", false },
	{ PG_LEASES_OF_NOBODY, "", "using delivery_leased", false },
	{ PG_ORDER_RELEASE, "'{256}', 1800000000000", "using delivery_ordered", true },
	{ PG_ORDER_LOCK, "'{256}', '{}'", "using delivery_pkey", true },
	{ PG_DELIVERY_INSERT_ORDERED, "'{1}', '{1}', '{1}', '{0}'", "using delivery_ordered",
		true },
	{ PG_VERDICT, "'{0}', '{256}', '{1}', '{2}', '{0}', '{1}', '{200}', '{0}', '{1}'",
		"using delivery_pkey", false },
	{ PG_EVENT_DUPLICATES, "'{0}', '{1}', '{1}'", "using event_identity", false },
	{ PG_EVENT_FORGET_IDENTITY, "'{256}'", "using event_pkey", false },
	{ PG_QUARANTINE_FIND, "1, 0, ''", "using quarantine_hash", false },
	{ PG_SWEEP_SCAN, "0, 1, 1, 1, 1", "using event_pkey", true },
	{ PG_SWEEP_DELIVERIES, "'{256}'", "using delivery_pkey", true },
	{ PG_SWEEP_EVENTS, "'{256}'", "using event_pkey", false },
	{ PG_SWEEP_QUARANTINE, "1", "using quarantine_last_seen", false },
	{ PG_CHANGE_FIND_ONE, "256, 2", "using delivery_pkey", false },
	{ PG_CHANGE_KEEP_ATTEMPTS, "'{256}', 19828", "using delivery_pkey", false },
	{ PG_CHANGE_RETRY, "'{256}', 1", "using delivery_pkey", true },
	{ PG_CHANGE_DISCARD, "'{256}', 1", "using delivery_pkey", true },
	{ PG_CHANGE_NUMBER_ANEW, "256, 1", "using delivery_pkey", false },
};

static void test_statements(void **state)
{
	struct fixture *f = *state;
	struct buf plan;

	fill(f);
	buf_init(&plan, 64 * 1024);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char sql[256];

		/* postgres_session_prepare() names them by their number. */
		snprintf(sql, sizeof(sql),
			cases[i].params[0] == '\0' ? "EXECUTE s%d" : "EXECUTE s%d(%s)",
			(int)cases[i].which, cases[i].params);
		explain(f, sql, &plan);
		if (!plan_is_cheap(plan.data, cases[i].may_sort) ||
			strstr(plan.data, cases[i].index) == NULL)
			fail_msg("%s: not %s:\n%s",
				postgres_store_statements.list[cases[i].which].purpose,
				cases[i].index, plan.data);
	}
	buf_free(&plan);
}

static const struct {
	const char *name;
	struct store_filter filter;
	const char *index;
} pages[] = {
	{ "everything", { .target = -1, .type = -1 }, "using delivery_pkey" },
	{ "an event", { .target = -1, .type = -1, .event = 256 }, "using delivery_pkey" },
	{ "dead", { .target = 0, .type = -1, .states = 1U << DELIVERY_DEAD },
		"using delivery_ended" },
	{ "waiting", { .target = 0, .type = -1, .states = 1U << DELIVERY_WAITING },
		"using delivery_waiting" },
	{ "a key", { .target = -1, .type = -1, .search_key = 7 }, "_key_event_idx" },
	{ "a time", { .target = -1, .type = -1, .since_us = FIXTURE_NOW_MS * 1000 },
		"using delivery_pkey" },
};

/* Both ways through them, as lists and as walks go. */
static void test_pages(void **state)
{
	struct fixture *f = *state;
	struct buf plan, sql;

	fill(f);
	buf_init(&plan, 64 * 1024);
	buf_init(&sql, POSTGRES_FILTER_SIZE_MAX);
	for (size_t i = 0; i < 2 * ARRAY_COUNT(pages); i++) {
		const struct postgres_page page = {
			.filter = pages[i / 2].filter,
			.is_down = i % 2 == 0,
			.from = i % 2 == 0 ? INT64_MAX : 0,
			.scan_limit = 1000,
			.count_max = 10,
		};

		buf_reset(&sql);
		postgres_filter_sql(&sql, &page);
		explain(f, sql.data, &plan);
		if (!plan_is_cheap(plan.data, true) ||
			strstr(plan.data, pages[i / 2].index) == NULL)
			fail_msg("%s: not %s:\n%s", pages[i / 2].name, pages[i / 2].index,
				plan.data);
	}
	buf_free(&plan);
	buf_free(&sql);
}

/* The check itself would notice. */
static void test_what_is_not_cheap(void **state)
{
	static const struct {
		const char *plan;
		bool may_sort;
		bool cheap;
	} plans[] = {
		{ "Index Scan using delivery_due on delivery", false, true },
		{ "Seq Scan on target t", false, true },
		{ "->  Seq Scan on delivery d", false, false },
		{ "->  Seq Scan on event", true, false },
		{ "->  Seq Scan on search_19828 search_1", true, false },
		{ "Sort\n  ->  Index Scan using delivery_due on delivery", false, false },
		{ "Sort\n  ->  Index Scan using delivery_due on delivery", true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(plans); i++)
		if (plan_is_cheap(plans[i].plan, plans[i].may_sort) != plans[i].cheap)
			fail_msg("%s", plans[i].plan);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_statements),
		CONTRACT_TEST(test_pages),
		CONTRACT_TEST(test_what_is_not_cheap),
	};

	return contract_run_on(STORE_POSTGRESQL, "store plans", tests, ARRAY_COUNT(tests));
}
