/* SPDX-License-Identifier: MIT */
/*
 * clock.h - what time it is
 *
 * Promise    Wall-clock times are Unix time; monotonic times only make sense as differences.
 * Threads    Any.
 */
#ifndef REPOSTAL_CLOCK_H
#define REPOSTAL_CLOCK_H

#include <stddef.h>
#include <stdint.h>

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

/*
 * RFC 9110 HTTP-date, all three forms ("Sun, 06 Nov 1994 08:49:37 GMT" and the two obsolete ones).
 * Returns Unix milliseconds, or -1 when the text is not a date.
 */
int64_t clock_parse_http_date(const char *text, size_t size);

#endif
