/* SPDX-License-Identifier: MIT */
/*
 * event_route.h - which targets take which events of a source
 *
 * Promise    Pure. The same rule holds when an event arrives and when an operator replays it.
 * Threads    Any.
 * Ownership  A routed source borrows its settings and routes.
 */
#ifndef REPOSTAL_EVENT_ROUTE_H
#define REPOSTAL_EVENT_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/bizmail.h"
#include "repostal/envelope.h"
#include "repostal/source_settings.h"
#include "repostal/target_settings.h"
#include "repostal/translate.h"

/* A target that takes events of a source. */
struct event_route {
	uint16_t target;  /* of the store */
	uint32_t events;  /* bit 1 << enum postal_event_type */
	bool final_only;  /* no soft bounces */
	bool ordered;     /* events of one message, one after the other */
	int64_t max_open; /* deliveries that may wait for it; 0: half of the store's max_backlog */
};

struct routed_source {
	const struct source_settings *settings;
	uint16_t number; /* of the store */
	const struct event_route *routes;
	size_t routes_count;
};

/* All that a configuration says about events. */
struct event_rules {
	const struct translate_settings *translate;
	const struct routed_source *sources;
	size_t sources_count;
};

/* By the store's number; NULL: it is not configured. */
const struct routed_source *event_rules_find(const struct event_rules *rules, uint16_t source);

/* A number that no target has: it gets no route. */
enum {
	EVENT_ROUTE_NO_TARGET = UINT16_MAX
};

/*
 * Fills routes (room for targets_count) with the enabled targets that listen to this source; numbers
 * are the store's, one for each target. Returns how many there are.
 */
size_t event_routes_build(const char *source, const struct target_settings *targets,
	const uint16_t *numbers, size_t targets_count, struct event_route *routes);

bool event_route_takes(const struct event_route *route, enum postal_event_type type,
	const struct bizmail_event *event);

#endif
