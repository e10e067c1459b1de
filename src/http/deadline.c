/* SPDX-License-Identifier: MIT */
#include "deadline.h"

bool http_is_overdue(
	enum http_state state, int64_t since_ms, int64_t now_ms, const struct http_limits *limits)
{
	switch (state) {
	case HTTP_WAITING:
		return false;
	case HTTP_READING:
	case HTTP_WRITING:
	case HTTP_CLOSING:
		return now_ms - since_ms >= limits->request_ms;
	case HTTP_LINGERING:
		return now_ms - since_ms >= limits->linger_ms;
	}
	return false; /* not reached: -Wswitch guards the cases */
}
