/* SPDX-License-Identifier: MIT */
/* SQLite's plans: no statement walks through a table that grows, and none sorts. */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "sqlite/store.h"

/* Only what is leased may be walked through: that is as much as is in flight. */
static bool step_is_cheap(const char *step)
{
	static const char *const growing[] = { "SCAN delivery", "SCAN event", "SCAN search",
		"SCAN attempt", "SCAN quarantine", "SCAN d ", "SCAN e " };

	if (strstr(step, "TEMP B-TREE") != NULL)
		return false;
	if (strstr(step, "INDEX delivery_leased") != NULL)
		return true;
	for (size_t i = 0; i < ARRAY_COUNT(growing); i++)
		if (strncmp(step, growing[i], strlen(growing[i])) == 0)
			return false;
	return true;
}

static void expect_cheap(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *plan = NULL;
	size_t size = strlen(sql) + 32;
	char *explain = memory_alloc(size);

	snprintf(explain, size, "EXPLAIN QUERY PLAN %s", sql);
	if (sqlite3_prepare_v2(db, explain, -1, &plan, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(plan) == SQLITE_ROW) {
		const char *step = (const char *)sqlite3_column_text(plan, 3);

		if (!step_is_cheap(step))
			fail_msg("%s\nhas the step: %s", sql, step);
	}
	sqlite3_finalize(plan);
	free(explain);
}

static void test_statements_of_the_store(void **state)
{
	struct fixture *f = *state;
	struct sqlite_store *sqlite = sqlite_store_of(f->store);

	for (size_t i = 0; i < SQL_COUNT; i++)
		/* GROUP BY of what one step of the sweep removes may sort: it is a few rows. */
		if (i != SQL_SWEEP_DEAD)
			expect_cheap(sqlite->db, sqlite3_sql(sqlite->statements[i]));
}

static void test_statements_of_lists(void **state)
{
	struct fixture *f = *state;
	struct sqlite_store *sqlite = sqlite_store_of(f->store);

	for (size_t i = 0; i < SCAN_STATEMENT_COUNT; i++)
		expect_cheap(sqlite->db, sqlite3_sql(sqlite->scanner.statements[i]));
}

/* The check itself would notice. */
static void test_what_is_not_cheap(void **state)
{
	static const struct {
		const char *step;
		bool cheap;
	} cases[] = {
		{ "SEARCH delivery USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)", true },
		{ "SCAN delivery USING INDEX delivery_leased", true },
		{ "SCAN target", true },
		{ "SCAN delivery", false },
		{ "SCAN delivery USING INDEX delivery_waiting", false },
		{ "SCAN e USING INDEX event_identity", false },
		{ "USE TEMP B-TREE FOR ORDER BY", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (step_is_cheap(cases[i].step) != cases[i].cheap)
			fail_msg("%s", cases[i].step);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_statements_of_the_store),
		CONTRACT_TEST(test_statements_of_lists),
		CONTRACT_TEST(test_what_is_not_cheap),
	};

	return contract_run_on(STORE_SQLITE, "store plans", tests, ARRAY_COUNT(tests));
}
