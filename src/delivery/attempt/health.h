/* SPDX-License-Identifier: MIT */
/*
 * health.h - what answers say of a target's health, and of the types of event that it takes
 *
 * Promise    The only place that moves breakers and backs off. Which answer speaks against the type and which
 *            against the whole target is outcome_blame()'s.
 * Threads    The delivery thread.
 */
#ifndef REPOSTAL_DELIVERY_HEALTH_H
#define REPOSTAL_DELIVERY_HEALTH_H

#include "target/target.h"

void health_note_success(struct target *target, const struct delivery *delivery);
/*
 * What give_up expects (is_expected) is no sign of ill health, for the receiver is there and has answered; but
 * 502 and 504 do not say that it is.
 */
void health_note_failure(struct target *target, const struct delivery *delivery,
	const struct client_result *result, bool is_expected);
/* Warns, once, of a type that the receiver never takes. */
void health_note_answer(
	struct target *target, const struct delivery *delivery, const struct client_result *result);
/* Bit 1 << type: its breaker is not closed. */
unsigned health_types_failing(const struct target *target);

#endif
