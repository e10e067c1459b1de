/* SPDX-License-Identifier: MIT */
/*
 * The tables, in a schema of their own. They are those of SQLite (sqlite/file/schema.c has the reasons);
 * what differs is what several processes and PostgreSQL's way of keeping old versions ask for:
 *
 * event       Ids come from a sequence that gives blocks, so that a process numbers what it writes at
 *             once in the order of arrival. Rows are inserted and one day removed, never changed.
 * delivery    lease says who works on a leased one: the number of a process and of its transaction. A
 *             verdict names it, and changes nothing when another has taken over. Every verdict changes
 *             state, which the partial indexes name, so updates cannot be HOT and room on the page
 *             would be wasted: fillfactor stays 100, and autovacuum comes early and often instead.
 *             type, and the index that claims go by, came with the third step, as_new with the fourth.
 * instance    One row for each process, renewed every few seconds: its leases hold until alive_until.
 *             config is a mark of how it is configured, secrets left out, to be compared with the others'.
 * tally       Counts of deliveries, a row for each process and target, so that commits of several
 *             processes do not wait for one another's counts. Summed up when read; those of processes
 *             that are gone are folded into number 0. Changed by every commit: small, with room for
 *             HOT updates on the page.
 *             Since the fifth step those of sources too, under numbers from -2 down (PG_COUNTERS_SOURCES).
 * search and  Partitioned by day, and dropped by the day: they would be the largest to remove row by
 * attempt     row, and hold nothing that an event needs to be delivered.
 *
 * Versions: "version" is what the tables are, "oldest" the oldest program version that can work with
 * them. A step that only adds leaves "oldest" alone, so the release before keeps running beside.
 */
#include "schema.h"

#include <inttypes.h>
#include <stdio.h>

#include "repostal/memory.h"
#include "secret.h"

/* One lock for every change of tables; the number is arbitrary, and permanent. */
#define SCHEMA_LOCK_NUMBER "5785230419200501"
#define SCHEMA_LOCK "SELECT pg_advisory_xact_lock(" SCHEMA_LOCK_NUMBER ")"

/* Step n takes the tables from version n to n + 1. Released steps never change; new ones are added. */
static const char *const steps[] = {
	"CREATE SEQUENCE event_block AS bigint START 256 INCREMENT 256 MINVALUE 256;"
	"CREATE SEQUENCE instance_number AS bigint MAXVALUE 2000000000;"
	"CREATE TABLE source ("
	" number integer PRIMARY KEY,"
	" name text NOT NULL UNIQUE);"
	"CREATE TABLE target ("
	" number integer PRIMARY KEY,"
	" name text NOT NULL UNIQUE,"
	" paused boolean NOT NULL DEFAULT false,"
	" reason text NOT NULL DEFAULT '');"
	"CREATE TABLE instance ("
	" number bigint PRIMARY KEY,"
	" alive_until timestamptz NOT NULL) WITH (fillfactor = 10);"
	"CREATE TABLE tally ("
	" instance bigint NOT NULL,"
	" target integer NOT NULL," /* -1: open is the rows of quarantine */
	" open bigint NOT NULL,"
	" retrying bigint NOT NULL,"
	" dead bigint NOT NULL,"
	" PRIMARY KEY (instance, target)) WITH (fillfactor = 10,"
	" autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);"
	"CREATE TABLE event ("
	" id bigint PRIMARY KEY,"
	" occurred bigint NOT NULL," /* ms */
	" identity bigint,"
	" received bigint NOT NULL," /* us */
	" source integer NOT NULL,"
	" kind integer NOT NULL,"
	" type integer NOT NULL,"
	" content_type bytea," /* NULL: application/json */
	" raw bytea NOT NULL) WITH ("
	" autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);"
	"CREATE UNIQUE INDEX event_identity ON event (occurred, identity);"
	"CREATE TABLE delivery ("
	" id bigint PRIMARY KEY,"
	" target integer NOT NULL,"
	" state integer NOT NULL," /* enum delivery_state */
	" attempts integer NOT NULL,"
	" due bigint NOT NULL," /* ms */
	" lease bigint NOT NULL DEFAULT 0,"
	" code integer NOT NULL DEFAULT 0,"
	" transport integer NOT NULL DEFAULT 0,"
	" duration bigint NOT NULL DEFAULT 0," /* ms */
	" order_key bigint,"
	" earlier integer NOT NULL DEFAULT 0) WITH ("
	" autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,"
	" autovacuum_vacuum_cost_delay = 0);"
	"CREATE INDEX delivery_due ON delivery (target, due, id) WHERE state = 1;"
	"CREATE INDEX delivery_waiting ON delivery (target, id) WHERE state = 1;"
	"CREATE INDEX delivery_leased ON delivery (lease) WHERE state = 0;"
	"CREATE INDEX delivery_ended ON delivery (target, state, id) WHERE state > 2;"
	"CREATE INDEX delivery_ordered ON delivery (target, order_key, due, id)"
	" WHERE order_key IS NOT NULL AND state < 2;"
	"CREATE TABLE attempt ("
	" day integer NOT NULL,"
	" event bigint NOT NULL,"
	" target integer NOT NULL,"
	" number integer NOT NULL,"
	" started bigint NOT NULL,"  /* ms */
	" duration bigint NOT NULL," /* ms */
	" code integer NOT NULL,"
	" transport integer NOT NULL,"
	" answer bytea NOT NULL) PARTITION BY LIST (day);"
	"CREATE INDEX attempt_event ON attempt (event);"
	"CREATE TABLE search ("
	" day integer NOT NULL,"
	" key bigint NOT NULL,"
	" event bigint NOT NULL) PARTITION BY LIST (day);"
	"CREATE INDEX search_key ON search (key, event);"
	"CREATE TABLE quarantine ("
	" id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	" received bigint NOT NULL,"  /* us */
	" last_seen bigint NOT NULL," /* us */
	" seen bigint NOT NULL,"
	" source integer NOT NULL,"
	" kind integer NOT NULL,"
	" reason text NOT NULL,"
	" content_type bytea," /* as in event */
	" hash bigint NOT NULL,"
	" raw bytea NOT NULL);"
	"CREATE INDEX quarantine_hash ON quarantine (hash);"
	"CREATE INDEX quarantine_last_seen ON quarantine (last_seen);"
	/*
	 * Attaching, unlike creating in place, does not wait for those who write to other days.
	 *
	 * A session that reads the list of partitions while another attaches one may keep the list
	 * without it, until it hears of the next change: PostgreSQL drops its copy when the news come,
	 * and then finishes the one that it was making. Its inserts would fail until tomorrow. So a session that
	 * finds the day there changes a setting to what it is, and has to read the list again.
	 */
	"CREATE FUNCTION partition_add(day integer) RETURNS void LANGUAGE plpgsql AS $body$"
	" DECLARE parent text; made boolean;"
	" BEGIN"
	"  PERFORM pg_advisory_xact_lock(" SCHEMA_LOCK_NUMBER ");"
	/* By a query: to_regclass() may remember from before the lock that there was none. */
	"  made := NOT EXISTS (SELECT FROM pg_class WHERE relname = 'search_' || day"
	"   AND relnamespace = 'repostal'::regnamespace);"
	"  FOREACH parent IN ARRAY ARRAY['attempt', 'search'] LOOP"
	"   IF made THEN"
	"    EXECUTE format('CREATE TABLE repostal.%1$s_%2$s (LIKE repostal.%1$s)', parent, day);"
	"    EXECUTE format('ALTER TABLE repostal.%1$s ATTACH PARTITION repostal.%1$s_%2$s"
	" FOR VALUES IN (%2$s)', parent, day);"
	"   ELSE"
	"    EXECUTE format('ALTER TABLE ONLY repostal.%s ALTER COLUMN day SET STATISTICS -1',"
	" parent);"
	"   END IF;"
	"  END LOOP;"
	" END $body$;"
	/* One day at a time; how many there were to drop. */
	"CREATE FUNCTION partition_drop(before integer) RETURNS integer LANGUAGE plpgsql AS $body$"
	" DECLARE days integer[];"
	" BEGIN"
	"  PERFORM pg_advisory_xact_lock(" SCHEMA_LOCK_NUMBER ");"
	"  SELECT array_agg(d ORDER BY d) INTO days FROM"
	"   (SELECT substr(c.relname, 8)::integer AS d FROM pg_inherits i"
	"    JOIN pg_class c ON c.oid = i.inhrelid"
	"    WHERE i.inhparent = 'repostal.search'::regclass) AS partitions WHERE d < before;"
	"  IF days IS NULL THEN RETURN 0; END IF;"
	"  EXECUTE format('DROP TABLE IF EXISTS repostal.attempt_%s', days[1]);"
	"  EXECUTE format('DROP TABLE IF EXISTS repostal.search_%s', days[1]);"
	"  RETURN array_length(days, 1);"
	" END $body$;"
	/* The first event from which on all were received at that time or later, or one after it. */
	"CREATE FUNCTION event_from(received_us bigint) RETURNS bigint STABLE LANGUAGE plpgsql"
	" AS $body$"
	" DECLARE first bigint; behind bigint; middle bigint; found_id bigint; found_us bigint;"
	" BEGIN"
	"  SELECT min(id), max(id) + 1 INTO first, behind FROM repostal.event;"
	"  IF first IS NULL THEN RETURN 0; END IF;"
	"  WHILE first < behind LOOP"
	"   middle := first + (behind - first) / 2;"
	"   SELECT id, received INTO found_id, found_us FROM repostal.event"
	"    WHERE id >= middle ORDER BY id LIMIT 1;"
	"   IF NOT FOUND OR found_us >= received_us THEN behind := middle;"
	"   ELSE first := found_id + 1; END IF;"
	"  END LOOP;"
	"  RETURN behind;"
	" END $body$;",
	/* What its owner's configuration is like; 0: a release that does not say. */
	"ALTER TABLE instance ADD COLUMN config bigint NOT NULL DEFAULT 0;",

	"ALTER TABLE delivery ADD COLUMN type integer NOT NULL DEFAULT 7;" /* below STORE_TYPES */
	"UPDATE delivery AS d SET type = least(e.type, 7) FROM event AS e"
	" WHERE e.id = d.id >> 16 AND d.state < 2;"
	"DROP INDEX delivery_due;"
	"CREATE INDEX delivery_queue ON delivery (target, type, due, id) WHERE state = 1;",

	"ALTER TABLE delivery ADD COLUMN as_new integer NOT NULL DEFAULT 0;",

	"INSERT INTO tally (instance, target, open, retrying, dead)"
	" SELECT 0, -2 - e.source, count(*), 0, 0 FROM delivery AS d JOIN event AS e ON e.id = "
	"d.id >> 16"
	" WHERE d.state < 2 GROUP BY e.source"
	" ON CONFLICT (instance, target) DO UPDATE SET open = excluded.open;",
};

/* What "oldest" becomes with each step. */
static const int64_t oldest_after[] = { 1, 1, 1, 1, 1 };
_Static_assert(ARRAY_COUNT(oldest_after) == ARRAY_COUNT(steps), "one for each step");

static enum status read_meta(
	struct postgres_session *session, const char *key, int64_t *value_out, struct error *err)
{
	char sql[128];

	*value_out = 0;
	snprintf(sql, sizeof(sql), "SELECT value FROM repostal.meta WHERE key = '%s'", key);
	return postgres_session_int(session, sql, value_out, NULL, err);
}

static enum status check_versions(
	struct postgres_session *session, int64_t *version_out, struct error *err)
{
	const int64_t ours = (int64_t)ARRAY_COUNT(steps);
	int64_t oldest = 0;
	enum status status = read_meta(session, "version", version_out, err);

	if (status == STATUS_OK)
		status = read_meta(session, "oldest", &oldest, err);
	if (status != STATUS_OK || (*version_out <= ours || oldest <= ours))
		return status;
	error_set(err,
		"store: the tables were changed by a newer repostal (version %" PRId64
		", usable from %" PRId64 " on; this one is %" PRId64 "): use that version or newer",
		*version_out, oldest, ours);
	return STATUS_INVALID;
}

static enum status migrate(struct postgres_session *session, size_t version, struct error *err)
{
	char stamp[256];
	enum status status = postgres_session_script(session, steps[version], err);

	if (status != STATUS_OK)
		return status;
	snprintf(stamp, sizeof(stamp),
		"INSERT INTO meta (key, value) VALUES ('version', %zu), ('oldest', %" PRId64 ")"
		" ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		version + 1, oldest_after[version]);
	return postgres_session_script(session, stamp, err);
}

static enum status has_tables(struct postgres_session *session, bool *found_out, struct error *err)
{
	int64_t oid = 0;

	return postgres_session_int(
		session, "SELECT to_regclass('repostal.meta')::oid::bigint", &oid, found_out, err);
}

/* IF NOT EXISTS is not safe between two that do it at once: that is what the lock is for. */
static enum status open_locked(struct postgres_session *session, struct error *err)
{
	int64_t version = 0;
	bool found = false;
	enum status status = has_tables(session, &found, err);

	if (status == STATUS_OK && !found)
		status = postgres_session_script(session,
			"CREATE SCHEMA IF NOT EXISTS repostal;"
			"CREATE TABLE meta (key text PRIMARY KEY, value bigint NOT NULL)",
			err);
	if (status == STATUS_OK)
		status = check_versions(session, &version, err);
	for (size_t step = (size_t)version; status == STATUS_OK && step < ARRAY_COUNT(steps);
		step++)
		status = migrate(session, step, err);
	return status == STATUS_OK ? postgres_secret_make(session, err) : status;
}

enum status postgres_schema_open(struct postgres_session *session, struct error *err)
{
	enum status status = postgres_session_script(session, "BEGIN; " SCHEMA_LOCK, err);

	if (status == STATUS_OK)
		status = open_locked(session, err);
	if (status == STATUS_OK)
		return postgres_session_script(session, "COMMIT", err);
	(void)postgres_session_script(session, "ROLLBACK", NULL);
	return status;
}

enum status postgres_schema_probe(struct postgres_session *session, struct error *err)
{
	int64_t version = 0;
	bool found = false;
	enum status status = has_tables(session, &found, err);

	return status == STATUS_OK && found ? check_versions(session, &version, err) : status;
}

enum status postgres_schema_check(struct postgres_session *session, struct error *err)
{
	int64_t version = 0;
	bool found = false;
	enum status status = has_tables(session, &found, err);

	if (status != STATUS_OK)
		return status;
	if (!found) {
		error_set(err, "store: the database is empty: repostal has not run with it yet");
		return STATUS_NOT_FOUND;
	}
	status = check_versions(session, &version, err);
	if (status != STATUS_OK || version >= (int64_t)ARRAY_COUNT(steps))
		return status;
	error_set(err,
		"store: the tables are those of an older repostal (version %" PRId64
		"): start this one with them once",
		version);
	return STATUS_INVALID;
}
