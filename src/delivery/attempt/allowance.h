/* SPDX-License-Identifier: MIT */
/*
 * allowance.h - how many attempts may be in flight to a target now
 *
 * Threads    The delivery thread.
 */
#ifndef REPOSTAL_DELIVERY_ALLOWANCE_H
#define REPOSTAL_DELIVERY_ALLOWANCE_H

#include "target/target.h"

/* Of all types together, and of each. */
struct allowance {
	int total;
	int of_type[STORE_TYPES];
};

/* As concurrency, pause, backoff, lease and breakers have it; a breaker whose time has come is probing then. */
struct allowance allowance_of(struct target *target);

#endif
