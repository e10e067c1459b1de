/* SPDX-License-Identifier: MIT */
#include "filter.h"

#include <inttypes.h>

enum {
	TIME_SLACK_US = 5 * 1000 * 1000, /* how far received may fall while ids rise */
	STATES_INDEXED = 1 << DELIVERY_LEASED | 1 << DELIVERY_WAITING | 1 << DELIVERY_DEAD |
			 1 << DELIVERY_DISCARDED,
};

/* "id" within the page's ends; the times narrow by ids as far as they can. */
static void add_range(struct buf *sql, const struct postgres_page *page)
{
	const struct store_filter *filter = &page->filter;

	buf_printf(sql, "id %s %" PRId64, page->is_down ? "<" : ">", page->from);
	if (filter->event != 0)
		buf_printf(sql, " AND id BETWEEN %" PRId64 " AND %" PRId64, filter->event << 16,
			filter->event << 16 | 65535);
	if (filter->since_us != 0)
		buf_printf(sql, " AND id >= (SELECT event_from(%" PRId64 ") << 16)",
			filter->since_us - TIME_SLACK_US);
	if (filter->until_us != 0)
		buf_printf(sql, " AND id < (SELECT event_from(%" PRId64 ") << 16)",
			filter->until_us + TIME_SLACK_US);
}

static const char *direction(const struct postgres_page *page)
{
	return page->is_down ? " DESC" : "";
}

static void add_target(struct buf *sql, const char *column, const struct store_filter *filter)
{
	if (filter->target >= 0)
		buf_printf(sql, " AND %s = %d", column, filter->target);
}

/* Events of a key first; the index has them in order. */
static void add_by_search(struct buf *sql, const struct postgres_page *page)
{
	buf_printf(sql,
		"SELECT id, target, state FROM (SELECT DISTINCT event FROM search WHERE key = "
		"%" PRId64 " AND event %s %" PRId64 " ORDER BY event%s LIMIT %zu) AS s"
		" JOIN delivery ON id BETWEEN event << 16 AND event << 16 | 65535 WHERE ",
		page->filter.search_key, page->is_down ? "<=" : ">=", page->from >> 16,
		direction(page), page->scan_limit);
	add_range(sql, page);
}

/* Each index is in order of id for one target and state: a page is the first of all of them. */
static void add_by_states(struct buf *sql, const struct postgres_page *page)
{
	const char *separator = "";

	buf_append_text(sql, "SELECT * FROM (");
	for (int state = 0; state < DELIVERY_STATE_COUNT; state++) {
		if ((page->filter.states >> state & 1) == 0)
			continue;
		buf_printf(sql,
			"%sSELECT d.* FROM target AS t, LATERAL (SELECT id, target, state"
			" FROM delivery WHERE target = t.number AND state = %d",
			separator, state);
		/* So that the planner knows the partial index by its own words. */
		if (state > DELIVERY_DELIVERED)
			buf_append_text(sql, " AND state > 2");
		buf_append_text(sql, " AND ");
		add_range(sql, page);
		buf_printf(sql, " ORDER BY id%s LIMIT %zu) AS d WHERE true", direction(page),
			page->scan_limit);
		add_target(sql, "t.number", &page->filter);
		separator = " UNION ALL ";
	}
	buf_append_text(sql, ") AS u");
}

static void add_by_range(struct buf *sql, const struct postgres_page *page)
{
	buf_append_text(sql, "SELECT id, target, state FROM delivery WHERE ");
	add_range(sql, page);
}

static void add_scanned(struct buf *sql, const struct postgres_page *page)
{
	const struct store_filter *filter = &page->filter;
	bool is_indexed = filter->states != 0 && (filter->states & ~(uint32_t)STATES_INDEXED) == 0;

	if (filter->search_key != 0)
		add_by_search(sql, page);
	else if (filter->event == 0 && is_indexed)
		add_by_states(sql, page);
	else
		add_by_range(sql, page);
	buf_printf(sql, " ORDER BY id%s LIMIT %zu", direction(page), page->scan_limit);
}

static void add_conditions(struct buf *sql, const struct store_filter *filter)
{
	add_target(sql, "scanned.target", filter);
	if (filter->states != 0)
		buf_printf(sql, " AND (%u >> scanned.state & 1) = 1", (unsigned)filter->states);
	if (filter->type >= 0)
		buf_printf(sql, " AND e.type = %d", filter->type);
	if (filter->since_us != 0)
		buf_printf(sql, " AND e.received >= %" PRId64, filter->since_us);
	if (filter->until_us != 0)
		buf_printf(sql, " AND e.received < %" PRId64, filter->until_us);
}

void postgres_filter_sql(struct buf *sql, const struct postgres_page *page)
{
	buf_append_text(sql, "WITH scanned AS MATERIALIZED (");
	add_scanned(sql, page);
	buf_printf(sql,
		"), edge AS (SELECT count(*) AS count, %s(id) AS last FROM scanned),"
		" hits AS (SELECT scanned.id FROM scanned JOIN event AS e ON e.id = scanned.id >> "
		"16"
		" WHERE true",
		page->is_down ? "min" : "max");
	add_conditions(sql, &page->filter);
	buf_printf(sql,
		" ORDER BY scanned.id%s LIMIT %zu)"
		" SELECT hits.id, edge.count, edge.last FROM edge LEFT JOIN hits ON true",
		direction(page), page->count_max);
}
