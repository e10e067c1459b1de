/* SPDX-License-Identifier: MIT */
/*
 * sqlite_backend.h - what the sqlite*.c files share
 *
 * Files      sqlite.c            opening, transactions, names: the table of operations
 *            sqlite_file.c       the lock, the file and its folder
 *            sqlite_schema.c     settings of the connection, whose file it is, migrations
 *            sqlite_statement.c  every statement, prepared once; errors put into words
 *            sqlite_event.c      append, quarantine
 *            sqlite_delivery.c   record, claim, recover
 *            sqlite_order.c      deliveries that wait for one another
 *            sqlite_change.c     what operators do
 *            sqlite_names.c      numbers given to other names, targets forgotten
 *            sqlite_scan.c       what a filter means, for operators and for readers
 *            sqlite_sweep.c      removal of what is old
 *            sqlite_reader.c     looking from outside, with a connection of its own
 *            sqlite_backup.c     a copy of the file beside its owner
 *            sqlite_restore.c    a copy in the place of a store
 * Threads    The store's: the connection is opened without mutexes.
 */
#ifndef REPOSTAL_STORE_SQLITE_BACKEND_H
#define REPOSTAL_STORE_SQLITE_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/sweep_round.h"
#include "scan.h"

struct store_backup;

struct sqlite3;
struct sqlite3_stmt;

/* These are part of the files' format. */
#define SQL_DUE_HELD 9223372036854775807
#define SQL_BUCKET_BITS 10         /* events of a bucket of the table search */
#define SQLITE_ID_STORE 0x50484f52 /* in the file's header */
#define SQLITE_ID_COPY 0x50484f42  /* until its first owner has it */
#define META_QUARANTINED_KEY 2
#define SQL_TEXT_OF(number) SQL_TEXT(number)
#define SQL_TEXT(number) #number

enum sqlite_statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_TARGET_FIND,
	SQL_TARGET_ADD,
	SQL_TARGET_LIST,
	SQL_TARGET_COUNT,
	SQL_TARGET_PAUSE,
	SQL_SOURCE_FIND,
	SQL_SOURCE_ADD,
	SQL_SOURCE_LIST,
	SQL_SOURCE_COUNT,
	SQL_META_READ,
	SQL_META_WRITE,
	SQL_EVENT_LAST,
	SQL_EVENT_INSERT,
	SQL_EVENT_TWIN,
	SQL_EVENT_FORGET_IDENTITY,
	SQL_SEARCH_INSERT,
	SQL_DELIVERY_INSERT,
	SQL_DELIVERY_FINISH,
	SQL_DELIVERY_RETRY,
	SQL_DELIVERY_RELEASE,
	SQL_DELIVERY_EXTRAS,
	SQL_ATTEMPT_INSERT,
	SQL_ORDER_BUSY,
	SQL_ORDER_RELEASE,
	SQL_DELIVERY_DUE,
	SQL_DELIVERY_LEASE,
	SQL_DELIVERY_NEXT_DUE,
	SQL_DELIVERY_OLDEST,
	SQL_LEASED_COUNT,
	SQL_LEASED_RECOVER,
	SQL_QUARANTINE_FIND,
	SQL_QUARANTINE_REPEAT,
	SQL_QUARANTINE_INSERT,
	SQL_UNQUARANTINE,
	SQL_CHANGE_READ,
	SQL_CHANGE_KEEP_ATTEMPT,
	SQL_CHANGE_RETRY,
	SQL_CHANGE_DISCARD,
	SQL_CHANGE_NUMBER_ANEW,
	SQL_SWEEP_SCAN,
	SQL_SWEEP_DEAD,
	SQL_SWEEP_ATTEMPTS,
	SQL_SWEEP_DELIVERIES,
	SQL_SWEEP_EVENTS,
	SQL_SWEEP_SEARCH,
	SQL_SWEEP_QUARANTINE,
	SQL_PAGES,
	SQL_PAGES_FREE,
	SQL_PAGES_GIVE_BACK,
	SQL_COUNT,
};

/* Rows of the table meta; the numbers are stored. */
enum sqlite_meta {
	META_NEXT_EVENT = 1, /* no id below it is given again; written when the newest event goes */
	META_QUARANTINED = META_QUARANTINED_KEY, /* rows of quarantine */
	META_SECRET = 16, /* and the three after it: STORE_SECRET_SIZE random bytes */
};

struct sqlite_store {
	struct store base; /* first: the front's pointer is this one's */
	char *path;        /* resolved */
	int lock_fd;
	int file_fd; /* owns the file; see sqlite_file_own() */
	struct sqlite3 *db;
	struct sqlite3_stmt *statements[SQL_COUNT];
	struct sqlite_scanner scanner;
	/*
	 * Targets of which a delivery was claimed that has an order_key, or attempts of before an
	 * operator took it up again: only their verdicts have to look for these.
	 */
	bool has_extras[STORE_TARGETS_MAX];
	/* These follow the transaction: begin keeps a copy, rollback brings it back. */
	struct sqlite_memory {
		int64_t next_event;
		struct sweep_round sweep;
	} memory, memory_at_begin;
};

static inline struct sqlite_store *sqlite_store_of(struct store *store)
{
	return (struct sqlite_store *)store;
}

/* sqlite_file.c */
/* Without symbolic links and relative parts, as far as it exists: what is beside it is beside it once. */
char *sqlite_file_resolve(const char *path);
/* STATUS_BUSY names the owner. *fd_out is held, not used; closing it gives the store up. */
enum status sqlite_file_lock(const char *path, int *fd_out, struct error *err);
/*
 * Makes an empty file of mode 0600, durably, unless there is one. Refuses when the store was in use
 * before: its events are gone, and nobody would notice.
 */
enum status sqlite_file_create(const char *path, int lock_fd, struct error *err);
/*
 * Of the file itself, whatever its name. Before SQLite opens it; *fd_out is closed after SQLite has closed
 * it, also after a failure.
 */
enum status sqlite_file_own(const char *path, int *fd_out, struct error *err);
/* Whether a start with this lock file has succeeded before. */
bool sqlite_file_was_used(int lock_fd);
void sqlite_file_mark_used(int lock_fd);
enum status sqlite_file_refuse_empty(const char *path, struct error *err);
/* Of the file and its log. */
/* Whether this process may make and change the files of the store. */
enum status sqlite_file_probe(const char *path, struct error *err);
int64_t sqlite_file_bytes(const char *path);
int64_t sqlite_file_log_bytes(const char *path);
/* When either was last written, Unix milliseconds; 0: not known. */
int64_t sqlite_file_changed_ms(const char *path);
/* The log and its index, durably. Nobody has the file open and has looked into it. */
enum status sqlite_file_remove_log(const char *path, struct error *err);
/* The folder of a file that was made, named or removed. */
enum status sqlite_file_sync_folder(const char *path, struct error *err);

/* sqlite_secret.c */
enum status sqlite_secret_make(struct sqlite3 *db, const char *path, struct error *err);
enum status sqlite_secret_read(struct sqlite3 *db, const char *path,
	uint8_t secret_out[STORE_SECRET_SIZE], struct error *err);

/* sqlite_schema.c */
/* A file of somebody else, a damaged one or a newer one is refused before anything is written. */
enum status sqlite_schema_open(struct sqlite_store *sqlite, struct error *err);
/* Of this program, and not newer; version 0: still empty. Changes nothing. */
enum status sqlite_schema_identify(
	struct sqlite3 *db, const char *path, int64_t *version_out, struct error *err);
/* For readers: STATUS_NOT_FOUND when it is still empty. Changes nothing. */
enum status sqlite_schema_check(struct sqlite3 *db, const char *path, struct error *err);

/* sqlite_statement.c */
enum status sqlite_prepare_all(struct sqlite_store *sqlite, struct error *err);
void sqlite_finalize_all(struct sqlite_store *sqlite);
/* For a statement that gives no rows, or whose rows do not matter. Resets it. */
enum status sqlite_execute(
	struct sqlite_store *sqlite, enum sqlite_statement which, struct error *err);
/*
 * The next row. Without one (*row_out false) and after a failure the statement is reset; the caller
 * resets it with sqlite_done() when it does not read to the end.
 */
enum status sqlite_fetch(
	struct sqlite_store *sqlite, enum sqlite_statement which, bool *row_out, struct error *err);
void sqlite_done(struct sqlite_store *sqlite, enum sqlite_statement which);
/* First column of the only row; *found_out (may be NULL) is false and *value_out kept without one.
 */
enum status sqlite_read_int(struct sqlite_store *sqlite, enum sqlite_statement which,
	int64_t *value_out, bool *found_out, struct error *err);
enum status sqlite_meta_write(
	struct sqlite_store *sqlite, enum sqlite_meta key, int64_t value, struct error *err);
/* Says what the connection's last failure was, after "store '...': purpose: ". */
enum status sqlite_failed(struct sqlite_store *sqlite, const char *purpose, struct error *err);
enum status sqlite_explain(
	struct sqlite3 *db, const char *path, const char *purpose, struct error *err);

/* sqlite_event.c */
enum status sqlite_append(struct store *store, struct store_event *event, struct error *err);
enum status sqlite_quarantine(
	struct store *store, struct store_quarantined *quarantined, struct error *err);
/* The usual content type is stored as NULL: it would be a tenth of an event. */

/* sqlite_delivery.c */
enum status sqlite_recover(struct store *store, int64_t now_ms, struct error *err);
enum status sqlite_record(
	struct store *store, const struct store_verdict *verdict, struct error *err);
enum status sqlite_claim(
	struct store *store, int64_t now_ms, struct store_claim *claim, struct error *err);
int64_t sqlite_oldest_waiting_us(struct store *store, uint16_t target);

/* sqlite_order.c */
/* Whether an open delivery of the target has this key. */
enum status sqlite_order_is_busy(struct sqlite_store *sqlite, uint16_t target, int64_t order_key,
	bool *busy_out, struct error *err);
/* After a delivery with an order_key has ended: the next one is due now. */
enum status sqlite_order_release(
	struct sqlite_store *sqlite, int64_t ended, int64_t now_ms, struct error *err);

/* sqlite_names.c */
enum status sqlite_rename(struct store *store, enum store_name_kind kind, uint16_t number,
	const char *name, struct error *err);
/* Frees the numbers of names that nothing is left of; looks at every row. */
enum status sqlite_free_unused(struct store *store, enum store_name_kind kind, struct error *err);
enum status sqlite_forget(struct store *store, struct store_forget *forget, struct error *err);

/* sqlite_change.c */
enum status sqlite_change(struct store *store, struct store_change *change, struct error *err);
enum status sqlite_number_anew(struct store *store, int64_t event, uint16_t target, int more,
	int *number_out, bool *found_out, struct error *err);
enum status sqlite_add_search_key(
	struct store *store, int64_t event, int64_t key, int64_t now_ms, struct error *err);
enum status sqlite_pause(
	struct store *store, uint16_t target, bool paused, struct slice reason, struct error *err);
enum status sqlite_unquarantine(
	struct store *store, int64_t id, bool *found_out, struct error *err);

/* sqlite_backup.c */
enum status sqlite_backup(struct store_backup *backup, struct error *err);

/* sqlite_restore.c */
/* False: errno says why. */
bool sqlite_restore_mark(int fd);
/* For an owner, before the connection's first look: makes a restored copy a store. */
enum status sqlite_restore_settle(struct sqlite3 *db, struct error *err);
/* For who only reads, before the first look. */
enum status sqlite_restore_check(struct sqlite3 *db, struct error *err);

/* sqlite_sweep.c */
enum status sqlite_sweep(struct store *store, int64_t now_ms, bool *more_out, struct error *err);

#endif
