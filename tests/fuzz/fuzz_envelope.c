/* SPDX-License-Identifier: MIT */
/*
 * The round trip of an envelope: a BizMail event of any texts is translated, written, and read back by
 * somebody else's parser. What went in must come out, and no byte may be one that a receiver of Postal's
 * webhooks, a strict JSON parser, has not seen from Postal.
 *
 * The first byte chooses the settings, the second the kind. Then come texts, each ended by a byte 0xff:
 * id, recipient, sender's host, response, category, reason, return path, time; then what the source
 * fills in: from, subject, tag.
 */
#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#include "fuzz.h"
#include "repostal/envelope.h"
#include "repostal/translate.h"

enum {
	TEXT_COUNT = 11,
	DEFAULT_COUNT = 3, /* of these, at the end */
	FORM_SIZE_MAX = 4 * 1024 * 1024,
	TEXT_END = '\xff',
	DEFAULT_SIZE_MAX = 1024, /* of a text in the configuration */
	RECEIVED_US = 1763683200,
};

static const char *const form_names[] = { "id", "recipient", "mxHostname", "response", "category",
	"reason", "returnPath", "time" };

static void append_percent(struct buf *form, struct slice text)
{
	for (size_t i = 0; i < text.size; i++)
		buf_printf(form, "%%%02X", (unsigned char)text.data[i]);
}

/* As a form, because that carries any byte. */
static void write_form(struct buf *form, uint8_t kind, const struct slice *texts)
{
	static const char *const kinds[] = { "delivered", "bounce", "drop" };

	buf_printf(form, "event=%s", kinds[kind % ARRAY_COUNT(kinds)]);
	for (size_t i = 0; i < ARRAY_COUNT(form_names); i++) {
		buf_printf(form, "&%s=", form_names[i]);
		append_percent(form, texts[i]);
	}
}

/* As configuration allows it: valid UTF-8 of bounded size. */
static char *default_text(struct slice text)
{
	struct buf repaired;

	buf_init(&repaired, 3 * DEFAULT_SIZE_MAX);
	if (text.size > DEFAULT_SIZE_MAX)
		text.size = DEFAULT_SIZE_MAX;
	text_append_utf8_repaired(&repaired, text);
	return buf_take(&repaired);
}

static struct translate_settings settings_of(uint8_t choice)
{
	return (struct translate_settings){
		.soft_bounce =
			(choice & 1) != 0 ? POSTAL_MESSAGE_DELAYED : POSTAL_MESSAGE_DELIVERY_FAILED,
		.hard_bounce =
			(choice & 2) != 0 ? POSTAL_MESSAGE_BOUNCED : POSTAL_MESSAGE_DELIVERY_FAILED,
		.dropped = (choice & 4) != 0 ? POSTAL_MESSAGE_HELD : POSTAL_MESSAGE_DELIVERY_FAILED,
		.sent_with_ssl = (enum postal_tristate)((choice >> 3) % 3),
		.time_null = (choice & 0x40) != 0,
	};
}

static void check_bytes(struct slice text)
{
	REPOSTAL_ASSERT(text.size <= ENVELOPE_SIZE_MAX && text_is_utf8(text));
	for (size_t i = 0; i < text.size; i++)
		REPOSTAL_ASSERT((unsigned char)text.data[i] >= ' ' &&
				memchr("<>&", text.data[i], 3) == NULL);
	REPOSTAL_ASSERT(!fuzz_contains(text, SLICE_LITERAL("\xe2\x80\xa8")));
	REPOSTAL_ASSERT(!fuzz_contains(text, SLICE_LITERAL("\xe2\x80\xa9")));
}

static void check_text(const json_t *object, const char *key, struct slice want)
{
	const json_t *value = json_object_get(object, key);
	struct slice got = slice_of(json_string_value(value), json_string_length(value));

	REPOSTAL_ASSERT(json_is_string(value));
	/* A NUL goes out as U+FFFD. */
	for (size_t i = 0; i < want.size; i++) {
		size_t size = want.data[i] == '\0' ? 3 : 1;

		REPOSTAL_ASSERT(got.size >= size);
		REPOSTAL_ASSERT(
			memcmp(got.data, size == 3 ? "\xEF\xBF\xBD" : want.data + i, size) == 0);
		got = slice_of(got.data + size, got.size - size);
	}
	REPOSTAL_ASSERT(got.size == 0);
}

static void check_time(const json_t *object, const char *key, int64_t us)
{
	const json_t *value = json_object_get(object, key);

	REPOSTAL_ASSERT(json_is_number(value));
	REPOSTAL_ASSERT(fabs(json_number_value(value) - (double)us / 1e6) == 0);
}

static void check_message(const json_t *object, const struct postal_message *message)
{
	const json_t *id = json_object_get(object, "id");

	REPOSTAL_ASSERT(json_object_size(object) == 10);
	REPOSTAL_ASSERT(json_is_integer(id) && json_integer_value(id) == message->id);
	REPOSTAL_ASSERT(message->id >= 1 << 30);
	check_text(object, "token", slice_text(message->token));
	check_text(object, "direction", slice_text(message->incoming ? "incoming" : "outgoing"));
	check_text(object, "message_id", message->message_id);
	check_text(object, "to", message->to);
	check_text(object, "from", message->from);
	check_text(object, "subject",
		text_utf8_prefix(message->subject, POSTAL_SUBJECT_CHARACTERS_MAX));
	check_time(object, "timestamp", message->timestamp_us);
	check_text(object, "spam_status", SLICE_LITERAL("NotChecked"));
	if (message->tag.size == 0)
		REPOSTAL_ASSERT(json_is_null(json_object_get(object, "tag")));
	else
		check_text(
			object, "tag", text_utf8_prefix(message->tag, POSTAL_TAG_CHARACTERS_MAX));
}

static void check_payload(const json_t *payload, const struct postal_event *event)
{
	if (event->type == POSTAL_MESSAGE_BOUNCED) {
		REPOSTAL_ASSERT(json_object_size(payload) == 2);
		check_message(json_object_get(payload, "original_message"), &event->message);
		check_message(json_object_get(payload, "bounce"), &event->bounce);
		return;
	}
	REPOSTAL_ASSERT(json_object_size(payload) == 7);
	check_message(json_object_get(payload, "message"), &event->message);
	REPOSTAL_ASSERT(json_is_string(json_object_get(payload, "status")));
	check_text(payload, "details",
		text_utf8_prefix(
			slice_of(event->details, event->details_size), POSTAL_TEXT_CHARACTERS_MAX));
	check_text(payload, "output", text_utf8_prefix(event->output, POSTAL_TEXT_CHARACTERS_MAX));
	check_time(payload, "timestamp", event->status_timestamp_us);
	REPOSTAL_ASSERT(json_is_null(json_object_get(payload, "time")) == event->time_null);
}

static void check_envelope(const struct postal_event *event, const struct bizmail_event *source)
{
	char uuid[UUID_TEXT_SIZE];
	struct buf text, again;
	json_t *json;

	buf_init(&text, ENVELOPE_SIZE_MAX);
	buf_init(&again, ENVELOPE_SIZE_MAX);
	REPOSTAL_ASSERT(envelope_write(event, &text) && envelope_write(event, &again));
	REPOSTAL_ASSERT(slice_equal(buf_slice(&text), buf_slice(&again)));
	check_bytes(buf_slice(&text));
	json = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	REPOSTAL_ASSERT(json_is_object(json) && json_object_size(json) == 4);
	check_text(json, "event", slice_text(postal_event_type_name(event->type)));
	check_time(json, "timestamp", event->timestamp_us);
	uuid_format(&event->uuid, uuid);
	check_text(json, "uuid", slice_text(uuid));
	check_payload(json_object_get(json, "payload"), event);
	REPOSTAL_ASSERT(slice_equal(event->message.message_id, source->id));
	REPOSTAL_ASSERT(slice_equal(event->message.to, source->recipient));
	json_decref(json);
	buf_free(&text);
	buf_free(&again);
}

static void translate_and_check(const struct translate_settings *settings,
	const struct known_message *known, const struct parsed_event *parsed)
{
	struct postal_event postal;

	translate_event(settings, known, parsed, &postal);
	REPOSTAL_ASSERT(postal.type == translate_type(settings, &parsed->event));
	check_envelope(&postal, &parsed->event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = fuzz_input(data, size);
	struct translate_settings settings = settings_of(fuzz_take_byte(&rest));
	uint8_t kind = fuzz_take_byte(&rest);
	struct slice texts[TEXT_COUNT];
	char *defaults[DEFAULT_COUNT];
	struct known_message known;
	struct event_record record = {
		.source_name = SLICE_LITERAL("bizmail"),
		.received_us = RECEIVED_US * INT64_C(1000001),
		.content_type = SLICE_LITERAL("application/x-www-form-urlencoded"),
	};
	struct parsed_event parsed;
	struct buf form;

	for (size_t i = 0; i < TEXT_COUNT; i++)
		texts[i] = slice_cut(&rest, TEXT_END);
	for (size_t i = 0; i < DEFAULT_COUNT; i++)
		defaults[i] = default_text(texts[TEXT_COUNT - DEFAULT_COUNT + i]);
	known = (struct known_message){
		.from = slice_text(defaults[0]),
		.subject = slice_text(defaults[1]),
		.tag = slice_text(defaults[2]),
	};
	buf_init(&form, FORM_SIZE_MAX);
	write_form(&form, kind, texts);
	record.raw = buf_slice(&form);
	if (event_parse(&record, &parsed) == BIZMAIL_PROBLEM_NONE)
		translate_and_check(&settings, &known, &parsed);
	parsed_event_release(&parsed);
	buf_free(&form);
	for (size_t i = 0; i < DEFAULT_COUNT; i++)
		free(defaults[i]);
	return 0;
}
