/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "replay.h"
#include "repostal/clock.h"
#include "repostal/event_row.h"
#include "repostal/memory.h"

struct replay {
	int64_t quarantine_id;
	enum replay_result result;
	struct store_event event;
	char *content_type;
	char *raw;
	char *message_id;
	struct store_new_delivery deliveries[];
};

/* record is what is kept of it, at last in copies. */
static struct replay *replay_new(int64_t quarantine_id, const struct routed_source *source,
	struct event_record *record, const struct parsed_event *parsed, enum postal_event_type type)
{
	struct replay *replay = memory_zalloc(
		sizeof(*replay) + source->routes_count * sizeof(struct store_new_delivery));

	replay->quarantine_id = quarantine_id;
	replay->content_type =
		memory_copy_bytes(record->content_type.data, record->content_type.size);
	replay->raw = memory_copy_bytes(record->raw.data, record->raw.size);
	replay->message_id = memory_copy_bytes(parsed->event.id.data, parsed->event.id.size);
	record->content_type.data = replay->content_type;
	record->raw.data = replay->raw;
	replay->event = event_row(record, parsed, type);
	replay->event.deliveries = replay->deliveries;
	replay->event.deliveries_count = event_takers_count(source, parsed, type);
	event_takers_fill(source, parsed, type, replay->deliveries);
	/* An operator wants it. */
	for (size_t i = 0; i < replay->event.deliveries_count; i++)
		replay->deliveries[i].max_open = INT64_MAX;
	return replay;
}

struct replay *replay_prepare(
	const struct call *call, const struct store_quarantine_row *row, struct error *err)
{
	const struct event_rules *rules = &call->snapshot->rules;
	const struct routed_source *source = event_rules_find(rules, row->source);
	struct event_record record =
		event_record_of_quarantined(row, names_source(&call->names, row->source));
	struct replay *replay = NULL;
	struct parsed_event parsed;

	if (source == NULL) {
		error_set(err, "its source is configured no more");
		return NULL;
	}
	/* As if it arrived now. */
	record.received_us = clock_unix_us();
	if (event_parse(&record, &parsed) == BIZMAIL_PROBLEM_NONE)
		replay = replay_new(row->id, source, &record, &parsed,
			translate_type(rules->translate, &parsed.event));
	else
		error_set(err, "%s", bizmail_problem_name(parsed.problem));
	parsed_event_release(&parsed);
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
