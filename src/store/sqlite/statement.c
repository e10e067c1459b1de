/* SPDX-License-Identifier: MIT */
#include "statement.h"

#include <sqlite3.h>

#include "backend/rows.h"
#include "file/error.h"
#include "store.h"

#define HELD SQL_TEXT_OF(SQL_DUE_HELD)
#define BITS SQL_TEXT_OF(SQL_BUCKET_BITS)

/* INDEXED BY makes a plan without the index fail at open, rather than turn slow with the backlog.
 */
static const struct {
	const char *purpose; /* of error texts: "store '...': cannot ..." */
	const char *sql;
} statements[SQL_COUNT] = {
	[SQL_BEGIN] = { "begin", "BEGIN IMMEDIATE" },
	[SQL_COMMIT] = { "commit", "COMMIT" },
	[SQL_ROLLBACK] = { "roll back", "ROLLBACK" },
	[SQL_TARGET_FIND] = { "find a target", "SELECT number FROM target WHERE name = ?1" },
	[SQL_TARGET_ADD] = { "add a target", "INSERT INTO target (number, name) VALUES (?1, ?2)" },
	[SQL_TARGET_LIST] = { "list the targets",
		"SELECT number, open, retrying, dead, name, paused, reason FROM target"
		" ORDER BY number" },
	[SQL_TARGET_COUNT] = { "count deliveries",
		"UPDATE target SET open = open + ?2, retrying = retrying + ?3, dead = dead + ?4"
		" WHERE number = ?1" },
	[SQL_TARGET_PAUSE] = { "pause a target",
		"UPDATE target SET paused = ?2, reason = ?3 WHERE number = ?1" },
	[SQL_SOURCE_FIND] = { "find a source", "SELECT number FROM source WHERE name = ?1" },
	[SQL_SOURCE_ADD] = { "add a source", "INSERT INTO source (number, name) VALUES (?1, ?2)" },
	[SQL_SOURCE_LIST] = { "list the sources",
		"SELECT number, name, open FROM source ORDER BY number" },
	[SQL_SOURCE_COUNT] = { "count deliveries",
		"UPDATE source SET open = open + ?2 WHERE number = ?1" },
	[SQL_META_READ] = { "read a number", "SELECT value FROM meta WHERE key = ?1" },
	[SQL_META_WRITE] = { "write a number",
		"INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)" },
	[SQL_EVENT_LAST] = { "find the newest event", "SELECT max(id) FROM event" },
	[SQL_EVENT_INSERT] = { "append an event",
		"INSERT INTO event"
		" (id, occurred, identity, received, source, kind, content_type, raw, type)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
		" ON CONFLICT (occurred, identity) DO NOTHING" },
	/* Two keys of one event may be the same. */
	[SQL_SEARCH_INSERT] = { "append a search key",
		"INSERT OR IGNORE INTO search (bucket, key, event) VALUES (?1, ?2, ?3)" },
	[SQL_EVENT_DUPLICATE] = { "find a duplicate",
		"SELECT id, received FROM event WHERE occurred = ?1 AND identity = ?2" },
	[SQL_EVENT_FORGET_IDENTITY] = { "append an event",
		"UPDATE event SET identity = NULL WHERE id = ?1" },
	[SQL_DELIVERY_INSERT] = { "append a delivery",
		"INSERT INTO delivery"
		" (id, target, state, attempts, due, code, transport, duration, order_key, type)"
		" VALUES (?1, ?2, ?3, ?4, ?5, 0, ?8, 0, ?6, ?7)" },
	[SQL_DELIVERY_FINISH] = { "record a verdict",
		"UPDATE delivery SET state = ?2, due = ?3, code = ?4, transport = ?5, duration = ?6"
		" WHERE id = ?1 AND state = 0" },
	[SQL_DELIVERY_RETRY] = { "record a retry",
		"UPDATE delivery SET state = 1, due = ?2, code = ?3, transport = ?4, duration = ?5"
		" WHERE id = ?1 AND state = 0 RETURNING attempts" },
	[SQL_DELIVERY_RELEASE] = { "release a delivery",
		"UPDATE delivery SET state = 1, due = ?2, attempts = attempts - 1"
		" WHERE id = ?1 AND state = 0 RETURNING attempts" },
	[SQL_DELIVERY_EXTRAS] = { "record a verdict",
		"SELECT order_key IS NOT NULL, earlier FROM delivery WHERE id = ?1" },
	[SQL_ATTEMPT_INSERT] = { "record an attempt",
		"INSERT OR REPLACE INTO attempt"
		" (event, target, number, started, duration, code, transport, answer)"
		" VALUES (?1, ?2, ?3 + (SELECT earlier FROM delivery WHERE id = ?1 << 16 | ?2),"
		" ?4, ?5, ?6, ?7, ?8)" },
	[SQL_ORDER_BUSY] = { "find deliveries of an order",
		"SELECT 1 FROM delivery INDEXED BY delivery_ordered"
		" WHERE target = ?1 AND order_key = ?2 AND state < 2 LIMIT 1" },
	/* The first by due time is a held one only if there is no other. */
	[SQL_ORDER_RELEASE] = { "release the next of an order",
		"UPDATE delivery SET due = ?2 WHERE due = " HELD " AND id ="
		" (SELECT next.id FROM delivery AS ended"
		" CROSS JOIN delivery AS next INDEXED BY delivery_ordered"
		" ON next.target = ended.target AND next.order_key = ended.order_key"
		" WHERE ended.id = ?1 AND next.state < 2 ORDER BY next.due, next.id LIMIT 1)" },
	/* CROSS JOIN: in this order. */
	[SQL_DELIVERY_DUE] = { "claim deliveries",
		"SELECT e.id, e.received, d.attempts, e.source, e.kind, e.content_type, e.raw,"
		" d.order_key IS NOT NULL OR d.earlier > 0, d.earlier > 0, d.as_new"
		" FROM delivery AS d INDEXED BY delivery_due CROSS JOIN event AS e ON e.id = d.id "
		">> 16"
		" WHERE d.target = ?1 AND d.type = ?2 AND d.state = 1 AND d.due <= ?3"
		" ORDER BY d.due, d.id LIMIT ?4" },
	[SQL_DELIVERY_LEASE] = { "lease a delivery", "UPDATE delivery SET state = 0, attempts = "
						     "attempts + 1 WHERE id = ?1 AND state = 1" },
	/* Joined for the same reason as above: what cannot be claimed must not look due permanently.
	 */
	[SQL_DELIVERY_NEXT_DUE] = { "find what is due next",
		"SELECT d.due"
		" FROM delivery AS d INDEXED BY delivery_due CROSS JOIN event AS e ON e.id = d.id "
		">> 16"
		" WHERE d.target = ?1 AND d.type = ?2 AND d.state = 1 ORDER BY d.due LIMIT 1" },
	[SQL_DELIVERY_OLDEST] = { "find the oldest waiting event",
		"SELECT received FROM event WHERE id ="
		" (SELECT id >> 16 FROM delivery INDEXED BY delivery_waiting"
		" WHERE target = ?1 AND state = 1 ORDER BY id LIMIT 1)" },
	[SQL_LEASED_COUNT] = { "count leased deliveries",
		"SELECT target, count(*) FROM delivery INDEXED BY delivery_leased"
		" WHERE state = 0 GROUP BY target" },
	[SQL_LEASED_RECOVER] = { "recover leased deliveries",
		"UPDATE delivery INDEXED BY delivery_leased SET state = 1, due = ?1 WHERE state = "
		"0" },
	[SQL_QUARANTINE_FIND] = { "find a quarantined body",
		"SELECT id FROM (SELECT id, source, raw FROM quarantine INDEXED BY quarantine_hash"
		" WHERE hash = ?1 LIMIT " SQL_TEXT_OF(
			STORE_QUARANTINE_COMPARED) ")"
						   " WHERE source = ?2 AND raw = ?3" },
	[SQL_QUARANTINE_REPEAT] = { "quarantine a body again",
		"UPDATE quarantine SET seen = seen + 1, last_seen = max(last_seen, ?2) WHERE id = "
		"?1" },
	[SQL_QUARANTINE_INSERT] = { "quarantine a body",
		"INSERT INTO quarantine"
		" (received, last_seen, seen, source, kind, reason, content_type, hash, raw)"
		" VALUES (?1, ?1, 1, ?2, ?3, ?4, ?5, ?6, ?7)" },
	[SQL_UNQUARANTINE] = { "remove a quarantined body",
		"DELETE FROM quarantine WHERE id = ?1" },
	[SQL_CHANGE_READ] = { "look at a delivery",
		"SELECT target, state, attempts, due, order_key,"
		" (SELECT source FROM event WHERE id = ?1 >> 16)"
		" FROM delivery WHERE id = ?1" },
	[SQL_CHANGE_KEEP_ATTEMPT] = { "keep an attempt",
		"INSERT OR IGNORE INTO attempt"
		" (event, target, number, started, duration, code, transport, answer)"
		" SELECT id >> 16, target, earlier + attempts, due - duration, duration, code,"
		" transport, x'' FROM delivery WHERE id = ?1" },
	[SQL_CHANGE_RETRY] = { "take a delivery up again",
		"UPDATE delivery SET state = 1, due = ?2, earlier = earlier + attempts, attempts = "
		"0"
		" WHERE id = ?1" },
	[SQL_CHANGE_DISCARD] = { "discard a delivery",
		"UPDATE delivery SET state = 4, due = ?2 WHERE id = ?1" },
	[SQL_CHANGE_NUMBER_ANEW] = { "number a delivery anew",
		"UPDATE delivery SET as_new = as_new + ?2 WHERE id = ?1 RETURNING as_new" },
	[SQL_SWEEP_SCAN] = { "look for old events",
		"SELECT e.id, e.received, length(e.raw), d.state, d.due"
		" FROM event AS e"
		" LEFT JOIN delivery AS d ON d.id BETWEEN e.id << 16 AND e.id << 16 | 65535"
		" WHERE e.id > ?1 ORDER BY e.id" },
	[SQL_SWEEP_DEAD] = { "count old dead deliveries",
		"SELECT target, count(*) FROM delivery"
		" WHERE id BETWEEN ?1 << 16 AND ?2 << 16 | 65535 AND state = 3 GROUP BY target" },
	[SQL_SWEEP_ATTEMPTS] = { "remove old attempts",
		"DELETE FROM attempt WHERE event BETWEEN ?1 AND ?2" },
	[SQL_SWEEP_DELIVERIES] = { "remove old deliveries",
		"DELETE FROM delivery WHERE id BETWEEN ?1 << 16 AND ?2 << 16 | 65535" },
	[SQL_SWEEP_EVENTS] = { "remove old events",
		"DELETE FROM event WHERE id BETWEEN ?1 AND ?2" },
	/* After the events themselves. */
	[SQL_SWEEP_SEARCH] = { "remove old search keys",
		"DELETE FROM search WHERE bucket BETWEEN ?1 >> " BITS " AND ?2 >> " BITS
		" AND event BETWEEN ?1 AND ?2"
		" AND NOT EXISTS (SELECT 1 FROM event WHERE id = search.event)" },
	[SQL_SWEEP_QUARANTINE] = { "remove old quarantined bodies",
		"DELETE FROM quarantine WHERE id IN"
		" (SELECT id FROM quarantine INDEXED BY quarantine_last_seen"
		" WHERE last_seen <= ?1 ORDER BY last_seen LIMIT ?2)" },
	[SQL_PAGES] = { "count pages", "PRAGMA page_count" },
	[SQL_PAGES_FREE] = { "count free pages", "PRAGMA freelist_count" },
	[SQL_PAGES_GIVE_BACK] = { "give free pages back", "PRAGMA incremental_vacuum(128)" },
};

enum status sqlite_failed(struct sqlite_store *sqlite, const char *purpose, struct error *err)
{
	return sqlite_explain(sqlite->db, sqlite->path, purpose, err);
}

enum status sqlite_prepare_all(struct sqlite_store *sqlite, struct error *err)
{
	for (size_t i = 0; i < SQL_COUNT; i++)
		if (sqlite3_prepare_v3(sqlite->db, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
			    &sqlite->statements[i], NULL) != SQLITE_OK)
			return sqlite_failed(sqlite, statements[i].purpose, err);
	return STATUS_OK;
}

void sqlite_finalize_all(struct sqlite_store *sqlite)
{
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(sqlite->statements[i]);
}

enum status sqlite_fetch(
	struct sqlite_store *sqlite, enum sqlite_statement which, bool *row_out, struct error *err)
{
	struct sqlite3_stmt *statement = sqlite->statements[which];
	enum status status = STATUS_OK;
	int code = sqlite3_step(statement);

	*row_out = code == SQLITE_ROW;
	if (code == SQLITE_ROW)
		return STATUS_OK;
	if (code != SQLITE_DONE)
		status = sqlite_failed(sqlite, statements[which].purpose, err);
	sqlite3_reset(statement);
	return status;
}

void sqlite_done(struct sqlite_store *sqlite, enum sqlite_statement which)
{
	sqlite3_reset(sqlite->statements[which]);
}

enum status sqlite_execute(
	struct sqlite_store *sqlite, enum sqlite_statement which, struct error *err)
{
	bool row = true;
	enum status status = STATUS_OK;

	while (status == STATUS_OK && row)
		status = sqlite_fetch(sqlite, which, &row, err);
	return status;
}

enum status sqlite_read_int(struct sqlite_store *sqlite, enum sqlite_statement which,
	int64_t *value_out, bool *found_out, struct error *err)
{
	bool row = false;
	enum status status;

	status = sqlite_fetch(sqlite, which, &row, err);
	if (status == STATUS_OK && row) {
		*value_out = sqlite3_column_int64(sqlite->statements[which], 0);
		sqlite_done(sqlite, which);
	}
	if (found_out != NULL)
		*found_out = row;
	return status;
}

enum status sqlite_meta_write(
	struct sqlite_store *sqlite, enum sqlite_meta key, int64_t value, struct error *err)
{
	sqlite3_bind_int(sqlite->statements[SQL_META_WRITE], 1, (int)key);
	sqlite3_bind_int64(sqlite->statements[SQL_META_WRITE], 2, value);
	return sqlite_execute(sqlite, SQL_META_WRITE, err);
}
