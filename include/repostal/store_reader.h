/* SPDX-License-Identifier: MIT */
/*
 * store_reader.h - reads the store without delaying it
 *
 * Promise    Reads what is committed, beside the process that owns the store; never blocks a commit,
 *            never writes. Every call does a bounded amount of work, also with ten million rows:
 *            lists come in pages, and a page may hold fewer rows than asked for (then ask for the next).
 * Threads    A reader belongs to one thread.
 * Ownership  Rows and their slices are valid during the callback.
 * Errors     STATUS_NOT_FOUND there is no store (or no such row); STATUS_INVALID not a store of this
 *            version; STATUS_IO.
 */
#ifndef REPOSTAL_STORE_READER_H
#define REPOSTAL_STORE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/error.h"
#include "repostal/slice.h"
#include "repostal/store.h"

struct store_reader;

enum status store_reader_open(
	const struct store_settings *settings, struct store_reader **reader_out, struct error *err);
void store_reader_close(struct store_reader **readerp);

/*
 * Whether a gateway could open this store now, and bring it up to date or make it when it is not
 * there yet. Changes nothing; a gateway that runs with it is no hindrance. STATUS_NOT_FOUND: not
 * even the folder is there.
 */
enum status store_reader_probe(const struct store_settings *settings, struct error *err);

/* A delivery with its event. */
struct store_row {
	int64_t id; /* of the delivery: where pages begin and end */
	int64_t event;
	uint16_t target;
	enum delivery_state state;
	int attempts;
	int64_t due_ms;  /* of a waiting one, 0 when it is held; of a final one when it became so */
	int http_status; /* this and the next two: of the last attempt */
	int transport;
	int64_t duration_ms;
	bool is_held; /* waits for an earlier delivery of its order_key */
	int as_new;   /* as store_number_anew() left it */
	int64_t received_us;
	uint16_t source;
	uint8_t kind;
	uint8_t type;
	struct slice content_type;
	struct slice raw;
};

struct store_attempt {
	uint16_t target;
	int number;
	int64_t started_ms;
	int64_t duration_ms;
	int http_status;
	int transport;
	struct slice answer;
};

struct store_quarantine_row {
	int64_t id;
	int64_t received_us;
	int64_t last_seen_us;
	int64_t seen; /* how often */
	uint16_t source;
	uint8_t kind;
	struct slice reason;
	struct slice content_type;
	struct slice raw;
};

/* A part of a list. Repeat with the same struct until next is 0. */
struct store_page {
	size_t count_max;
	int64_t next; /* where it begins, 0 at first; filled: where the next one begins, 0: there is none */
};

/* Newest first: from the id below page->next, or from the newest. */
enum status store_reader_list(struct store_reader *reader, const struct store_filter *filter,
	struct store_page *page, void (*on_row)(void *context, const struct store_row *row),
	void *context, struct error *err);
/*
 * Oldest first: from the id above page->next, or from the oldest. Deliveries of one event are neighbours, but
 * a page may end between them.
 */
enum status store_reader_walk(struct store_reader *reader, const struct store_filter *filter,
	struct store_page *page, void (*on_row)(void *context, const struct store_row *row),
	void *context, struct error *err);
/*
 * By target and number. A delivery that went well at once has none, unless it was taken up again later;
 * then the numbers continue.
 */
enum status store_reader_attempts(struct store_reader *reader, int64_t event,
	void (*on_attempt)(void *context, const struct store_attempt *attempt), void *context,
	struct error *err);
/* Newest first, as store_reader_list(). */
enum status store_reader_quarantine(struct store_reader *reader, struct store_page *page,
	void (*on_row)(void *context, const struct store_quarantine_row *row), void *context,
	struct error *err);
enum status store_reader_quarantined(struct store_reader *reader, int64_t id,
	void (*on_row)(void *context, const struct store_quarantine_row *row), void *context,
	struct error *err);
/* Of the whole store. */
struct store_totals {
	int64_t quarantined;
	int64_t bytes;      /* on disk, log included */
	int64_t changed_ms; /* Unix; SQLite: when the file was last written, else 0: not known */
	int64_t gateways;   /* PostgreSQL: processes at work on it, else -1: not known */
};
enum status store_reader_totals(
	struct store_reader *reader, struct store_totals *totals_out, struct error *err);
/*
 * Random bytes that the store got when it was made, known only to those who can read it.
 * STATUS_NOT_FOUND: no gateway has run with it since there are any.
 */
enum status store_reader_secret(
	struct store_reader *reader, uint8_t secret_out[STORE_SECRET_SIZE], struct error *err);
/* Names by number, as committed. */
enum status store_reader_names(struct store_reader *reader,
	void (*on_target)(void *context, uint16_t number, const char *name,
		const struct store_target_counts *counts, bool is_paused, const char *reason),
	void (*on_source)(void *context, uint16_t number, const char *name), void *context,
	struct error *err);

#endif
