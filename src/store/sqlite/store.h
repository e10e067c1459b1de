/* SPDX-License-Identifier: MIT */
/*
 * store.h - an open SQLite store, as its parts know it
 *
 * Threads    The store's: the connection is opened without mutexes.
 */
#ifndef REPOSTAL_STORE_SQLITE_STORE_H
#define REPOSTAL_STORE_SQLITE_STORE_H

#include "backend/backend.h"
#include "backend/sweep_round.h"
#include "scan.h"
#include "statement.h"

struct sqlite_store {
	struct store base; /* first: the front's pointer is this one's */
	char *path;        /* resolved */
	int lock_fd;
	int file_fd; /* owns the file; see sqlite_file_own() */
	struct sqlite3 *db;
	struct sqlite3_stmt *statements[SQL_COUNT];
	struct sqlite_scanner scanner;
	/*
	 * Targets of which a delivery was claimed that has an order_key, or attempts from before an
	 * operator took it up again: only their verdicts have to ask for these.
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

#endif
