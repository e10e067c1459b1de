/* SPDX-License-Identifier: MIT */
#include "sweep_round.h"

enum {
	ROUND_REST_MS = 60 * 60 * 1000,
	SLACK_MAX_MS = 60 * 1000,
	SLACK_SHARE = 10, /* of the age */
};

int64_t sweep_age_min_ms(const struct store_settings *settings)
{
	int64_t kept_ms = settings->keep_delivered_ms < settings->keep_dead_ms
				  ? settings->keep_delivered_ms
				  : settings->keep_dead_ms;
	int64_t slack_ms =
		kept_ms / SLACK_SHARE < SLACK_MAX_MS ? kept_ms / SLACK_SHARE : SLACK_MAX_MS;

	/* What was delivered a moment after it came has its time a moment later than it. */
	kept_ms += slack_ms;
	return kept_ms > settings->dedup_window_ms ? kept_ms : settings->dedup_window_ms;
}

bool sweep_round_end(struct sweep_round *round, int64_t now_ms)
{
	if (round->kept_count == 0)
		return false;
	if (round->ended_ms == 0) {
		round->ended_ms = now_ms;
		return false;
	}
	if (now_ms >= round->ended_ms && now_ms - round->ended_ms < ROUND_REST_MS)
		return false;
	*round = (struct sweep_round){ 0 };
	return true;
}
