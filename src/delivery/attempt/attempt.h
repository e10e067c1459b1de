/* SPDX-License-Identifier: MIT */
/*
 * attempt.h - a delivery goes out, and comes back with an answer
 *
 * Promise    Each attempt holds a place in flight and a token of the rate. What is too old, or was interrupted
 *            too often, ends without an attempt.
 * Threads    The delivery thread.
 */
#ifndef REPOSTAL_DELIVERY_ATTEMPT_H
#define REPOSTAL_DELIVERY_ATTEMPT_H

#include "allowance.h"

/* Starts what is ready, as far as allowance, places and rate go. */
void attempt_start_all(struct target *target, const struct allowance *allowance);
/* The client is done with it. */
void attempt_end(
	struct target *target, struct delivery *delivery, const struct client_result *result);

#endif
