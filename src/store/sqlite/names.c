/* SPDX-License-Identifier: MIT */
/*
 * Names and their numbers, and what belongs to a target removed. The statements of what is rarely done are
 * prepared when they are needed, for some read every row.
 */

#include <sqlite3.h>

#include "backend/names.h"
#include "steps.h"

enum {
	FORGET_ROWS_MAX = 2000, /* scanned in one portion: a few milliseconds */
};

static enum status prepare(struct sqlite_store *sqlite, const char *sql,
	struct sqlite3_stmt **statement_out, struct error *err)
{
	if (sqlite3_prepare_v2(sqlite->db, sql, -1, statement_out, NULL) != SQLITE_OK)
		return sqlite_failed(sqlite, "change names", err);
	return STATUS_OK;
}

/* Runs it to its end; *value_out: the first column of its last row, kept without one. */
static enum status finish(struct sqlite_store *sqlite, struct sqlite3_stmt *statement,
	int64_t *value_out, struct error *err)
{
	enum status status = STATUS_OK;
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		if (value_out != NULL)
			*value_out = sqlite3_column_int64(statement, 0);
	if (code != SQLITE_DONE)
		status = sqlite_failed(sqlite, "change names", err);
	sqlite3_finalize(statement);
	return status;
}

enum status sqlite_rename(struct store *store, enum store_name_kind kind, uint16_t number,
	const char *name, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	struct sqlite3_stmt *statement = NULL;
	enum status status = prepare(sqlite,
		kind == STORE_NAME_TARGET
			? "UPDATE target SET name = ?2, paused = 0, reason = '' WHERE number = ?1"
			: "UPDATE source SET name = ?2 WHERE number = ?1",
		&statement, err);

	if (status != STATUS_OK)
		return status;
	sqlite3_bind_int(statement, 1, number);
	sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
	status = finish(sqlite, statement, NULL, err);
	if (status == STATUS_OK)
		store_rename(store, kind, number, name);
	return status;
}

/* A pause is kept, although nothing waits. */
static const char *const unused[STORE_NAME_KIND_COUNT] = {
	[STORE_NAME_TARGET] = "SELECT number FROM target WHERE paused = 0"
			      " AND number NOT IN (SELECT target FROM delivery)",
	[STORE_NAME_SOURCE] = "SELECT number FROM source WHERE"
			      " number NOT IN (SELECT source FROM event)"
			      " AND number NOT IN (SELECT source FROM quarantine)",
};

/* Frees the numbers of names that nothing is left of; reads every row. */
static enum status free_unused(struct store *store, enum store_name_kind kind, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	struct sqlite3_stmt *statement = NULL;
	uint16_t numbers[STORE_TARGETS_MAX];
	size_t count = 0;
	enum status status = prepare(sqlite, unused[kind], &statement, err);
	int code = SQLITE_DONE;

	while (status == STATUS_OK && count < STORE_TARGETS_MAX &&
		(code = sqlite3_step(statement)) == SQLITE_ROW)
		numbers[count++] = (uint16_t)sqlite3_column_int(statement, 0);
	if (status == STATUS_OK && code != SQLITE_DONE && code != SQLITE_ROW)
		status = sqlite_failed(sqlite, "look for unused names", err);
	sqlite3_finalize(statement);
	for (size_t i = 0; status == STATUS_OK && i < count; i++) {
		char name[STORE_NAME_SIZE_MAX];

		if (store->is_held[kind][numbers[i]])
			continue;
		store_free_name(numbers[i], name);
		status = sqlite_rename(store, kind, numbers[i], name, err);
	}
	return status;
}

enum status sqlite_find_name(struct store *store, enum store_name_kind kind, const char *name,
	uint16_t *number_out, struct error *err)
{
	const enum sqlite_statement which =
		kind == STORE_NAME_TARGET ? SQL_TARGET_FIND : SQL_SOURCE_FIND;
	struct sqlite_store *sqlite = sqlite_store_of(store);
	int64_t number = 0;
	bool found = false;
	enum status status;

	sqlite3_bind_text(sqlite->statements[which], 1, name, -1, SQLITE_STATIC);
	status = sqlite_read_int(sqlite, which, &number, &found, err);
	if (status != STATUS_OK)
		return status;
	if (!found)
		return STATUS_NOT_FOUND;
	*number_out = (uint16_t)number;
	return STATUS_OK;
}

static enum status add_number(
	struct store *store, enum store_name_kind kind, const char *name, struct error *err)
{
	const enum sqlite_statement which =
		kind == STORE_NAME_TARGET ? SQL_TARGET_ADD : SQL_SOURCE_ADD;
	struct sqlite_store *sqlite = sqlite_store_of(store);
	enum status status;

	sqlite3_bind_int(sqlite->statements[which], 1, (int)store->names_count[kind]);
	sqlite3_bind_text(sqlite->statements[which], 2, name, -1, SQLITE_STATIC);
	status = sqlite_execute(sqlite, which, err);
	if (status == STATUS_OK)
		store_keep_name(store, kind, name);
	return status;
}

enum status sqlite_add_name(struct store *store, enum store_name_kind kind, const char *name,
	uint16_t *number_out, struct error *err)
{
	bool has_room = store_check_room(store, kind, name, err) == STATUS_OK;
	int number = has_room ? (int)store->names_count[kind] : store_find_free(store, kind);
	enum status status = STATUS_OK;

	if (number < 0) {
		status = free_unused(store, kind, err);
		number = store_find_free(store, kind);
	}
	if (status == STATUS_OK && number < 0)
		return store_check_room(store, kind, name, err);
	if (status == STATUS_OK)
		status = has_room ? add_number(store, kind, name, err)
				  : sqlite_rename(store, kind, (uint16_t)number, name, err);
	if (status == STATUS_OK)
		*number_out = (uint16_t)number;
	return status;
}

static enum status on_range(struct sqlite_store *sqlite, const char *sql,
	const struct store_forget *forget, int64_t last, int64_t *value_out, struct error *err)
{
	struct sqlite3_stmt *statement = NULL;
	enum status status = prepare(sqlite, sql, &statement, err);

	if (status != STATUS_OK)
		return status;
	sqlite3_bind_int64(statement, 1, forget->after);
	sqlite3_bind_int64(statement, 2, last);
	sqlite3_bind_int(statement, 3, forget->target);
	return finish(sqlite, statement, value_out, err);
}

enum status sqlite_forget(struct store *store, struct store_forget *forget, struct error *err)
{
	struct sqlite_store *sqlite = sqlite_store_of(store);
	int64_t last = 0, dead = 0;
	enum status status = on_range(sqlite,
		"SELECT max(id) FROM (SELECT id FROM delivery WHERE id > ?1 ORDER BY id LIMIT ?2)",
		forget, FORGET_ROWS_MAX, &last, err);

	if (status == STATUS_OK && last == 0) {
		forget->done = true;
		return STATUS_OK;
	}
	if (status == STATUS_OK)
		status = on_range(sqlite,
			"SELECT count(*) FROM delivery WHERE id > ?1 AND id <= ?2 AND target = ?3"
			" AND state = 3",
			forget, last, &dead, err);
	if (status == STATUS_OK)
		status = on_range(sqlite,
			"DELETE FROM attempt WHERE event BETWEEN ?1 >> 16 AND ?2 >> 16 AND target "
			"= ?3",
			forget, last, NULL, err);
	if (status == STATUS_OK)
		status = on_range(sqlite,
			"DELETE FROM delivery WHERE id > ?1 AND id <= ?2 AND target = ?3 AND state "
			"> 1",
			forget, last, NULL, err);
	if (status != STATUS_OK)
		return status;
	store_counters_add(
		&store->counters, forget->target, (struct store_target_counts){ .dead = -dead });
	forget->after = last;
	return STATUS_OK;
}
