/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "replay.h"
#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/search_key.h"

struct replay {
	int64_t quarantine_id;
	enum replay_result result;
	struct store_event event;
	char *content_type;
	char *raw;
	char *message_id;
	struct store_new_delivery deliveries[];
};

static const struct routed_source *find_source(
	const struct control_snapshot *snapshot, uint16_t number)
{
	for (size_t i = 0; i < snapshot->sources_count; i++)
		if (snapshot->sources[i].number == number)
			return &snapshot->sources[i];
	return NULL;
}

static void add_deliveries(struct replay *replay, const struct routed_source *source,
	enum postal_event_type type, const struct bizmail_event *event)
{
	const int64_t key =
		search_key_order(slice_text(source->settings->name), event->id, event->recipient);

	for (size_t i = 0; i < source->routes_count; i++) {
		const struct event_route *route = &source->routes[i];

		if (event_route_takes(route, type, event))
			replay->deliveries[replay->event.deliveries_count++] =
				(struct store_new_delivery){
					.target = route->target,
					.max_open = INT64_MAX, /* an operator wants it */
					.order_key = route->ordered ? key : 0,
				};
	}
	replay->event.deliveries = replay->deliveries;
}

static struct replay *replay_new(const struct call *call, const struct routed_source *source,
	const struct store_quarantine_row *row, const struct facts *facts)
{
	const struct bizmail_event *event = &facts->event;
	enum postal_event_type type = translate_type(call->snapshot->translate, event);
	struct replay *replay = memory_zalloc(
		sizeof(*replay) + source->routes_count * sizeof(struct store_new_delivery));

	replay->quarantine_id = row->id;
	replay->content_type = memory_copy_bytes(row->content_type.data, row->content_type.size);
	replay->raw = memory_copy_bytes(row->raw.data, row->raw.size);
	replay->message_id = memory_copy_bytes(event->id.data, event->id.size);
	replay->event = (struct store_event){
		.occurred_ms = event->time_ms,
		.identity = facts->identity.hash,
		.received_us = clock_unix_us(),
		.source = row->source,
		.kind = (uint8_t)event->kind,
		.type = (uint8_t)type,
		.search_keys = { search_key_uuid(slice_text(facts->uuid)),
			search_key_message(event->id), search_key_recipient(event->recipient) },
		.content_type = slice_of(replay->content_type, row->content_type.size),
		.raw = slice_of(replay->raw, row->raw.size),
	};
	add_deliveries(replay, source, type, event);
	return replay;
}

struct replay *replay_prepare(
	const struct call *call, const struct store_quarantine_row *row, struct error *err)
{
	const struct routed_source *source = find_source(call->snapshot, row->source);
	struct replay *replay = NULL;
	struct facts facts;

	if (source == NULL) {
		error_set(err, "its source is configured no more");
		return NULL;
	}
	facts_read(&facts, names_source(&call->names, row->source), row->content_type, row->raw,
		row->kind);
	if (facts.problem == BIZMAIL_PROBLEM_NONE)
		replay = replay_new(call, source, row, &facts);
	else
		error_set(err, "%s", bizmail_problem_name(facts.problem));
	facts_free(&facts);
	return replay;
}

void replay_free(struct replay **replayp)
{
	struct replay *replay = *replayp;

	if (replay == NULL)
		return;
	*replayp = NULL;
	free(replay->content_type);
	free(replay->raw);
	free(replay->message_id);
	free(replay);
}

struct slice replay_message_id(const struct replay *replay)
{
	return slice_text(replay->message_id);
}

enum replay_result replay_result(const struct replay *replay)
{
	return replay->result;
}

/* Quarantine first: of two who replay the same, one finds nothing to do. */
static enum status replay_one(struct store *store, struct replay *replay, struct error *err)
{
	enum status status = store_unquarantine(store, replay->quarantine_id, err);

	if (status == STATUS_NOT_FOUND) {
		replay->result = REPLAY_GONE;
		return STATUS_OK;
	}
	if (status == STATUS_OK)
		status = store_append(store, &replay->event, err);
	replay->result = replay->event.duplicate ? REPLAY_DUPLICATE : REPLAY_ACCEPTED;
	return status;
}

struct commit {
	struct replay *const *replays;
	size_t count;
};

static enum status replay_all(struct store *store, void *argument, struct error *err)
{
	const struct commit *commit = argument;
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < commit->count; i++)
		status = replay_one(store, commit->replays[i], err);
	return status;
}

enum status replay_commit(const struct control *control, struct replay *const *replays,
	size_t count, struct error *err)
{
	const struct control_settings *settings = &control->settings;
	struct commit commit = { .replays = replays, .count = count };
	enum status status = control_write(control, replay_all, &commit, err);

	for (size_t i = 0; status == STATUS_OK && i < count; i++) {
		const struct store_event *event = &replays[i]->event;

		for (size_t d = 0;
			replays[i]->result == REPLAY_ACCEPTED && d < event->deliveries_count; d++)
			settings->backend->look(settings->context, event->deliveries[d].target);
	}
	return status;
}
