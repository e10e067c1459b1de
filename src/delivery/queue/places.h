/* SPDX-License-Identifier: MIT */
/*
 * places.h - how many attempts may be in flight, over all targets
 *
 * Promise    Each attempt holds a descriptor, and costs each turn of the delivery thread a little, so there
 *            is one number of places for all. As long as there are as many places as targets, each target
 *            has some that no other gets; what is left is given in turn, one at a time. Constant cost.
 * Threads    The delivery thread.
 * Ownership  A seat is its target's, and outlives the places' use of it.
 */
#ifndef REPOSTAL_DELIVERY_PLACES_H
#define REPOSTAL_DELIVERY_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/dispatcher_settings.h"

enum {
	PLACES_MAX = DISPATCHER_IN_FLIGHT_MAX,
	PLACES_MIN = 8,
	PLACES_HOLD_MS = 1000, /* after the process ran out of descriptors */
};

/* What one target has of the places. */
struct seat {
	int held;
	int guaranteed; /* that no other target gets */
	bool is_called; /* its turn has come */
	bool is_waiting;
	struct seat *next_waiting;
};

struct places {
	int total;
	int limit; /* total, or less since descriptors were short */
	int taken;
	int set_aside;         /* guaranteed, and not taken */
	int64_t held_until_ms; /* monotonic; none is given before */
	struct seat *waiting;
	struct seat **waiting_end;
};

/* descriptors_max: of the process. */
int places_of_descriptors(int64_t descriptors_max);
void places_init(struct places *places, int total);
/* What each of so many targets is guaranteed at most. */
int places_share(const struct places *places, size_t targets_count);
void places_guarantee(struct places *places, struct seat *seat, int count);
/* False: the seat waits for its turn. */
bool places_take(struct places *places, struct seat *seat, int64_t now_ms);
void places_give_back(struct places *places, struct seat *seat);
/* An attempt got no descriptor: fewer at once from here on, and none for a while. */
void places_run_short(struct places *places, int64_t now_ms);
/* A seat whose turn has come; NULL: none waits, or nothing is free. Serve it before the next call. */
struct seat *places_call(struct places *places, int64_t now_ms);
/* When places_call() may have an answer though nothing was given back: 0 for now, INT64_MAX for never. */
int64_t places_wait_ms(const struct places *places, int64_t now_ms);

#endif
