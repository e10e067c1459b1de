/* SPDX-License-Identifier: MIT */
#include "retry_after.h"

#include <stdbool.h>

#include <curl/curl.h>

#include "repostal/slice.h"
#include "repostal/text.h"

enum {
	MS_PER_S = 1000,
};

static bool is_all_digits(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	}
	return text.size > 0;
}

/* More than we can count still means "very long": retry_after_max bounds it. */
static int64_t ms_of(int64_t seconds)
{
	return seconds > INT64_MAX / MS_PER_S ? INT64_MAX : seconds * MS_PER_S;
}

int64_t retry_after_parse_ms(const char *value, int64_t now_unix_ms)
{
	struct slice trimmed = slice_trim(slice_text(value));
	int64_t seconds;
	int64_t date_ms;

	/* Digits first: libcurl reads eight of them as a date. */
	if (is_all_digits(trimmed))
		return text_parse_uint(trimmed, &seconds) ? ms_of(seconds) : INT64_MAX;
	seconds = curl_getdate(value, NULL);
	if (seconds == -1)
		return -1;
	date_ms = seconds < 0 ? 0 : ms_of(seconds);
	return date_ms > now_unix_ms ? date_ms - now_unix_ms : 0;
}
