/* SPDX-License-Identifier: MIT */
#include "repostal/log_throttle.h"

enum {
	SECOND_MS = 1000
};

bool log_throttle_pass(struct log_throttle *throttle, int64_t now_ms)
{
	if (throttle->written == 0 || now_ms - throttle->second_began_ms >= SECOND_MS) {
		throttle->second_began_ms = now_ms;
		throttle->written = 0;
	}
	if (throttle->written >= LOG_THROTTLE_LINES_PER_S) {
		throttle->left_out++;
		return false;
	}
	throttle->written++;
	return true;
}

int64_t log_throttle_due_ms(const struct log_throttle *throttle)
{
	return throttle->left_out == 0 ? INT64_MAX : throttle->second_began_ms + SECOND_MS;
}

int64_t log_throttle_take(struct log_throttle *throttle, int64_t now_ms)
{
	int64_t left_out = throttle->left_out;

	if (left_out == 0 || now_ms < log_throttle_due_ms(throttle))
		return 0;
	throttle->left_out = 0;
	return left_out;
}
