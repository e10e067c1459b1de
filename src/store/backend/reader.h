/* SPDX-License-Identifier: MIT */
/*
 * reader.h - what a backend is to store_reader.c; only src/store includes this
 *
 * Promise    The functions mean what store_reader.h says of their namesakes.
 * Threads    The reader's.
 * Ownership  A backend's own struct starts with struct store_reader and is freed by its close().
 */
#ifndef REPOSTAL_STORE_READER_BACKEND_H
#define REPOSTAL_STORE_READER_BACKEND_H

#include "repostal/store_reader.h"

struct store_reader_ops {
	enum status (*open)(const struct store_settings *settings, struct store_reader **reader_out,
		struct error *err);
	void (*close)(struct store_reader *reader);
	enum status (*probe)(const struct store_settings *settings, struct error *err);
	/* store_reader_list(), or with is_up _walk(). */
	enum status (*list)(struct store_reader *reader, const struct store_filter *filter,
		bool is_up, struct store_page *page,
		void (*on_row)(void *context, const struct store_row *row), void *context,
		struct error *err);
	enum status (*attempts)(struct store_reader *reader, int64_t event,
		void (*on_attempt)(void *context, const struct store_attempt *attempt),
		void *context, struct error *err);
	enum status (*quarantine)(struct store_reader *reader, struct store_page *page,
		void (*on_row)(void *context, const struct store_quarantine_row *row),
		void *context, struct error *err);
	enum status (*quarantined)(struct store_reader *reader, int64_t id,
		void (*on_row)(void *context, const struct store_quarantine_row *row),
		void *context, struct error *err);
	enum status (*totals)(
		struct store_reader *reader, struct store_totals *totals_out, struct error *err);
	enum status (*secret)(struct store_reader *reader, uint8_t secret_out[STORE_SECRET_SIZE],
		struct error *err);
	enum status (*names)(struct store_reader *reader,
		void (*on_target)(void *context, uint16_t number, const char *name,
			const struct store_target_counts *counts, bool is_paused,
			const char *reason),
		void (*on_source)(void *context, uint16_t number, const char *name), void *context,
		struct error *err);
};

struct store_reader {
	const struct store_reader_ops *ops;
};

#endif
