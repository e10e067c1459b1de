/* SPDX-License-Identifier: MIT */
#include "source_lines.h"

#include "repostal/memory.h"

struct source_lines *source_lines_new(const char *source)
{
	struct source_lines *lines = memory_zalloc(sizeof(*lines));

	log_limit_open(&lines->quarantined, LOG_LEVEL_WARN, "event.quarantined",
		LOG_FIELDS(LOG_STR("source", source)));
	return lines;
}

void source_lines_free(struct source_lines **linesp)
{
	struct source_lines *lines = *linesp;

	if (lines == NULL)
		return;
	*linesp = NULL;
	log_limit_close(&lines->quarantined);
	free(lines);
}
