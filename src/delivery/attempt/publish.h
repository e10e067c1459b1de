/* SPDX-License-Identifier: MIT */
/*
 * publish.h - a target's state and plans, for those who read its metrics
 *
 * Threads    The delivery thread writes; any reads the gauges.
 */
#ifndef REPOSTAL_DELIVERY_PUBLISH_H
#define REPOSTAL_DELIVERY_PUBLISH_H

#include "target/target.h"

void publish_state(struct target *target, int64_t now_ms);
/* Costs a walk over what is in memory. */
void publish_oldest(struct target *target);

#endif
