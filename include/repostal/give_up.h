/* SPDX-License-Identifier: MIT */
/*
 * give_up.h - what ends a delivery at once, though it has attempts left
 *
 * Promise    Pure: the time is an argument. Without settings nothing ends before its last attempt.
 * Threads    Values.
 */
#ifndef REPOSTAL_GIVE_UP_H
#define REPOSTAL_GIVE_UP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/slice.h"

enum {
	GIVE_UP_STATUSES_MAX = 64
};

struct give_up_settings {
	uint16_t statuses[GIVE_UP_STATUSES_MAX]; /* 404, or 4 for each of 400 to 499 */
	size_t statuses_count;
	int64_t age_ms; /* 0: none is too old */
};

/*
 * Whether this answer ends the delivery. A class does not hold 429: that speaks of the receiver's load,
 * not of the event. As a number it counts like any other.
 */
bool give_up_on_status(const struct give_up_settings *settings, int http_status);

/* Whether the event happened too long ago to be sent; in the future it did not. */
bool give_up_on_age(const struct give_up_settings *settings, int64_t happened_ms, int64_t now_ms);

/* "404" or "4xx", of what is no success: 300 to 599, 3xx to 5xx. */
bool give_up_parse_status(struct slice text, uint16_t *status_out);
bool give_up_is_class(uint16_t status);

#endif
