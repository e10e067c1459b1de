/* SPDX-License-Identifier: MIT */
/*
 * What the store's connection says. Parameters and columns are binary, so each has its type written
 * out. A bigint array and a row of numbers look the same to every version of the server.
 */
#include "statement.h"

#include "backend/rows.h"
#include "format.h"

#define HELD PG_TEXT_OF(PG_DUE_HELD)

/* Indexed by enum postgres_statement. */
static const struct postgres_statement_text list[PG_STATEMENT_COUNT] = {
	[PG_BEGIN] = { "begin", "BEGIN" },
	[PG_COMMIT] = { "commit", "COMMIT" },
	[PG_ROLLBACK] = { "roll back", "ROLLBACK" },
	[PG_TARGET_LIST] = { "list the targets",
		"SELECT number, convert_to(name, 'UTF8'), paused::int, convert_to(reason, 'UTF8')"
		" FROM target ORDER BY number" },
	[PG_SOURCE_LIST] = { "list the sources",
		"SELECT number, convert_to(name, 'UTF8') FROM source ORDER BY number" },
	[PG_NAMES_LOCK] = { "lock the names", "SELECT pg_advisory_xact_lock(5785230419200502)" },
	[PG_TARGET_ADD] = { "add a target",
		"INSERT INTO target (number, name) VALUES ($1::int, convert_from($2::bytea, "
		"'UTF8'))" },
	[PG_SOURCE_ADD] = { "add a source",
		"INSERT INTO source (number, name) VALUES ($1::int, convert_from($2::bytea, "
		"'UTF8'))" },
	[PG_TARGET_PAUSE] = { "pause a target",
		"UPDATE target SET paused = $2::int <> 0, reason = convert_from($3::bytea, 'UTF8')"
		" WHERE number = $1::int" },
	[PG_TARGET_RENAME] = { "rename a target",
		"UPDATE target SET name = convert_from($2::bytea, 'UTF8'), paused = false, reason "
		"= ''"
		" WHERE number = $1::int" },
	[PG_SOURCE_RENAME] = { "rename a source",
		"UPDATE source SET name = convert_from($2::bytea, 'UTF8') WHERE number = $1::int" },
	/* Each looks at every row, once; a pause is kept, although nothing waits. */
	[PG_TARGET_UNUSED] = { "look for unused names",
		"SELECT number FROM target WHERE NOT paused"
		" AND number NOT IN (SELECT DISTINCT target FROM delivery)" },
	[PG_SOURCE_UNUSED] = { "look for unused names",
		"SELECT number FROM source WHERE number NOT IN (SELECT DISTINCT source FROM event)"
		" AND number NOT IN (SELECT DISTINCT source FROM quarantine)" },
	[PG_TARGET_FORGET] = { "forget a target",
		"WITH page AS MATERIALIZED (SELECT id FROM delivery WHERE id > $2::bigint"
		" ORDER BY id LIMIT 2000), gone AS (DELETE FROM delivery AS d USING page"
		" WHERE d.id = page.id AND d.target = $1::int AND d.state > 1"
		" RETURNING d.id >> 16 AS event, d.state),"
		" tried AS (DELETE FROM attempt AS a USING gone"
		" WHERE a.event = gone.event AND a.target = $1::int)"
		" SELECT coalesce((SELECT max(id) FROM page), 0),"
		" (SELECT count(*) FROM gone WHERE state = 3)" },
	[PG_COUNTERS_READ] = { "count deliveries",
		"SELECT target, sum(open)::bigint, sum(retrying)::bigint, sum(dead)::bigint"
		" FROM tally GROUP BY target" },
	[PG_COUNTERS_ADD] = { "count deliveries",
		"INSERT INTO tally (instance, target, open, retrying, dead)"
		" SELECT $1::bigint, * FROM unnest($2::int[], $3::bigint[], $4::bigint[], "
		"$5::bigint[])"
		" ON CONFLICT (instance, target) DO UPDATE SET open = tally.open + excluded.open,"
		" retrying = tally.retrying + excluded.retrying, dead = tally.dead + "
		"excluded.dead" },
	/*
	 * Deliveries of one order belong together across processes: a transaction that adds to an
	 * order or ends one of it holds its lock to the end. All are taken at once, in one
	 * order.
	 */
	[PG_ORDER_LOCK] = { "lock an order",
		"SELECT count(pg_advisory_xact_lock(k)) FROM"
		" (SELECT order_key # target AS k FROM delivery"
		" WHERE id = ANY($1::bigint[]) AND order_key IS NOT NULL"
		" UNION SELECT unnest($2::bigint[]) ORDER BY 1 OFFSET 0) AS keys" },
	/*
	 * n is the place in the order of arrival; the rows come in the order of the unique index, so
	 * that two processes with the same events wait for each other and never in a circle.
	 */
	[PG_EVENT_INSERT] = { "append events",
		"WITH block AS MATERIALIZED (SELECT nextval('event_block') AS first)"
		" INSERT INTO event"
		" (id, occurred, identity, received, source, kind, type, content_type, raw)"
		" SELECT block.first + n, occurred, identity, received, source, kind, type,"
		" content_type, raw FROM block, unnest($1::int[], $2::bigint[], $3::bigint[],"
		" $4::bigint[], $5::int[], $6::int[], $7::int[], $8::bytea[], $9::bytea[])"
		" AS e(n, occurred, identity, received, source, kind, type, content_type, raw)"
		" ON CONFLICT (occurred, identity) DO NOTHING RETURNING id" },
	[PG_EVENT_DUPLICATES] = { "find duplicates",
		"SELECT n, e.id, e.received FROM unnest($1::int[], $2::bigint[], $3::bigint[])"
		" AS t(n, occurred, identity) JOIN event AS e"
		" ON e.occurred = t.occurred AND e.identity = t.identity" },
	[PG_EVENT_FORGET_IDENTITY] = { "append an event",
		"UPDATE event SET identity = NULL WHERE id = ANY($1::bigint[])" },
	[PG_DELIVERY_INSERT] = { "append deliveries",
		"INSERT INTO delivery (id, target, state, attempts, due, lease, type, transport)"
		" SELECT id, id & 65535, state, attempts, due, lease, type, transport FROM "
		"unnest($1::bigint[], $2::int[], $3::int[], $4::bigint[], $5::bigint[], $6::int[],"
		" $7::int[]) AS d(id, state, attempts, due, lease, type, transport)" },
	[PG_DELIVERY_INSERT_ORDERED] = { "append deliveries",
		"INSERT INTO delivery (id, target, state, attempts, due, order_key, type)"
		" SELECT id, id & 65535, 1, 0, CASE WHEN"
		" row_number() OVER (PARTITION BY id & 65535, order_key ORDER BY id) > 1"
		" OR EXISTS (SELECT FROM delivery AS o WHERE o.target = d.id & 65535"
		" AND o.order_key = d.order_key AND o.state < 2) THEN " HELD " ELSE due END, "
		"order_key, type"
		" FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[])"
		" AS d(id, due, order_key, type)" },
	[PG_SEARCH_INSERT] = { "append search keys",
		"INSERT INTO search (day, key, event)"
		" SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[])" },
	[PG_VERDICT] = { "record verdicts",
		"UPDATE delivery AS d SET state = v.state, due = v.due, lease = 0,"
		" attempts = d.attempts - v.released,"
		" code = CASE v.released WHEN 1 THEN d.code ELSE v.code END,"
		" transport = CASE v.released WHEN 1 THEN d.transport ELSE v.transport END,"
		" duration = CASE v.released WHEN 1 THEN d.duration ELSE v.duration END"
		" FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::int[], $5::int[],"
		" $6::bigint[], $7::int[], $8::int[], $9::bigint[])"
		" AS v(n, id, lease, state, released, due, code, transport, duration)"
		" WHERE d.id = v.id AND d.state = 0 AND d.lease = v.lease"
		" RETURNING v.n, d.attempts, d.earlier, (d.order_key IS NOT NULL)::int" },
	[PG_ATTEMPT_INSERT] = { "record attempts",
		"INSERT INTO attempt"
		" (day, event, target, number, started, duration, code, transport, answer)"
		" SELECT * FROM unnest($1::int[], $2::bigint[], $3::int[], $4::int[], "
		"$5::bigint[],"
		" $6::bigint[], $7::int[], $8::int[], $9::bytea[])" },
	/* The first by due time is a held one only if there is no other. */
	[PG_ORDER_RELEASE] = { "release the next of an order",
		"UPDATE delivery SET due = $2::bigint FROM"
		" (SELECT DISTINCT ON (d.target, d.order_key) d.id, d.due FROM delivery AS d"
		" WHERE d.state < 2 AND d.order_key IS NOT NULL AND (d.target, d.order_key) IN"
		" (SELECT target, order_key FROM delivery WHERE id = ANY($1::bigint[]))"
		" ORDER BY d.target, d.order_key, d.due, d.id) AS next"
		" WHERE delivery.id = next.id AND next.due = " HELD },
	/*
	 * What others are just claiming is passed by. The first one always fits; the bytes before
	 * each are those of what is due earlier.
	 */
	[PG_CLAIM] = { "claim deliveries",
		"WITH due AS MATERIALIZED (SELECT id, due FROM delivery"
		" WHERE target = $1::int AND type = $6::int AND state = 1 AND due <= $2::bigint"
		" ORDER BY due, id LIMIT $3::int FOR UPDATE SKIP LOCKED),"
		" sized AS MATERIALIZED (SELECT due.id, due.due, sum(octet_length(e.raw))"
		" OVER (ORDER BY due.due, due.id) AS upto,"
		" row_number() OVER (ORDER BY due.due, due.id) AS n"
		" FROM due JOIN event AS e ON e.id = due.id >> 16),"
		" leased AS (UPDATE delivery AS d SET state = 0, attempts = attempts + 1,"
		" lease = $5::bigint FROM sized"
		" WHERE d.id = sized.id AND (sized.n = 1 OR sized.upto <= $4::bigint)"
		" RETURNING d.id, d.attempts, (d.order_key IS NOT NULL)::int AS ordered,"
		" (d.earlier > 0)::int AS replayed, d.as_new, sized.n)"
		" SELECT e.id, e.received, leased.attempts, e.source, e.kind, e.content_type, "
		"e.raw,"
		" leased.ordered, leased.replayed, leased.as_new FROM leased JOIN event AS e ON "
		"e.id = leased.id "
		">> 16"
		" ORDER BY leased.n" },
	[PG_NEXT_DUE] = { "find what is due next",
		"SELECT t.type, next.due FROM generate_series(0, 7) AS t(type), LATERAL"
		" (SELECT due FROM delivery AS d WHERE d.target = $1::int AND d.type = t.type"
		" AND d.state = 1 ORDER BY d.due LIMIT 1) AS next" },
	[PG_OLDEST] = { "find the oldest waiting event",
		"SELECT received FROM event WHERE id = (SELECT id >> 16 FROM delivery"
		" WHERE target = $1::int AND state = 1 ORDER BY id LIMIT 1)" },
	[PG_QUARANTINE_LOCK] = { "quarantine a body", "SELECT pg_advisory_xact_lock($1::bigint)" },
	[PG_QUARANTINE_FIND] = { "find a quarantined body",
		"SELECT id FROM (SELECT id, source, raw FROM quarantine WHERE hash = $1::bigint"
		" LIMIT " PG_TEXT_OF(
			STORE_QUARANTINE_COMPARED) ") AS alike"
						   " WHERE source = $2::int AND raw = $3::bytea" },
	[PG_QUARANTINE_REPEAT] = { "quarantine a body again",
		"UPDATE quarantine SET seen = seen + 1, last_seen = greatest(last_seen, "
		"$2::bigint)"
		" WHERE id = $1::bigint" },
	[PG_QUARANTINE_INSERT] = { "quarantine a body",
		"INSERT INTO quarantine"
		" (received, last_seen, seen, source, kind, reason, content_type, hash, raw)"
		" VALUES ($1::bigint, $1::bigint, 1, $2::int, $3::int,"
		" convert_from($4::bytea, 'UTF8'), $5::bytea, $6::bigint, $7::bytea) RETURNING "
		"id" },
	[PG_UNQUARANTINE] = { "remove a quarantined body",
		"DELETE FROM quarantine WHERE id = $1::bigint RETURNING id" },
	[PG_CHANGE_FIND] = { "look for deliveries", "SELECT 1" }, /* filter.c writes it */
	[PG_CHANGE_FIND_ONE] = { "look for a delivery",
		"SELECT id FROM delivery WHERE id = $1::bigint AND ($2::int >> state & 1) = 1" },
	/* One that went well at once has no row of its attempt, and its own is about to change. */
	[PG_CHANGE_KEEP_ATTEMPTS] = { "keep attempts",
		"INSERT INTO attempt"
		" (day, event, target, number, started, duration, code, transport, answer)"
		" SELECT $2::int, d.id >> 16, d.target, d.earlier + d.attempts, d.due - "
		"d.duration,"
		" d.duration, d.code, d.transport, ''::bytea FROM delivery AS d"
		" WHERE d.id = ANY($1::bigint[]) AND d.state = 2 AND NOT EXISTS"
		" (SELECT FROM attempt AS a WHERE a.event = d.id >> 16 AND a.target = d.target"
		" AND a.number = d.earlier + d.attempts)" },
	/* Both give what was there before; a row that changed meanwhile is left alone. */
	[PG_CHANGE_RETRY] = { "take deliveries up again",
		"WITH before AS MATERIALIZED (SELECT id, state, attempts, due FROM delivery"
		" WHERE id = ANY($1::bigint[]) AND state > 0 AND due <> " HELD
		" ORDER BY id FOR UPDATE)"
		" UPDATE delivery AS d SET state = 1, earlier = earlier + d.attempts, attempts = "
		"0,"
		" due = CASE WHEN before.state = 1 AND before.due < $2::bigint"
		" THEN before.due ELSE $2::bigint END"
		" FROM before WHERE d.id = before.id"
		" RETURNING d.id, d.target, before.state, before.attempts, (d.order_key IS NOT "
		"NULL)::int,"
		" (SELECT e.source FROM event AS e WHERE e.id = d.id >> 16)" },
	[PG_CHANGE_DISCARD] = { "discard deliveries",
		"WITH before AS MATERIALIZED (SELECT id, state, attempts FROM delivery"
		" WHERE id = ANY($1::bigint[]) AND state IN (1, 3) ORDER BY id FOR UPDATE)"
		" UPDATE delivery AS d SET state = 4, due = $2::bigint"
		" FROM before WHERE d.id = before.id"
		" RETURNING d.id, d.target, before.state, before.attempts, (d.order_key IS NOT "
		"NULL)::int,"
		" (SELECT e.source FROM event AS e WHERE e.id = d.id >> 16)" },
	[PG_CHANGE_NUMBER_ANEW] = { "number a delivery anew",
		"UPDATE delivery SET as_new = as_new + $2::int WHERE id = $1::bigint"
		" RETURNING as_new" },
	[PG_INSTANCE_NEW] = { "join the others",
		"INSERT INTO instance (number, alive_until, config)"
		" VALUES (nextval('instance_number'),"
		" clock_timestamp() + $1::bigint * interval '1 millisecond', $2::bigint)"
		" RETURNING number" },
	[PG_INSTANCE_RENEW] = { "renew the leases",
		"UPDATE instance SET alive_until ="
		" clock_timestamp() + $2::bigint * interval '1 millisecond', config = $3::bigint"
		" WHERE number = $1::bigint RETURNING number" },
	[PG_INSTANCE_END] = { "leave the others",
		"DELETE FROM instance WHERE number = $1::bigint" },
	[PG_INSTANCE_COUNT] = { "count the others",
		/* Releases know different settings: only those of one release are compared. */
		"SELECT count(*), count(*) FILTER (WHERE alive_until < clock_timestamp()),"
		" count(*) FILTER (WHERE alive_until >= clock_timestamp() AND config <> $1::bigint"
		" AND config >> " PG_TEXT_OF(
			STORE_CONFIG_MARK_BITS) " ="
						" $1::bigint >> " PG_TEXT_OF(
							STORE_CONFIG_MARK_BITS) ") FROM instance" },
	[PG_INSTANCE_REAP] = { "end leases",
		"DELETE FROM instance WHERE number IN (SELECT number FROM instance"
		" WHERE alive_until < clock_timestamp() LIMIT 8 FOR UPDATE SKIP LOCKED)"
		" RETURNING number" },
	[PG_LEASES_END] = { "end leases",
		"UPDATE delivery SET state = 1, lease = 0 WHERE state = 0"
		" AND lease BETWEEN $1::bigint AND $2::bigint RETURNING target" },
	/* Leased by a process that came back after its row was removed, and died. */
	[PG_LEASES_OF_NOBODY] = { "end leases",
		"UPDATE delivery SET state = 1, lease = 0 WHERE state = 0 AND"
		" lease >> 32 NOT IN (SELECT number FROM instance) RETURNING target" },
	[PG_COUNTERS_FOLD] = { "count deliveries",
		"WITH gone AS (DELETE FROM tally WHERE instance <> 0 AND instance NOT IN"
		" (SELECT number FROM instance) RETURNING target, open, retrying, dead)"
		" INSERT INTO tally (instance, target, open, retrying, dead)"
		" SELECT 0, target, sum(open), sum(retrying), sum(dead) FROM gone GROUP BY target"
		" ORDER BY target"
		" ON CONFLICT (instance, target) DO UPDATE SET open = tally.open + excluded.open,"
		" retrying = tally.retrying + excluded.retrying, dead = tally.dead + "
		"excluded.dead" },
	[PG_DUE_TARGETS] = { "find what is due",
		"SELECT t.number FROM target AS t WHERE EXISTS"
		" (SELECT FROM generate_series(0, 7) AS y(type), LATERAL (SELECT FROM delivery AS d"
		" WHERE d.target = t.number AND d.type = y.type AND d.state = 1"
		" AND d.due <= $1::bigint LIMIT 1) AS any_due)" },
	[PG_CLOCK] = { "read the clock",
		"SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint" },
	[PG_NOTIFY] = { "hint", "SELECT pg_notify('repostal_due', '')" },
	[PG_BYTES] = { "measure the tables",
		"SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class AS c"
		" WHERE c.relnamespace = 'repostal'::regnamespace AND c.relkind = 'r'" },
	[PG_SWEEP_LOCK] = { "remove old events",
		"SELECT pg_try_advisory_xact_lock(5785230419200503)::int" },
	/*
	 * From the cursor to the first event that is too young: whether each may go. $2: younger than
	 * this are too young; $3, $4: delivered and dead ones may go that ended at or before; $5:
	 * events that no target wanted.
	 */
	[PG_SWEEP_SCAN] = { "look for old events",
		"WITH batch AS MATERIALIZED"
		" (SELECT id, received, octet_length(raw) AS size FROM event WHERE id > $1::bigint"
		" ORDER BY id LIMIT 1000), old AS MATERIALIZED (SELECT * FROM batch WHERE id <"
		" coalesce((SELECT min(id) FROM batch WHERE received > $2::bigint),"
		" 9223372036854775807))"
		" SELECT old.id, (CASE WHEN d.kept IS NULL THEN old.received <= $5::bigint"
		" ELSE NOT d.kept END)::int, old.size FROM old"
		" LEFT JOIN LATERAL (SELECT bool_or(NOT (state = 2 AND due <= $3::bigint"
		" OR state IN (3, 4) AND due <= $4::bigint)) AS kept FROM delivery"
		" WHERE delivery.id BETWEEN old.id << 16 AND old.id << 16 | 65535) AS d ON true"
		" ORDER BY old.id" },
	[PG_SWEEP_DELIVERIES] = { "remove old deliveries",
		"WITH gone AS (DELETE FROM delivery AS d USING unnest($1::bigint[]) AS e(id)"
		" WHERE d.id BETWEEN e.id << 16 AND e.id << 16 | 65535 RETURNING target, state)"
		" SELECT target, count(*) FROM gone WHERE state = 3 GROUP BY target" },
	[PG_SWEEP_EVENTS] = { "remove old events",
		"DELETE FROM event WHERE id = ANY($1::bigint[])" },
	[PG_SWEEP_QUARANTINE] = { "remove old quarantined bodies",
		"WITH gone AS (DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine"
		" WHERE last_seen <= $1::bigint ORDER BY last_seen LIMIT 100"
		" FOR UPDATE SKIP LOCKED) RETURNING 1) SELECT count(*) FROM gone" },
	[PG_PARTITION_ADD] = { "add a day", "SELECT partition_add($1::int)::text" },
	[PG_PARTITION_DROP] = { "drop an old day", "SELECT partition_drop($1::int)" },
};

const struct postgres_statements postgres_store_statements = { list, PG_STATEMENT_COUNT };
