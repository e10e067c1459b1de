/* SPDX-License-Identifier: MIT */
/*
 * sweep_round.h - what the backends' sweeps have in common
 *
 * Promise    Pure. A round walks over the events from the oldest to the first that is too young; what it
 *            passed without removing is examined again by a new round, an hour after the last one
 *            ended, and only if there was any.
 */
#ifndef REPOSTAL_STORE_SWEEP_ROUND_H
#define REPOSTAL_STORE_SWEEP_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/store.h"

struct sweep_round {
	int64_t cursor;     /* every event up to this id has been examined in this round */
	int64_t kept_count; /* of these, how many stay although they are not young */
	int64_t ended_ms;   /* when the round came to the young events; 0: not yet */
};

/* An event of this age or older may go; a younger one stays, whatever became of its deliveries. */
int64_t sweep_age_min_ms(const struct store_settings *settings);
/* At the end of a round. True: a new one begins. A clock that was set back begins one too. */
bool sweep_round_end(struct sweep_round *round, int64_t now_ms);

#endif
