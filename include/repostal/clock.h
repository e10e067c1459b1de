/* SPDX-License-Identifier: MIT */
/*
 * clock.h - what time it is
 *
 * Promise    Wall-clock times are Unix time; monotonic times only make sense as differences.
 * Threads    Any.
 */
#ifndef REPOSTAL_CLOCK_H
#define REPOSTAL_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/slice.h"

int64_t clock_unix_us(void);
int64_t clock_unix_ms(void);
int64_t clock_monotonic_us(void);
int64_t clock_monotonic_ms(void);

/*
 * What is due is told by this one: the wall clock, but when that is set back this one goes on, so that
 * nothing waits for the time to come again. Never less than the wall clock; goes on through a suspend.
 */
int64_t clock_schedule_ms(void);

/* "2026-11-21T01:02:03.456Z" into out, which has CLOCK_TEXT_SIZE bytes. */
enum {
	CLOCK_TEXT_SIZE = 32
};
void clock_format_utc(int64_t unix_ms, char out[CLOCK_TEXT_SIZE]);
/* "2026-11-21 02:02:03+01:00": local time (TZ, /etc/localtime). */
void clock_format_local(int64_t unix_ms, char out[CLOCK_TEXT_SIZE]);

/* Whose clock a time means that names no offset. */
enum clock_zone {
	CLOCK_UTC,
	CLOCK_LOCAL
};
/*
 * A time as people write it: a duration ("2h": so long before now), a day ("2026-11-21": its
 * midnight), "2026-11-21 08:00", or ISO 8601 with any offset ("2026-11-21T08:00:00.123+01:00").
 * Not before 1970; what is earlier than all times becomes 1. False: none of these.
 */
bool clock_parse_when(
	struct slice text, int64_t now_us, enum clock_zone zone, int64_t *unix_us_out);

/*
 * A date as programs write it: ISO 8601 ("2024-04-14T13:06:40Z", with any offset; UTC without one) or
 * that of a mail's header (RFC 5322, section 3.3: "Sun, 14 Apr 2024 15:06:40 +0200"). False: neither.
 */
bool clock_parse_date(struct slice text, int64_t *unix_ms_out);

#endif
