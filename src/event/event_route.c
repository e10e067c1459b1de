/* SPDX-License-Identifier: MIT */
#include "repostal/event_route.h"

#include <string.h>

static bool listens_to(const struct target_settings *target, const char *source)
{
	for (size_t i = 0; i < target->sources_count; i++)
		if (strcmp(target->sources[i], source) == 0)
			return true;
	return target->sources_count == 0;
}

size_t event_routes_build(const char *source, const struct target_settings *targets,
	const uint16_t *numbers, size_t targets_count, struct event_route *routes)
{
	size_t count = 0;

	for (size_t i = 0; i < targets_count; i++) {
		const struct target_settings *target = &targets[i];

		if (!target->enabled || numbers[i] == EVENT_ROUTE_NO_TARGET ||
			!listens_to(target, source))
			continue;
		routes[count++] = (struct event_route){
			.target = numbers[i],
			.events = target->events,
			.final_only = target->final_only,
			.ordered = target->ordering == TARGET_ORDERING_MESSAGE,
			.max_open = target->max_backlog,
		};
	}
	return count;
}

const struct routed_source *event_rules_find(const struct event_rules *rules, uint16_t source)
{
	for (size_t i = 0; i < rules->sources_count; i++)
		if (rules->sources[i].number == source)
			return &rules->sources[i];
	return NULL;
}

bool event_route_takes(const struct event_route *route, enum postal_event_type type,
	const struct bizmail_event *event)
{
	if (((route->events >> type) & 1) == 0)
		return false;
	return !route->final_only || event->kind != BIZMAIL_BOUNCE || event->permanent;
}
