/* SPDX-License-Identifier: MIT */
#include "stranded.h"

#include <string.h>

#include "repostal/log.h"

enum {
	LINES_MAX = 20
};

/* NULL: it is delivered to. */
static const char *why_not_delivered(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->targets_count; i++)
		if (strcmp(config->targets[i].name, name) == 0)
			return config->targets[i].enabled ? NULL : "disabled";
	return "not configured";
}

int64_t stranded_warn(const struct config *config, const struct admin_names *names,
	const struct store_metrics *store)
{
	int64_t deliveries = 0, targets = 0;

	for (size_t i = 0; i < names->targets_count; i++) {
		int64_t waiting = gauge_read(&store->targets[i].open);
		const char *name = names->targets[i];
		const char *reason = name == NULL ? NULL : why_not_delivered(config, name);

		if (waiting <= 0 || reason == NULL)
			continue;
		deliveries += waiting;
		if (targets++ < LINES_MAX)
			log_event(LOG_LEVEL_WARN, "target.stranded", LOG_STR("target", name),
				LOG_STR("reason", reason), LOG_INT("waiting", waiting),
				LOG_STR("advice", "configure it again, or discard them with: "
						  "repostal queue discard --target NAME"));
	}
	if (targets > LINES_MAX)
		log_event(LOG_LEVEL_WARN, "target.stranded",
			LOG_INT("targets_not_listed", targets - LINES_MAX),
			LOG_INT("waiting_in_all", deliveries));
	return deliveries;
}
