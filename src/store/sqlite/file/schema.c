/* SPDX-License-Identifier: MIT */
/*
 * The tables. Numbers only, wherever a number will do; a column that stays 0 takes one byte.
 *
 * event       One row for each accepted event. identity is NULL in one whose dedup_window was over
 *             when the same event came again. Both indexed columns rise with the arrival (only
 *             events without a time do not), so the index is written at its end: measured, an index
 *             on the hash alone halves the speed after a million events.
 * delivery    id is event << 16 | target, so that a delivery is found by its row number and the rows
 *             of an event lie together. due: of a waiting one (SQL_DUE_HELD: it waits for another
 *             one of its order_key); when the verdict fell of a final one.
 *             The partial indexes cost a happy event little: it enters delivery_leased, a tree as
 *             large as what is in flight (measured: about 0.5 of 6.5 microseconds an event), and never the
 *             others. Both delivery_waiting and delivery_leased end in the row number, as every
 *             index does.
 * attempt     Only for what did not go well at once. An ordinary table: its rows may be too large
 *             for a table that is an index.
 * search      Finds events by their search keys. Keys are random, so a bucket of neighbouring events
 *             comes first: new rows go into the few pages of the last bucket, a search reads
 *             each bucket, and what is old goes from the front. Measured with 64 events a
 *             commit: 1.2 microseconds a key, the same after six million events.
 * quarantine  hash finds a body that came before; the bytes are compared.
 * target      With the counts of delivery, kept in the transactions that change it.
 *
 * What came with the fifth step: source has a count too, of the open deliveries of its events.
 *
 * What came with the fourth step: as_new is 0 in a delivery that goes out under its event's own uuid, else
 * the number that the uuid was made with under which an operator has it sent as new.
 *
 * What came with the third step: deliveries know their event's type, because a receiver may refuse one
 * and want the others: claims are by type. Those that had ended before it have type 7.
 *
 * What came with the second step: type is 255 in earlier events, and they have no search keys.
 * earlier is how many attempts a delivery had before an operator had it tried anew. delivery_ended
 * holds what is dead or discarded, delivery_ordered the open ones that have an order_key.
 */
#include "schema.h"

#include <stdio.h>

#include <sqlite3.h>

#include "error.h"
#include "file.h"
#include "format.h"
#include "repostal/memory.h"
#include "secret.h"

/* Step n takes a file from schema n to n + 1. Released steps never change; new ones are added. */
static const char *const steps[] = {
	"CREATE TABLE meta ("
	" key INTEGER PRIMARY KEY,"
	" value INTEGER NOT NULL) STRICT;"
	"CREATE TABLE source ("
	" number INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE target ("
	" number INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" open INTEGER NOT NULL DEFAULT 0,"
	" retrying INTEGER NOT NULL DEFAULT 0,"
	" dead INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE TABLE event ("
	" id INTEGER PRIMARY KEY,"
	" occurred INTEGER NOT NULL," /* ms */
	" identity INTEGER,"
	" received INTEGER NOT NULL," /* us */
	" source INTEGER NOT NULL,"
	" kind INTEGER NOT NULL,"
	" content_type TEXT," /* NULL: application/json */
	" raw BLOB NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX event_identity ON event (occurred, identity);"
	"CREATE TABLE delivery ("
	" id INTEGER PRIMARY KEY,"
	" target INTEGER NOT NULL,"
	" state INTEGER NOT NULL," /* enum delivery_state */
	" attempts INTEGER NOT NULL,"
	" due INTEGER NOT NULL," /* ms */
	" code INTEGER NOT NULL,"
	" transport INTEGER NOT NULL,"
	" duration INTEGER NOT NULL) STRICT;" /* ms */
	"CREATE INDEX delivery_due ON delivery (target, due) WHERE state = 1;"
	"CREATE INDEX delivery_waiting ON delivery (target) WHERE state = 1;"
	"CREATE INDEX delivery_leased ON delivery (target) WHERE state = 0;"
	"CREATE TABLE attempt ("
	" event INTEGER NOT NULL,"
	" target INTEGER NOT NULL,"
	" number INTEGER NOT NULL,"
	" started INTEGER NOT NULL,"  /* ms */
	" duration INTEGER NOT NULL," /* ms */
	" code INTEGER NOT NULL,"
	" transport INTEGER NOT NULL,"
	" answer BLOB NOT NULL,"
	" PRIMARY KEY (event, target, number)) STRICT;"
	"CREATE TABLE quarantine ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" received INTEGER NOT NULL,"  /* us */
	" last_seen INTEGER NOT NULL," /* us */
	" seen INTEGER NOT NULL,"
	" source INTEGER NOT NULL,"
	" kind INTEGER NOT NULL,"
	" reason TEXT NOT NULL,"
	" content_type TEXT," /* as in event */
	" hash INTEGER NOT NULL,"
	" raw BLOB NOT NULL) STRICT;"
	"CREATE INDEX quarantine_hash ON quarantine (hash);"
	"CREATE INDEX quarantine_last_seen ON quarantine (last_seen);",

	"ALTER TABLE event ADD COLUMN type INTEGER NOT NULL DEFAULT 255;"
	"ALTER TABLE delivery ADD COLUMN order_key INTEGER;"
	"ALTER TABLE delivery ADD COLUMN earlier INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE target ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE target ADD COLUMN reason TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX delivery_ended ON delivery (target, state) WHERE state > 2;"
	"CREATE INDEX delivery_ordered ON delivery (target, order_key, due)"
	" WHERE order_key IS NOT NULL AND state < 2;"
	"CREATE TABLE search ("
	" bucket INTEGER NOT NULL," /* event >> SQL_BUCKET_BITS */
	" key INTEGER NOT NULL,"
	" event INTEGER NOT NULL,"
	" PRIMARY KEY (bucket, key, event)) STRICT, WITHOUT ROWID;",

	"ALTER TABLE delivery ADD COLUMN type INTEGER NOT NULL DEFAULT 7;" /* below STORE_TYPES */
	"UPDATE delivery SET type ="
	" (SELECT min(e.type, 7) FROM event AS e WHERE e.id = delivery.id >> 16)"
	" WHERE state < 2 AND EXISTS (SELECT 1 FROM event AS e WHERE e.id = delivery.id >> 16);"
	"DROP INDEX delivery_due;"
	"CREATE INDEX delivery_due ON delivery (target, type, due) WHERE state = 1;",

	"ALTER TABLE delivery ADD COLUMN as_new INTEGER NOT NULL DEFAULT 0;",

	"ALTER TABLE source ADD COLUMN open INTEGER NOT NULL DEFAULT 0;"
	"UPDATE source SET open = counted.n FROM"
	" (SELECT e.source AS source, count(*) AS n FROM"
	" (SELECT id FROM delivery WHERE state = 1 UNION ALL SELECT id FROM delivery WHERE state = "
	"0)"
	" AS d CROSS JOIN event AS e ON e.id = d.id >> 16 GROUP BY e.source) AS counted"
	" WHERE counted.source = source.number;",
};

/*
 * synchronous FULL: a commit is on the disk when it returns. The log is moved into the file every
 * 1000 pages, SQLite's default: measured, longer logs save nothing, for most pages are written
 * once, and make the longest commit longer. journal_size_limit cuts the log after a burst.
 * secure_delete is compiled in on Debian and would write every freed page again; FAST clears what
 * is written anyway.
 */
static const char connection_settings[] = "PRAGMA page_size = 4096;"
					  "PRAGMA auto_vacuum = INCREMENTAL;"
					  "PRAGMA journal_mode = WAL;"
					  "PRAGMA synchronous = FULL;"
					  "PRAGMA foreign_keys = OFF;"
					  "PRAGMA locking_mode = NORMAL;"
					  "PRAGMA trusted_schema = OFF;"
					  "PRAGMA secure_delete = FAST;"
					  "PRAGMA cache_size = -8192;"
					  "PRAGMA mmap_size = 0;"
					  "PRAGMA temp_store = MEMORY;"
					  "PRAGMA wal_autocheckpoint = 1000;"
					  "PRAGMA journal_size_limit = 8388608;";

static enum status run(struct sqlite3 *db, const char *path, const char *sql, struct error *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_explain(db, path, "cannot prepare the file", err);
	return STATUS_OK;
}

static enum status read_int(struct sqlite3 *db, const char *path, const char *sql,
	int64_t *value_out, struct error *err)
{
	struct sqlite3_stmt *statement = NULL;
	enum status status = STATUS_OK;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW)
		status = sqlite_explain(db, path, "cannot read the file", err);
	else
		*value_out = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return status;
}

/* A file without any table is a new one, or one whose creation a crash cut short. */
enum status sqlite_schema_identify(
	struct sqlite3 *db, const char *path, int64_t *version_out, struct error *err)
{
	int64_t tables_count = 0, application = 0;
	enum status status;

	status = read_int(db, path, "SELECT count(*) FROM sqlite_schema", &tables_count, err);
	if (status == STATUS_OK)
		status = read_int(db, path, "PRAGMA application_id", &application, err);
	if (status == STATUS_OK)
		status = read_int(db, path, "PRAGMA user_version", version_out, err);
	if (status != STATUS_OK)
		return status;
	if (application != SQLITE_ID_STORE && application != SQLITE_ID_COPY &&
		(tables_count > 0 || application != 0)) {
		error_set(
			err, "store '%s' is a database of another program: set another path", path);
		return STATUS_INVALID;
	}
	if (*version_out < 0 || *version_out > (int64_t)ARRAY_COUNT(steps)) {
		error_set(err,
			"store '%s' was written by a newer repostal (schema %lld; this one knows "
			"up "
			"to %zu): use that version or newer",
			path, (long long)*version_out, ARRAY_COUNT(steps));
		return STATUS_INVALID;
	}
	return STATUS_OK;
}

static enum status migrate(struct sqlite3 *db, const char *path, size_t version, struct error *err)
{
	char stamp[128];
	enum status status;

	snprintf(stamp, sizeof(stamp),
		"PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT", SQLITE_ID_STORE,
		version + 1);
	status = run(db, path, "BEGIN IMMEDIATE", err);
	if (status == STATUS_OK)
		status = run(db, path, steps[version], err);
	if (status == STATUS_OK)
		status = run(db, path, stamp, err);
	return status; /* a failure ends in closing the connection, which rolls back */
}

enum status sqlite_schema_check(struct sqlite3 *db, const char *path, struct error *err)
{
	int64_t version = 0;
	enum status status;

	status = sqlite_schema_identify(db, path, &version, err);
	if (status != STATUS_OK || version == (int64_t)ARRAY_COUNT(steps))
		return status;
	if (version == 0) {
		error_set(err, "store '%s' is empty: repostal has not run with it yet", path);
		return STATUS_NOT_FOUND;
	}
	error_set(err,
		"store '%s' was written by an older repostal (schema %lld, this one reads %zu): "
		"start this one with it once",
		path, (long long)version, ARRAY_COUNT(steps));
	return STATUS_INVALID;
}

enum status sqlite_schema_open(
	struct sqlite3 *db, const char *path, bool was_used, struct error *err)
{
	int64_t version = 0;
	enum status status;

	status = sqlite_schema_identify(db, path, &version, err);
	if (status == STATUS_OK && version == 0 && was_used)
		status = sqlite_file_refuse_empty(path, err);
	if (status == STATUS_OK)
		status = run(db, path, connection_settings, err);
	for (size_t step = (size_t)version; status == STATUS_OK && step < ARRAY_COUNT(steps);
		step++)
		status = migrate(db, path, step, err);
	if (status == STATUS_OK)
		status = sqlite_secret_make(db, path, err);
	return status;
}
