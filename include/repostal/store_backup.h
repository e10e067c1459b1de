/* SPDX-License-Identifier: MIT */
/*
 * store_backup.h - a copy of a store while it is in use
 *
 * Promise    The copy is a store as one commit left it, with everything that was acknowledged before
 *            store_backup() was called. It appears under its name when it is whole, checked and on disk,
 *            never in place of something else; a failure leaves nothing. The owner of the store keeps
 *            committing meanwhile, its log growing until the copy is made.
 * Threads    Blocks. One of its own, with connections of its own.
 * Errors     STATUS_NOT_FOUND there is no store; STATUS_INVALID not a store, a damaged one, or one that
 *            is backed up by other means (PostgreSQL), or the name is taken; STATUS_BUSY on_progress()
 *            said stop; STATUS_IO.
 */
#ifndef REPOSTAL_STORE_BACKUP_H
#define REPOSTAL_STORE_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/error.h"
#include "repostal/store.h"

struct store_backup {
	const struct store_settings *from;
	const char *to;
	/* Now and then; percent is -1 where it is not known. False: stop. NULL: it is not asked. */
	bool (*on_progress)(void *context, const char *what, int percent);
	void *context;
	/* filled: of the copy */
	int64_t bytes;
	int64_t open; /* deliveries */
	int64_t dead;
	int64_t quarantined;
};

enum status store_backup(struct store_backup *backup, struct error *err);

#endif
