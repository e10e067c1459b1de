/* SPDX-License-Identifier: MIT */
/* Which way through the tables a filter takes, and that its ends and limits are in the text. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "postgres/connection/filter.h"
#include "repostal/memory.h"

#define STATE(state) (1U << (state))
#define BY_STATES "FROM target AS t, LATERAL"
#define BY_SEARCH "FROM search WHERE key ="
#define BY_RANGE "(SELECT id, target, state FROM delivery WHERE id"

enum {
	TEXTS_MAX = 6
};

static const struct {
	const char *name;
	struct postgres_page page;
	const char *want[TEXTS_MAX];
	const char *never[TEXTS_MAX];
} cases[] = {
	{ "everything, newest first", { { .target = -1, .type = -1 }, true, INT64_MAX, 20000, 50 },
		{ BY_RANGE " < 9223372036854775807 ORDER BY id DESC LIMIT 20000)",
			" min(id) AS last", " ORDER BY scanned.id DESC LIMIT 50)" },
		{ BY_STATES, BY_SEARCH, "scanned.target", "scanned.state", "e.type",
			"e.received" } },
	{ "everything, oldest first", { { .target = -1, .type = -1 }, false, 77, 20000, 50 },
		{ BY_RANGE " > 77 ORDER BY id LIMIT 20000)", " max(id) AS last",
			" ORDER BY scanned.id LIMIT 50)" },
		{ " DESC" } },
	{ "a target", { { .target = 3, .type = -1 }, false, 0, 9, 9 },
		{ BY_RANGE, " AND scanned.target = 3" }, { BY_STATES } },
	{ "dead", { { .target = -1, .type = -1, .states = STATE(DELIVERY_DEAD) }, false, 0, 9, 9 },
		{ BY_STATES, "state = 3 AND state > 2 AND id > 0 ORDER BY id LIMIT 9",
			" AND (8 >> scanned.state & 1) = 1" },
		{ BY_RANGE, "state = 1", "t.number = 0" } },
	{ "waiting for a target",
		{ { .target = 4, .type = -1, .states = STATE(DELIVERY_WAITING) }, true, 500, 9, 9 },
		{ BY_STATES, "state = 1 AND id < 500 ORDER BY id DESC LIMIT 9",
			" AND t.number = 4" },
		{ "state > 2" } },
	{ "leased or discarded",
		{ { .target = -1,
			  .type = -1,
			  .states = STATE(DELIVERY_LEASED) | STATE(DELIVERY_DISCARDED) },
			false, 0, 9, 9 },
		{ "state = 0 AND id", " UNION ALL ", "state = 4 AND state > 2 AND id" },
		{ "state = 1", "state = 3" } },
	{ "delivered: no index has them",
		{ { .target = -1, .type = -1, .states = STATE(DELIVERY_DELIVERED) }, false, 0, 9,
			9 },
		{ BY_RANGE, " AND (4 >> scanned.state & 1) = 1" }, { BY_STATES } },
	{ "dead or delivered: not only in an index",
		{ { .target = -1,
			  .type = -1,
			  .states = STATE(DELIVERY_DEAD) | STATE(DELIVERY_DELIVERED) },
			false, 0, 9, 9 },
		{ BY_RANGE }, { BY_STATES } },
	{ "an event, dead",
		{ { .target = -1, .type = -1, .event = 2, .states = STATE(DELIVERY_DEAD) }, false,
			0, 9, 9 },
		{ BY_RANGE, "id BETWEEN 131072 AND 196607" }, { BY_STATES } },
	{ "a key, newest first",
		{ { .target = -1, .type = -1, .search_key = 99 }, true, 131073, 9, 9 },
		{ BY_SEARCH " 99 AND event <= 2 ORDER BY event DESC LIMIT 9" },
		{ BY_STATES, BY_RANGE } },
	{ "a key, oldest first, dead",
		{ { .target = -1, .type = -1, .search_key = 99, .states = STATE(DELIVERY_DEAD) },
			false, 131073, 9, 9 },
		{ BY_SEARCH " 99 AND event >= 2 ORDER BY event LIMIT 9", "(8 >> scanned.state" },
		{ BY_STATES } },
	{ "times, with their slack",
		{ { .target = -1, .type = -1, .since_us = 10000000, .until_us = 20000000 }, false,
			0, 9, 9 },
		{ "event_from(5000000) << 16", "event_from(25000000) << 16",
			" AND e.received >= 10000000", " AND e.received < 20000000" },
		{ BY_STATES } },
	{ "a type", { { .target = -1, .type = 0 }, false, 0, 9, 9 }, { " AND e.type = 0" },
		{ BY_STATES } },
};

static void test_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf sql;

		buf_init(&sql, POSTGRES_FILTER_SIZE_MAX);
		postgres_filter_sql(&sql, &cases[i].page);
		for (size_t t = 0; t < TEXTS_MAX && cases[i].want[t] != NULL; t++)
			if (strstr(sql.data, cases[i].want[t]) == NULL)
				fail_msg("%s: without '%s':\n%s", cases[i].name, cases[i].want[t],
					sql.data);
		for (size_t t = 0; t < TEXTS_MAX && cases[i].never[t] != NULL; t++)
			if (strstr(sql.data, cases[i].never[t]) != NULL)
				fail_msg("%s: with '%s':\n%s", cases[i].name, cases[i].never[t],
					sql.data);
		assert_false(sql.overflowed);
		buf_free(&sql);
	}
}

/* The longest there is has room, with the largest numbers. */
static void test_the_longest_fits(void **state)
{
	struct postgres_page page = { .filter = { .target = STORE_TARGETS_MAX - 1,
					      .states = 0x1f & ~STATE(DELIVERY_DELIVERED),
					      .type = 255,
					      .since_us = INT64_MAX / 2,
					      .until_us = INT64_MAX / 2 },
		.is_down = true,
		.from = INT64_MAX,
		.scan_limit = SIZE_MAX,
		.count_max = SIZE_MAX };
	struct buf sql;

	(void)state;
	buf_init(&sql, POSTGRES_FILTER_SIZE_MAX);
	postgres_filter_sql(&sql, &page);
	assert_false(sql.overflowed);
	assert_true(sql.size < POSTGRES_FILTER_SIZE_MAX / 2);
	buf_free(&sql);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_the_longest_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
