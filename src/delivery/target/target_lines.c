/* SPDX-License-Identifier: MIT */
#include "target_lines.h"

#include "repostal/memory.h"

/* Every kind: where its limit is, how loud and what it is called. */
static const struct line_kind {
	size_t offset;
	enum log_level level;
	const char *event;
} line_kinds[] = {
	{ offsetof(struct target_lines, retry), LOG_LEVEL_INFO, "delivery.retry" },
	{ offsetof(struct target_lines, dead), LOG_LEVEL_WARN, "delivery.dead" },
	{ offsetof(struct target_lines, backlog_full), LOG_LEVEL_WARN, "delivery.backlog_full" },
	{ offsetof(struct target_lines, breaker_opened), LOG_LEVEL_WARN, "target.breaker_opened" },
	{ offsetof(struct target_lines, breaker_closed), LOG_LEVEL_INFO, "target.breaker_closed" },
	{ offsetof(struct target_lines, type_refused), LOG_LEVEL_WARN, "target.type_refused" },
	{ offsetof(struct target_lines, paused), LOG_LEVEL_WARN, "target.paused" },
	{ offsetof(struct target_lines, key_unknown), LOG_LEVEL_WARN, "target.key_unknown" },
	{ offsetof(struct target_lines, pause_not_stored), LOG_LEVEL_WARN,
		"target.pause_not_stored" },
};

static struct log_limit *limit_of(struct target_lines *lines, const struct line_kind *kind)
{
	return (struct log_limit *)((char *)lines + kind->offset);
}

void target_lines_open(struct target_lines *lines, const char *target)
{
	for (size_t i = 0; i < ARRAY_COUNT(line_kinds); i++)
		log_limit_open(limit_of(lines, &line_kinds[i]), line_kinds[i].level,
			line_kinds[i].event, LOG_FIELDS(LOG_STR("target", target)));
}

void target_lines_close(struct target_lines *lines)
{
	for (size_t i = 0; i < ARRAY_COUNT(line_kinds); i++)
		log_limit_close(limit_of(lines, &line_kinds[i]));
}
