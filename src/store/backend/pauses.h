/* SPDX-License-Identifier: MIT */
/*
 * pauses.h - which targets an operator has paused, without asking the database
 *
 * Promise    Reads give what the last commit left. What the open transaction says is kept apart until
 *            pauses_commit(), so a rollback leaves nothing.
 * Threads    The store's.
 * Ownership  Reasons are copied.
 */
#ifndef REPOSTAL_STORE_PAUSES_H
#define REPOSTAL_STORE_PAUSES_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/store.h"

enum {
	PAUSE_REASON_SIZE_MAX = 200
};

struct pauses_change; /* one store_pause() of the open transaction */

struct pauses {
	bool is_paused[STORE_TARGETS_MAX];
	char *reason[STORE_TARGETS_MAX]; /* NULL: none */
	struct pauses_change *first, *last;
};

/* What is kept of a reason, in bytes: it is cut between two characters. */
size_t pauses_reason_size(const char *reason);
/* *reason_out is valid until the next change, "" when there is none; NULL: it is not needed. */
bool pauses_read(const struct pauses *pauses, uint16_t target, const char **reason_out);
/* In the open transaction. */
void pauses_add(struct pauses *pauses, uint16_t target, bool is_paused, struct slice reason);
void pauses_commit(struct pauses *pauses);
void pauses_rollback(struct pauses *pauses);
/* At the end: everything. */
void pauses_free(struct pauses *pauses);

#endif
