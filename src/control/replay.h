/* SPDX-License-Identifier: MIT */
/*
 * replay.h - what was quarantined is taken in again, as if it arrived now
 *
 * Promise    An event comes into the queue and leaves the quarantine in one transaction; all its
 *            deliveries wait on disk, due at once.
 * Ownership  replay_prepare() copies what it keeps; replay_free() frees.
 * Threads    The caller's; replay_commit() blocks.
 */
#ifndef REPOSTAL_CONTROL_REPLAY_H
#define REPOSTAL_CONTROL_REPLAY_H

#include "control_private.h"

struct replay;

/* NULL: it stays in quarantine; err says why. */
struct replay *replay_prepare(
	const struct call *call, const struct store_quarantine_row *row, struct error *err);
void replay_free(struct replay **replayp);

/* The event's id, for people who wait for the answer. */
struct slice replay_message_id(const struct replay *replay);

enum replay_result {
	REPLAY_ACCEPTED,
	REPLAY_DUPLICATE,
	REPLAY_GONE, /* somebody else has taken it out of quarantine */
};
enum replay_result replay_result(const struct replay *replay);

/* One transaction for all; targets are told afterwards. */
enum status replay_commit(const struct control *control, struct replay *const *replays,
	size_t count, struct error *err);

#endif
