/* SPDX-License-Identifier: MIT */
/*
 * serve.h - what a target may do now is done
 *
 * Promise    Starts what may start, asks the disk for more, gives back what may not start, and says when to
 *            come again; the only place that decides so. Nothing here waits.
 * Threads    The delivery thread.
 */
#ifndef REPOSTAL_DELIVERY_SERVE_H
#define REPOSTAL_DELIVERY_SERVE_H

#include "target/target.h"

/* now_ms: clock_schedule_ms(). */
void target_serve(struct target *target, int64_t now_ms);

#endif
