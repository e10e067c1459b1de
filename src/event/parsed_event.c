/* SPDX-License-Identifier: MIT */
#include "repostal/parsed_event.h"

enum bizmail_problem event_parse(const struct event_record *record, struct parsed_event *parsed_out)
{
	*parsed_out = (struct parsed_event){
		.source = record->source,
		.source_name = record->source_name,
		.received_us = record->received_us,
	};
	parsed_out->problem = bizmail_parse(bizmail_encoding_of(record->content_type, record->raw),
		record->content_type, record->raw, (enum bizmail_kind)record->kind,
		&parsed_out->event, NULL);
	if (parsed_out->problem == BIZMAIL_PROBLEM_NONE) {
		parsed_out->identity = event_identity_of(record->source_name, &parsed_out->event);
		uuid_format(&parsed_out->identity.uuid, parsed_out->uuid);
	}
	return parsed_out->problem;
}

void parsed_event_release(struct parsed_event *parsed)
{
	bizmail_event_release(&parsed->event);
}

/* BizMail's own time is in milliseconds. */
int64_t parsed_event_occurred_us(const struct parsed_event *parsed)
{
	int64_t occurred_ms = bizmail_event_occurred_ms(&parsed->event, parsed->received_us / 1000);

	return occurred_ms == parsed->event.time_ms ? occurred_ms * 1000 : parsed->received_us;
}

/* Receivers take it for the time of the event, and one refuses what is ahead. */
int64_t parsed_event_timestamp_us(const struct parsed_event *parsed)
{
	int64_t occurred_us = parsed_event_occurred_us(parsed);

	return occurred_us < parsed->received_us ? occurred_us : parsed->received_us;
}

void parsed_event_print_uuid(const struct parsed_event *parsed, struct slice target, int number,
	char out[UUID_TEXT_SIZE])
{
	struct uuid uuid;

	out[0] = '\0';
	if (parsed->problem != BIZMAIL_PROBLEM_NONE)
		return;
	uuid = event_uuid_as_new(&parsed->identity.uuid, target, number);
	uuid_format(&uuid, out);
}

void parsed_event_send_as_new(struct parsed_event *parsed, struct slice target, int number)
{
	parsed->identity.uuid = event_uuid_as_new(&parsed->identity.uuid, target, number);
	uuid_format(&parsed->identity.uuid, parsed->uuid);
}

int event_first_as_new(int as_new)
{
	return as_new > EVENT_AS_NEW_MAX ? as_new - EVENT_AS_NEW_MAX + 1 : 1;
}

bool parsed_event_was_sent_as(
	const struct parsed_event *parsed, struct slice target, int as_new, struct slice uuid)
{
	char text[UUID_TEXT_SIZE];

	if (parsed->problem != BIZMAIL_PROBLEM_NONE)
		return false;
	for (int n = as_new; n >= event_first_as_new(as_new); n--) {
		parsed_event_print_uuid(parsed, target, n, text);
		if (slice_is_nocase(uuid, text))
			return true;
	}
	return false;
}
