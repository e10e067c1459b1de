/* SPDX-License-Identifier: MIT */
/*
 * retry_after.h - how long a receiver asks us to wait
 *
 * Promise    RFC 9110 section 10.2.3: delay seconds, or an HTTP date as libcurl reads dates. Pure.
 * Threads    Any.
 */
#ifndef REPOSTAL_DELIVERY_RETRY_AFTER_H
#define REPOSTAL_DELIVERY_RETRY_AFTER_H

#include <stdint.h>

/* Milliseconds from now (a date in the past gives 0), or -1 when the value is neither. */
int64_t retry_after_parse_ms(const char *value, int64_t now_unix_ms);

#endif
