/* SPDX-License-Identifier: MIT */
#include "repostal/translate.h"

#include "repostal/memory.h"
#include "repostal/text.h"

/* The details of a status event: whom in the middle, and why, when that is known. */
struct wording {
	const char *before;
	const char *behind;
	const char *before_why;
	const char *behind_why;
};

static const struct wording wording_delivered = { "Message for ", " accepted", " by ", "" };
static const struct wording wording_hard = {
	.before = "Permanent SMTP delivery error when sending to ",
	.behind = "",
};
static const struct wording wording_soft = {
	.before = "Temporary SMTP delivery error when sending to ",
	.behind = "",
};
static const struct wording wording_dropped = { "Message to ", " was dropped", ": ", "" };
static const struct wording wording_held = { "Recipient (", ") is on the suppression list",
	" (reason: ", ")" };

enum postal_event_type translate_type(
	const struct translate_settings *settings, const struct bizmail_event *event)
{
	switch (event->kind) {
	case BIZMAIL_DELIVERED:
		return POSTAL_MESSAGE_SENT;
	case BIZMAIL_BOUNCE:
		return event->permanent ? settings->hard_bounce : settings->soft_bounce;
	case BIZMAIL_DROP:
		return settings->dropped;
	case BIZMAIL_UNKNOWN:
		break;
	}
	REPOSTAL_ASSERT(event->kind != BIZMAIL_UNKNOWN);
	return POSTAL_MESSAGE_SENT;
}

/* As Ruby's String#strip, which Postal applies to replies: white space and NUL at both ends. */
static bool is_stripped(char c)
{
	return c == '\0' || c == ' ' || (c >= '\t' && c <= '\r');
}

static struct slice strip(struct slice text)
{
	while (text.size > 0 && is_stripped(text.data[text.size - 1]))
		text.size--;
	while (text.size > 0 && is_stripped(text.data[0])) {
		text.data++;
		text.size--;
	}
	return text;
}

/* The recipient itself when it has no domain. */
static struct slice domain_of(struct slice recipient)
{
	const char *at = memrchr(recipient.data, '@', recipient.size);
	size_t size;

	if (at == NULL)
		return recipient;
	size = (size_t)(recipient.data + recipient.size - (at + 1));
	return size == 0 ? recipient : slice_of(at + 1, size);
}

static size_t count_characters(struct slice text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.size; i++)
		count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
	return count;
}

static void add_details(struct postal_event *event, size_t *characters_left, struct slice text)
{
	text = text_utf8_prefix(text, *characters_left);
	if (text.size == 0)
		return;
	memcpy(event->details + event->details_size, text.data, text.size);
	event->details_size += text.size;
	*characters_left -= count_characters(text);
}

static void write_details(struct postal_event *event, const struct wording *wording,
	struct slice whom, struct slice why)
{
	size_t left = POSTAL_TEXT_CHARACTERS_MAX;

	event->details_size = 0;
	add_details(event, &left, slice_text(wording->before));
	add_details(event, &left, whom);
	add_details(event, &left, slice_text(wording->behind));
	if (why.size > 0) {
		add_details(event, &left, slice_text(wording->before_why));
		add_details(event, &left, why);
		add_details(event, &left, slice_text(wording->behind_why));
	}
	event->details[event->details_size] = '\0';
}

static void write_drop(struct postal_event *event_out, const struct bizmail_event *event)
{
	struct slice reason = strip(event->reason);

	if (event_out->type == POSTAL_MESSAGE_HELD) {
		write_details(event_out, &wording_held, event->recipient, reason);
		return;
	}
	write_details(event_out, &wording_dropped, event->recipient, reason);
	event_out->output = reason;
}

static void write_status(struct postal_event *event_out, const struct bizmail_event *event)
{
	switch (event->kind) {
	case BIZMAIL_DELIVERED:
		write_details(
			event_out, &wording_delivered, event->recipient, strip(event->mx_hostname));
		event_out->output = strip(event->response);
		break;
	case BIZMAIL_BOUNCE:
		write_details(event_out, event->permanent ? &wording_hard : &wording_soft,
			domain_of(event->recipient), (struct slice){ 0 });
		event_out->output = strip(event->response);
		break;
	case BIZMAIL_DROP:
		write_drop(event_out, event);
		break;
	case BIZMAIL_UNKNOWN:
		break;
	}
}

static struct slice sender_or_unknown(struct slice address)
{
	return address.size <= TRANSLATE_SENDER_SIZE_MAX ? address : (struct slice){ 0 };
}

static struct postal_message translate_message(
	const struct known_message *known, const struct parsed_event *parsed)
{
	const struct bizmail_event *event = &parsed->event;
	struct postal_message message = {
		.message_id = event->id,
		.to = event->recipient,
		.from = sender_or_unknown(known->from),
		.subject = known->subject,
		.tag = known->tag,
		.timestamp_us = parsed_event_occurred_us(parsed),
	};

	if (message.from.size == 0)
		message.from = sender_or_unknown(event->return_path);
	event_message_identity(parsed->source_name, event->id, event->recipient, &message);
	return message;
}

/* The bounce mail that Postal would have received at the return path; we have seen none. */
static struct postal_message translate_bounce(
	const struct parsed_event *parsed, const struct postal_message *original)
{
	const struct bizmail_event *event = &parsed->event;
	struct postal_message bounce = {
		.incoming = true,
		.to = original->from,
		.from = sender_or_unknown(event->return_path),
		.subject = SLICE_LITERAL("Undelivered Mail Returned to Sender"),
		.timestamp_us = original->timestamp_us,
	};

	event_bounce_identity(parsed->source_name, event->id, event->recipient, &bounce);
	return bounce;
}

void translate_event(const struct translate_settings *settings, const struct known_message *known,
	const struct parsed_event *parsed, struct postal_event *event_out)
{
	*event_out = (struct postal_event){
		.type = translate_type(settings, &parsed->event),
		.uuid = parsed->identity.uuid,
		.timestamp_us = parsed_event_timestamp_us(parsed),
		.message = translate_message(known, parsed),
		.sent_with_ssl = settings->sent_with_ssl,
		.time_null = settings->time_null,
	};
	event_out->status_timestamp_us = event_out->message.timestamp_us;
	if (event_out->type == POSTAL_MESSAGE_BOUNCED)
		event_out->bounce = translate_bounce(parsed, &event_out->message);
	else
		write_status(event_out, &parsed->event);
}
