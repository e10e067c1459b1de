/* SPDX-License-Identifier: MIT */
#include "repostal/event_row.h"

#include "repostal/search_key.h"

struct event_record event_record_of_row(const struct store_row *row, struct slice source_name)
{
	return (struct event_record){
		.source = row->source,
		.source_name = source_name,
		.received_us = row->received_us,
		.kind = row->kind,
		.content_type = row->content_type,
		.raw = row->raw,
	};
}

struct event_record event_record_of_claimed(const struct store_claimed *claimed)
{
	return (struct event_record){
		.source = claimed->source,
		.source_name = slice_text(claimed->source_name),
		.received_us = claimed->received_us,
		.kind = claimed->kind,
		.content_type = claimed->content_type,
		.raw = claimed->raw,
	};
}

struct event_record event_record_of_quarantined(
	const struct store_quarantine_row *row, struct slice source_name)
{
	return (struct event_record){
		.source = row->source,
		.source_name = source_name,
		.received_us = row->received_us,
		.kind = row->kind,
		.content_type = row->content_type,
		.raw = row->raw,
	};
}

struct store_event event_row(const struct event_record *record, const struct parsed_event *parsed,
	enum postal_event_type type)
{
	const struct bizmail_event *event = &parsed->event;

	return (struct store_event){
		.occurred_ms = event->time_ms,
		.identity = parsed->identity.hash,
		.received_us = record->received_us,
		.source = record->source,
		.kind = (uint8_t)event->kind,
		.type = (uint8_t)type,
		.search_keys = {
			search_key_uuid(slice_text(parsed->uuid)),
			search_key_message(event->id),
			search_key_recipient(event->recipient),
		},
		.content_type = record->content_type,
		.raw = record->raw,
	};
}

struct store_quarantined event_quarantine_row(
	const struct event_record *record, enum bizmail_problem problem)
{
	return (struct store_quarantined){
		.received_us = record->received_us,
		.source = record->source,
		.kind = record->kind,
		.reason = bizmail_problem_name(problem),
		.content_type = record->content_type,
		.raw = record->raw,
	};
}

int64_t event_order_key(const struct parsed_event *parsed)
{
	return search_key_order(parsed->source_name, parsed->event.id, parsed->event.recipient);
}

size_t event_takers_count(const struct routed_source *source, const struct parsed_event *parsed,
	enum postal_event_type type)
{
	size_t count = 0;

	for (size_t i = 0; i < source->routes_count; i++)
		count += event_route_takes(&source->routes[i], type, &parsed->event);
	return count;
}

void event_takers_fill(const struct routed_source *source, const struct parsed_event *parsed,
	enum postal_event_type type, struct store_new_delivery *deliveries)
{
	for (size_t i = 0; i < source->routes_count; i++) {
		const struct event_route *route = &source->routes[i];

		if (!event_route_takes(route, type, &parsed->event))
			continue;
		*deliveries++ = (struct store_new_delivery){
			.target = route->target,
			.order_key = route->ordered ? event_order_key(parsed) : 0,
			.max_open = route->max_open,
		};
	}
}
