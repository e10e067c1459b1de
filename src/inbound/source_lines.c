/* SPDX-License-Identifier: MIT */
#include "source_lines.h"

const char *reject_reason_name(enum reject_reason reason)
{
	switch (reason) {
	case REJECT_UNAUTHORIZED:
		return "unauthorized";
	case REJECT_FORBIDDEN:
		return "forbidden";
	case REJECT_NOT_FOUND:
		return "not_found";
	case REJECT_METHOD:
		return "method";
	case REJECT_MEDIA_TYPE:
		return "media_type";
	case REJECT_UNAVAILABLE:
		return "unavailable";
	case REJECT_BACKLOG_FULL:
		return "backlog_full";
	}
	return "unknown"; /* not reached: -Wswitch guards the cases */
}

void source_lines_open(struct source_lines *lines, const char *source)
{
	log_limit_open(&lines->quarantined, LOG_LEVEL_WARN, "event.quarantined",
		LOG_FIELDS(LOG_STR("source", source)));
	for (int reason = 0; reason < REJECT_REASON_COUNT; reason++)
		log_limit_open(&lines->rejected[reason], LOG_LEVEL_WARN, "request.rejected",
			LOG_FIELDS(
				LOG_STR("reason", reject_reason_name((enum reject_reason)reason)),
				LOG_STR("source", source)));
}

bool source_lines_want_rejected(struct source_lines *lines, enum reject_reason reason)
{
	return log_limit_passes(&lines->rejected[reason]);
}

void source_lines_rejected(
	const struct source_lines *lines, enum reject_reason reason, const struct address *client)
{
	char text[ADDRESS_TEXT_SIZE];

	address_format(client, text);
	log_passed(&lines->rejected[reason], LOG_STR("address", text));
}

void source_lines_close(struct source_lines *lines)
{
	log_limit_close(&lines->quarantined);
	for (int reason = 0; reason < REJECT_REASON_COUNT; reason++)
		log_limit_close(&lines->rejected[reason]);
}
