/* SPDX-License-Identifier: MIT */
/*
 * scan.h - deliveries that a filter may mean, in order of id, a chunk at a time
 *
 * Promise    A chunk reads about as many rows as it is given, whatever the size of the store. It
 *            takes the cheapest way that the filter allows: one event, a search key, the partial
 *            indexes of the states, or else all deliveries in the range of ids that the times leave.
 *            The received times are taken to rise with the ids, give or take a few seconds.
 * Threads    The connection's.
 * Ownership  A scanner belongs to its connection and is ended before it. A scan holds nothing: no
 *            statement of it is open between two calls, so what it found may be changed.
 */
#ifndef REPOSTAL_STORE_SQLITE_SCAN_H
#define REPOSTAL_STORE_SQLITE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/error.h"
#include "repostal/store.h"

struct sqlite3;
struct sqlite3_stmt;

enum {
	SCAN_CHUNK_MAX = 256
};
#define SCAN_ID_MAX (INT64_MAX - 1)

/* Statements of one kind for both directions: ..._DOWN is the one after ..._UP. */
enum scan_statement {
	SCAN_RANGE_UP,
	SCAN_RANGE_DOWN,
	SCAN_LEASED_UP,
	SCAN_LEASED_DOWN,
	SCAN_WAITING_UP,
	SCAN_WAITING_DOWN,
	SCAN_ENDED_UP,
	SCAN_ENDED_DOWN,
	SCAN_SEARCH_UP,
	SCAN_SEARCH_DOWN,
	SCAN_SEARCH_EDGES,
	SCAN_EVENT_EDGES,
	SCAN_EVENT_RECEIVED,
	SCAN_EVENT_OF,
	SCAN_STATEMENT_COUNT
};

struct sqlite_scanner {
	struct sqlite3 *db; /* borrowed, as path */
	const char *path;
	struct sqlite3_stmt *statements[SCAN_STATEMENT_COUNT];
};

struct sqlite_scan {
	struct sqlite_scanner *scanner;
	struct store_filter filter;
	bool is_down;                    /* from the newest */
	size_t targets_count;            /* numbers that exist */
	int64_t first, last;             /* ids that were not scanned yet; first > last: none */
	size_t scanned;                  /* rows so far, as a measure of the cost */
	size_t count;                    /* of ids: the chunk, in order */
	int64_t ids[2 * SCAN_CHUNK_MAX]; /* a chunk uses half; the other half is for merging */
};

enum status sqlite_scanner_prepare(
	struct sqlite_scanner *scanner, struct sqlite3 *db, const char *path, struct error *err);
/* For one that was never prepared, too. */
void sqlite_scanner_finalize(struct sqlite_scanner *scanner);

/* From scan's scanner, filter, is_down, targets_count, first and last; narrows first and last. */
enum status sqlite_scan_begin(struct sqlite_scan *scan, struct error *err);
/* The next chunk; stops when about scan_limit rows were scanned in total, with what it has. */
enum status sqlite_scan_next(struct sqlite_scan *scan, size_t scan_limit, struct error *err);
/* Whether what the filter says of the event holds for a delivery of the chunk. */
enum status sqlite_scan_check(
	struct sqlite_scan *scan, int64_t id, bool *matches_out, struct error *err);

#endif
