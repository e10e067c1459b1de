/* SPDX-License-Identifier: MIT */
#include "repostal/envelope.h"

#include "envelope_text.h"
#include "repostal/memory.h"
#include "repostal/text.h"

/* What nearly every envelope fits in: room is made for it at once. */
enum {
	ENVELOPE_SIZE_USUAL = 1023
};

static const char *const type_names[POSTAL_EVENT_TYPE_COUNT] = {
	[POSTAL_MESSAGE_SENT] = "MessageSent",
	[POSTAL_MESSAGE_DELAYED] = "MessageDelayed",
	[POSTAL_MESSAGE_DELIVERY_FAILED] = "MessageDeliveryFailed",
	[POSTAL_MESSAGE_HELD] = "MessageHeld",
	[POSTAL_MESSAGE_BOUNCED] = "MessageBounced",
};

/* For status events only. */
static const char *const status_names[POSTAL_EVENT_TYPE_COUNT] = {
	[POSTAL_MESSAGE_SENT] = "Sent",
	[POSTAL_MESSAGE_DELAYED] = "SoftFail",
	[POSTAL_MESSAGE_DELIVERY_FAILED] = "HardFail",
	[POSTAL_MESSAGE_HELD] = "Held",
};

const char *postal_event_type_name(enum postal_event_type type)
{
	return type_names[type];
}

bool postal_event_type_parse(struct slice name, enum postal_event_type *out)
{
	for (size_t i = 0; i < ARRAY_COUNT(type_names); i++) {
		if (slice_is(name, type_names[i])) {
			*out = (enum postal_event_type)i;
			return true;
		}
	}
	return false;
}

static void put(struct buf *out, const char *json)
{
	buf_append_text(out, json);
}

/* A text has no more characters than bytes, so most need no counting. */
static void write_cut(struct buf *out, struct slice text, size_t characters_max)
{
	if (text.size > characters_max)
		text = text_utf8_prefix(text, characters_max);
	envelope_write_string(out, text);
}

static void write_tristate(struct buf *out, enum postal_tristate value)
{
	switch (value) {
	case POSTAL_FALSE:
		put(out, "false");
		break;
	case POSTAL_TRUE:
		put(out, "true");
		break;
	case POSTAL_NULL:
		put(out, "null");
		break;
	}
}

static void write_message(struct buf *out, const struct postal_message *message)
{
	put(out, "{\"id\":");
	envelope_write_integer(out, (uint32_t)message->id);
	put(out, ",\"token\":\"");
	put(out, message->token);
	put(out, message->incoming ? "\",\"direction\":\"incoming\""
				   : "\",\"direction\":\"outgoing\"");
	put(out, ",\"message_id\":");
	envelope_write_string(out, message->message_id);
	put(out, ",\"to\":");
	envelope_write_string(out, message->to);
	put(out, ",\"from\":");
	envelope_write_string(out, message->from);
	put(out, ",\"subject\":");
	write_cut(out, message->subject, POSTAL_SUBJECT_CHARACTERS_MAX);
	put(out, ",\"timestamp\":");
	envelope_write_time(out, message->timestamp_us);
	put(out, ",\"spam_status\":\"NotChecked\",\"tag\":");
	if (message->tag.size == 0)
		put(out, "null");
	else
		write_cut(out, message->tag, POSTAL_TAG_CHARACTERS_MAX);
	put(out, "}");
}

static void write_status_payload(struct buf *out, const struct postal_event *event)
{
	put(out, "{\"message\":");
	write_message(out, &event->message);
	put(out, ",\"status\":\"");
	put(out, status_names[event->type]);
	put(out, "\",\"details\":");
	write_cut(out, slice_of(event->details, event->details_size), POSTAL_TEXT_CHARACTERS_MAX);
	put(out, ",\"output\":");
	write_cut(out, event->output, POSTAL_TEXT_CHARACTERS_MAX);
	put(out, ",\"sent_with_ssl\":");
	write_tristate(out, event->sent_with_ssl);
	put(out, ",\"timestamp\":");
	envelope_write_time(out, event->status_timestamp_us);
	put(out, event->time_null ? ",\"time\":null}" : ",\"time\":0}");
}

/* No status key: receivers tell the events apart by the shape of the payload. */
static void write_bounce_payload(struct buf *out, const struct postal_event *event)
{
	put(out, "{\"original_message\":");
	write_message(out, &event->message);
	put(out, ",\"bounce\":");
	write_message(out, &event->bounce);
	put(out, "}");
}

bool envelope_write(const struct postal_event *event, struct buf *out)
{
	char uuid[UUID_TEXT_SIZE];

	if (out->size_max - out->size >= ENVELOPE_SIZE_USUAL)
		buf_reserve(out, ENVELOPE_SIZE_USUAL);
	put(out, "{\"event\":\"");
	put(out, type_names[event->type]);
	put(out, "\",\"timestamp\":");
	envelope_write_time(out, event->timestamp_us);
	put(out, ",\"payload\":");
	if (event->type == POSTAL_MESSAGE_BOUNCED)
		write_bounce_payload(out, event);
	else
		write_status_payload(out, event);
	put(out, ",\"uuid\":\"");
	uuid_format(&event->uuid, uuid);
	put(out, uuid);
	put(out, "\"}");
	return !out->overflowed;
}
