/* SPDX-License-Identifier: MIT */
/*
 * fake_clock.h - time that stands still until a test moves it on
 *
 * Promise    Every clock of clock.h reads it (--wrap): what takes hours takes none, and comes out the same on
 *            any machine.
 */
#ifndef REPOSTAL_TESTS_FAKE_CLOCK_H
#define REPOSTAL_TESTS_FAKE_CLOCK_H

#include <stdint.h>

#define FAKE_CLOCK_UNIX_START_MS INT64_C(1800000000000)
#define FAKE_CLOCK_MONOTONIC_START_MS INT64_C(1000000)

void fake_clock_reset(void);
/* Since the last reset. */
int64_t fake_clock_ms(void);
void fake_clock_advance(int64_t ms);

#endif
