/* SPDX-License-Identifier: MIT */
/*
 * event.c - what the fields mean
 *
 * BizMail's documentation contradicts itself in the spelling of kinds, the name of the recipient
 * and the unit of the time. Every rule for that is here, and holds for all encodings.
 */
#include <stdlib.h>

#include "fields.h"
#include "repostal/bizmail.h"
#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/text.h"

enum {
	FUTURE_MAX_MS = 24 * 60 * 60 * 1000
};

const char *bizmail_kind_name(enum bizmail_kind kind)
{
	switch (kind) {
	case BIZMAIL_UNKNOWN:
		return "unknown";
	case BIZMAIL_DELIVERED:
		return "delivered";
	case BIZMAIL_BOUNCE:
		return "bounce";
	case BIZMAIL_DROP:
		return "drop";
	}
	return "unknown";
}

enum bizmail_kind bizmail_kind_parse(struct slice text)
{
	if (slice_is_nocase(text, "delivered"))
		return BIZMAIL_DELIVERED;
	if (slice_is_nocase(text, "bounce") || slice_is_nocase(text, "bounced"))
		return BIZMAIL_BOUNCE;
	if (slice_is_nocase(text, "drop") || slice_is_nocase(text, "dropped"))
		return BIZMAIL_DROP;
	return BIZMAIL_UNKNOWN;
}

const char *bizmail_problem_name(enum bizmail_problem problem)
{
	switch (problem) {
	case BIZMAIL_PROBLEM_NONE:
		return "none";
	case BIZMAIL_PROBLEM_UNPARSEABLE:
		return "unparseable";
	case BIZMAIL_PROBLEM_UNKNOWN_KIND:
		return "unknown_kind";
	case BIZMAIL_PROBLEM_NO_ID:
		return "no_id";
	case BIZMAIL_PROBLEM_NO_RECIPIENT:
		return "no_recipient";
	}
	return "none";
}

static bool body_looks_like_json(struct slice body)
{
	struct slice text = slice_trim(json_without_byte_order_mark(body));

	return text.size > 0 && text.data[0] == '{';
}

/* The first line is "--" and a boundary. */
static bool body_looks_like_multipart(struct slice body)
{
	struct slice rest = body;
	struct slice line = slice_cut(&rest, '\n');

	return rest.data != NULL && slice_starts_nocase(line, "--") && slice_trim(line).size > 2;
}

/* It begins with a name and '=', and the name is written as a form writes it. */
static bool body_looks_like_form(struct slice body)
{
	struct slice rest = slice_trim(body);
	struct slice name = slice_cut(&rest, '=');

	if (rest.data == NULL || name.size == 0)
		return false;
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!is_letter && !(c >= '0' && c <= '9') &&
			(c == '\0' || strchr("_-.%+*&", c) == NULL))
			return false;
	}
	return true;
}

static enum bizmail_encoding encoding_named(struct slice content_type)
{
	struct slice rest = content_type;
	struct slice type = slice_trim(slice_cut(&rest, ';'));

	if (slice_is_nocase(type, "application/json") || slice_is_nocase(type, "text/json"))
		return BIZMAIL_ENCODING_JSON;
	if (slice_is_nocase(type, "application/x-www-form-urlencoded"))
		return BIZMAIL_ENCODING_FORM;
	if (slice_is_nocase(type, "multipart/form-data"))
		return BIZMAIL_ENCODING_MULTIPART;
	return BIZMAIL_ENCODING_NONE;
}

static bool is_unnamed(struct slice content_type)
{
	return slice_trim(slice_cut(&content_type, ';')).size == 0;
}

enum bizmail_encoding bizmail_encoding_of(struct slice content_type, struct slice body)
{
	enum bizmail_encoding named = encoding_named(content_type);

	if (named == BIZMAIL_ENCODING_NONE && !is_unnamed(content_type))
		return BIZMAIL_ENCODING_NONE;
	if (body_looks_like_json(body))
		return BIZMAIL_ENCODING_JSON;
	if (named == BIZMAIL_ENCODING_NONE)
		return BIZMAIL_ENCODING_NONE;
	if (body_looks_like_multipart(body))
		return BIZMAIL_ENCODING_MULTIPART;
	if (body_looks_like_form(body))
		return BIZMAIL_ENCODING_FORM;
	return named;
}

static bool is_given(const struct fields *fields, enum field field)
{
	return slice_trim(fields->values[field]).size > 0;
}

/*
 * What the event calls itself, in either field. A name that we do not know is a kind of event that
 * we do not know: neither the address it was sent to nor its other fields make it one of ours.
 */
static enum bizmail_kind kind_of(const struct fields *fields, enum bizmail_kind hint)
{
	enum bizmail_kind kind = bizmail_kind_parse(slice_trim(fields->values[FIELD_EVENT]));

	if (kind == BIZMAIL_UNKNOWN)
		kind = bizmail_kind_parse(slice_trim(fields->values[FIELD_ACTION]));
	if (is_given(fields, FIELD_EVENT) || is_given(fields, FIELD_ACTION))
		return kind;
	if (hint != BIZMAIL_UNKNOWN)
		return hint;
	if (is_given(fields, FIELD_CATEGORY))
		return BIZMAIL_BOUNCE;
	if (is_given(fields, FIELD_REASON))
		return BIZMAIL_DROP;
	if (is_given(fields, FIELD_MX_HOSTNAME))
		return BIZMAIL_DELIVERED;
	return BIZMAIL_UNKNOWN;
}

/* "hard_bounce" is also "hard-bounce", "hardBounce" and "Hard Bounce". word is in lower case. */
static bool is_spelling_of(struct slice text, const char *word)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];

		if (c == '_' || c == '-' || c == ' ')
			continue;
		if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != *word || *word == '\0')
			return false;
		word++;
	}
	return *word == '\0';
}

static bool is_one_of(struct slice text, const char *const *words, size_t word_count)
{
	for (size_t i = 0; i < word_count; i++) {
		if (is_spelling_of(text, words[i]))
			return true;
	}
	return false;
}

/* Real servers have more categories (policy, spam, other, ...); then the reply decides. */
static bool bounce_is_permanent(struct slice category, struct slice response)
{
	static const char *const hard[] = { "hardbounce", "hard", "rejected" };
	static const char *const soft[] = { "softbounce", "soft", "deferred" };
	struct slice word = slice_trim(category);

	if (is_one_of(word, hard, ARRAY_COUNT(hard)))
		return true;
	if (is_one_of(word, soft, ARRAY_COUNT(soft)))
		return false;
	return reply_is_permanent(response);
}

/* It ends up in identities, answers and log lines. */
struct slice bizmail_id(struct slice text)
{
	struct slice id = slice_trim(text);

	if (id.size > 0 && id.data[0] == '<')
		id = slice_of(id.data + 1, id.size - 1);
	if (id.size > 0 && id.data[id.size - 1] == '>')
		id.size--;
	id = slice_trim(id);
	if (id.size > BIZMAIL_ID_SIZE_MAX)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < id.size; i++) {
		unsigned char c = (unsigned char)id.data[i];

		if (c < 0x20 || c == 0x7f)
			return slice_of(NULL, 0);
	}
	return id;
}

static struct slice recipient_of(const struct fields *fields)
{
	struct slice recipient = bizmail_address(fields->values[FIELD_RECIPIENT]);

	return recipient.size > 0 ? recipient : bizmail_address(fields->values[FIELD_TO]);
}

/*
 * Documented as milliseconds, sampled as seconds: the size tells them apart until the year 5138.
 * Seconds are rounded to a microsecond before the cut, since a double holds most fractions a little
 * too low.
 */
static int64_t number_time_ms(double number)
{
	if (number <= 0)
		return 0;
	if (number < 1e11)
		return (int64_t)(number * 1e6 + 0.5) / 1000;
	if (number < 1e14)
		return (int64_t)number;
	if (number < 1e17)
		return (int64_t)number / 1000;
	return 0;
}

/*
 * A time that is there but not understood is kept as it is, for the identity: two events that differ
 * in it are two events. Zero means none, as some senders spell it.
 */
static void read_time(struct bizmail_event *event, struct slice field)
{
	struct slice text = slice_trim(field);
	double number;

	if (text.size == 0)
		return;
	if (text_parse_double(text, &number)) {
		event->time_ms = number_time_ms(number);
		if (number >= 0 && number < 1)
			return;
	} else if (!clock_parse_date(text, &event->time_ms) || event->time_ms < 0) {
		event->time_ms = 0;
	}
	if (event->time_ms == 0)
		event->time_text = text;
}

static void event_fill(
	struct bizmail_event *event, const struct fields *fields, enum bizmail_kind hint)
{
	event->kind = kind_of(fields, hint);
	event->id = bizmail_id(fields->values[FIELD_ID]);
	event->recipient = recipient_of(fields);
	event->mx_hostname = slice_trim(fields->values[FIELD_MX_HOSTNAME]);
	event->response = fields->values[FIELD_RESPONSE];
	event->category = fields->values[FIELD_CATEGORY];
	event->reason = fields->values[FIELD_REASON];
	event->return_path = bizmail_address(fields->values[FIELD_RETURN_PATH]);
	read_time(event, fields->values[FIELD_TIME]);
	event->permanent = event->kind == BIZMAIL_BOUNCE &&
			   bounce_is_permanent(event->category, event->response);
	event->memory = fields->memory;
}

static enum status fields_read(enum bizmail_encoding encoding, struct slice content_type,
	struct slice body, struct fields *fields, struct error *err)
{
	switch (encoding) {
	case BIZMAIL_ENCODING_NONE:
		break;
	case BIZMAIL_ENCODING_JSON:
		return json_read_fields(body, fields, err);
	case BIZMAIL_ENCODING_FORM:
		return form_read_fields(body, fields, err);
	case BIZMAIL_ENCODING_MULTIPART:
		return multipart_read_fields(content_type, body, fields, err);
	}
	error_set(err, "neither JSON nor a form");
	return STATUS_INVALID;
}

enum bizmail_problem bizmail_parse(enum bizmail_encoding encoding, struct slice content_type,
	struct slice body, enum bizmail_kind hint, struct bizmail_event *event_out,
	struct error *err)
{
	struct fields fields = { .memory = NULL };

	*event_out = (struct bizmail_event){ .kind = BIZMAIL_UNKNOWN };
	if (fields_read(encoding, content_type, body, &fields, err) != STATUS_OK)
		return BIZMAIL_PROBLEM_UNPARSEABLE;
	event_fill(event_out, &fields, hint);
	if (event_out->kind == BIZMAIL_UNKNOWN)
		return BIZMAIL_PROBLEM_UNKNOWN_KIND;
	if (event_out->id.size == 0)
		return BIZMAIL_PROBLEM_NO_ID;
	if (event_out->recipient.size == 0)
		return BIZMAIL_PROBLEM_NO_RECIPIENT;
	return BIZMAIL_PROBLEM_NONE;
}

void bizmail_event_release(struct bizmail_event *event)
{
	free(event->memory);
	*event = (struct bizmail_event){ .kind = BIZMAIL_UNKNOWN };
}

int64_t bizmail_event_occurred_ms(const struct bizmail_event *event, int64_t received_ms)
{
	if (event->time_ms == 0 || event->time_ms - FUTURE_MAX_MS > received_ms)
		return received_ms;
	return event->time_ms;
}
