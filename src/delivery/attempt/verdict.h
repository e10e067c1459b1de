/* SPDX-License-Identifier: MIT */
/*
 * verdict.h - what becomes of a delivery
 *
 * Promise    Each function ends what the target has of a delivery: it is counted, logged where it matters, and
 *            goes to the store as a verdict, which the store thread repeats until a commit holds it.
 * Threads    The delivery thread.
 * Ownership  The delivery is out of the target's queues before, and the store thread's afterwards.
 */
#ifndef REPOSTAL_DELIVERY_VERDICT_H
#define REPOSTAL_DELIVERY_VERDICT_H

#include "target/target.h"

/* By the answer to an attempt. */
void verdict_decide(
	struct target *target, struct delivery *delivery, const struct client_result *result);
/* Ends what is not sent any more. reason: a word, as in the log; cause: in words, kept in its history. */
void verdict_give_up(struct target *target, struct delivery *delivery, enum transport transport,
	const char *reason, const char *cause);
/* Because it is older than give_up.age. */
void verdict_give_up_old(struct target *target, struct delivery *delivery);
/* Back to the disk until due_ms, as if it had not been leased. */
void verdict_release(struct target *target, struct delivery *delivery, int64_t due_ms);
/* All that is ready, and not started. */
void verdict_release_lane(struct target *target, struct lane *lane, int64_t due_ms);
void verdict_release_ready(struct target *target, int64_t due_ms);

#endif
