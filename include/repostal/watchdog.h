/* SPDX-License-Identifier: MIT */
/*
 * watchdog.h - the service manager hears regularly that this process works
 *
 * Promise    Where the manager asks for it (WATCHDOG_USEC), WATCHDOG=1 goes out several times within
 *            that time, but only while works() says so: a process that is stuck is then restarted.
 * Threads    One of its own, where it is asked for. works() runs on it, and must not wait for others.
 * Source     sd_watchdog_enabled(3)
 */
#ifndef REPOSTAL_WATCHDOG_H
#define REPOSTAL_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

struct watchdog;

/* Null when nobody asks for it. */
struct watchdog *watchdog_start(bool (*works)(void *context, int64_t now_ms), void *context);
/* From here on works() is not called: a stop has a deadline of its own. */
void watchdog_trust(struct watchdog *watchdog);
void watchdog_stop(struct watchdog **watchdogp);

/* How often to feed, in ms; 0: never. usec and pid as in WATCHDOG_USEC and WATCHDOG_PID, may be NULL. */
int64_t watchdog_interval_ms(const char *usec, const char *pid, int64_t own_pid);

#endif
