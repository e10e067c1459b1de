/* SPDX-License-Identifier: MIT */
/*
 * claimed.h - a claimed delivery and its event in one allocation, which outlives the transaction
 *
 * Threads    Any.
 * Ownership  The caller's: free() it, or the whole list with store_claimed_free().
 */
#ifndef REPOSTAL_STORE_CLAIMED_H
#define REPOSTAL_STORE_CLAIMED_H

#include "repostal/store.h"

/* With copies of the bytes, and head's other members. */
struct store_claimed *store_claimed_new(
	const struct store_claimed *head, struct slice content_type, struct slice raw);

#endif
