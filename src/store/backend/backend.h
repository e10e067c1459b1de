/* SPDX-License-Identifier: MIT */
/*
 * backend.h - what a backend is to the front; only src/store includes this
 *
 * Promise    The front (store.c) has validated every argument and keeps track of the transaction: a
 *            backend is called in the right order only, and after a failure inside a transaction
 *            nothing but rollback() comes.
 * Threads    The store's.
 * Ownership  A backend's own struct starts with struct store and is freed by its close().
 * Errors     Inside a transaction any status but OK loses it; the front tells its caller STATUS_IO.
 *            commit() may also fail with STATUS_UNCERTAIN.
 */
#ifndef REPOSTAL_STORE_BACKEND_H
#define REPOSTAL_STORE_BACKEND_H

#include <stdatomic.h>

#include "counters.h"
#include "pauses.h"
#include "repostal/store.h"

enum store_name_kind {
	STORE_NAME_TARGET,
	STORE_NAME_SOURCE
};
enum {
	STORE_NAME_KIND_COUNT = 2
};

enum store_transaction {
	TRANSACTION_NONE,
	TRANSACTION_OPEN,
	TRANSACTION_BROKEN, /* a step failed: waits for store_rollback() */
};

struct store_ops {
	int64_t gather_us; /* store_gather_us() */
	/* NULL: there is nothing to be said without opening. */
	enum status (*check)(const struct store_settings *settings, struct error *err);
	/* Fills base.names (store_keep_name()), base.counters and base.pauses as of the last commit. */
	enum status (*open)(
		const struct store_settings *settings, struct store **store_out, struct error *err);
	void (*close)(struct store *store);

	/* Outside a transaction. STATUS_NOT_FOUND: the name has no number yet. */
	enum status (*find_name)(struct store *store, enum store_name_kind kind, const char *name,
		uint16_t *number_out, struct error *err);
	/*
	 * Gives the name the next number, unless another process just did; without one left that of a
	 * name that is not needed any more. STATUS_FULL: there is none.
	 */
	enum status (*add_name)(struct store *store, enum store_name_kind kind, const char *name,
		uint16_t *number_out, struct error *err);

	/* In a transaction of its own; store_rename() when it is there. */
	enum status (*rename)(struct store *store, enum store_name_kind kind, uint16_t number,
		const char *name, struct error *err);

	enum status (*begin)(struct store *store, struct error *err);
	/* Writes the changes of base.counters, too; the front then merges them. */
	enum status (*commit)(struct store *store, struct error *err);
	void (*rollback)(struct store *store);
	/* NULL: every step is carried out at once. */
	enum status (*flush)(struct store *store, struct error *err);

	/* Inside a transaction: */
	/* Every leased delivery waits again, due at now_ms. */
	enum status (*recover)(struct store *store, int64_t now_ms, struct error *err);
	enum status (*append)(struct store *store, struct store_event *event, struct error *err);
	enum status (*quarantine)(
		struct store *store, struct store_quarantined *quarantined, struct error *err);
	enum status (*record)(
		struct store *store, const struct store_verdict *verdict, struct error *err);
	enum status (*claim)(
		struct store *store, int64_t now_ms, struct store_claim *claim, struct error *err);
	/* From change->after on; changed is 0 and done false when it begins. */
	enum status (*change)(struct store *store, struct store_change *change, struct error *err);
	enum status (*number_anew)(struct store *store, int64_t event, uint16_t target, int more,
		int *number_out, bool *found_out, struct error *err);
	enum status (*add_search_key)(
		struct store *store, int64_t event, int64_t key, int64_t now_ms, struct error *err);
	/* base.pauses is the front's business. */
	enum status (*pause)(struct store *store, uint16_t target, bool paused, struct slice reason,
		struct error *err);
	enum status (*unquarantine)(
		struct store *store, int64_t id, bool *found_out, struct error *err);
	/* One portion of the ended deliveries of a target and their attempts. */
	enum status (*forget)(struct store *store, struct store_forget *forget, struct error *err);
	enum status (*sweep)(
		struct store *store, int64_t now_ms, bool *more_out, struct error *err);

	/* Outside: */
	/* NULL: one process owns the store, and there is never any news. */
	enum status (*poll)(struct store *store, int64_t now_ms, const struct store_news *news,
		struct error *err);
	int64_t (*oldest_waiting_us)(struct store *store, uint16_t target);
	int64_t (*bytes)(struct store *store);
};

struct store {
	const struct store_ops *ops;
	struct store_settings settings; /* without path and dsn: the backend keeps its own */
	enum store_transaction transaction;
	size_t names_count[STORE_NAME_KIND_COUNT]; /* numbers given so far: 0 .. count - 1 */
	char *names[STORE_NAME_KIND_COUNT][STORE_TARGETS_MAX];
	char **retired; /* earlier names: others may still read them */
	size_t retired_count;
	/* Registered by this process: given to no other name as long as it lives. */
	bool is_held[STORE_NAME_KIND_COUNT][STORE_TARGETS_MAX];
	struct store_counters counters;
	int64_t max_open
		[STORE_TARGETS_MAX]; /* as the last delivery of the target had it; 0: not known */
	struct pauses pauses;
	int64_t lease_ms;
	int64_t lease_until_ms; /* monotonic; a shared store's backend keeps it true */
	int64_t config_mark;
	int64_t differing; /* store_differing() */
	struct store_takeovers takeovers;
	void (*_Atomic hint)(void *context);
	void *hint_context; /* set before hint */
};

#endif
