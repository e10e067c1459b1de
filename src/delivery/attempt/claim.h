/* SPDX-License-Identifier: MIT */
/*
 * claim.h - what a target asks the store for, of what waits on the disk
 *
 * Promise    Small portions, by due time, of each type as many as it can use; one request at a time.
 * Threads    The delivery thread.
 */
#ifndef REPOSTAL_DELIVERY_CLAIM_H
#define REPOSTAL_DELIVERY_CLAIM_H

#include "allowance.h"

void claim_more(struct target *target, const struct allowance *allowance, int64_t now_ms);
/* It came back from the store, and its list has been worked off. */
void claim_done(struct target *target, int64_t now_ms);
/* When claim_more() may find something to do of this type without anything having happened. */
int64_t claim_wakes_ms(
	const struct target *target, const struct lane *lane, int allowed, int64_t now_ms);

#endif
