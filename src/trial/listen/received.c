/* SPDX-License-Identifier: MIT */
#include "received.h"

#include "cli/show/json_show.h"
#include "cli/show/terminal.h"
#include "repostal/clock.h"
#include "repostal/text.h"

enum {
	FOREIGN_PRINTED_MAX = 1024, /* of a body that is not an envelope */
	INDENT_SIZE = 2,
};

static struct slice string_of(json_t *string)
{
	return slice_of(json_string_value(string), json_string_length(string));
}

void received_parse(struct slice body, struct received *out)
{
	*out = (struct received){ .arrived_ms = clock_unix_ms(), .body = body };
	out->envelope = json_loadb(body.data, body.size, JSON_ALLOW_NUL, NULL);
	if (!json_is_object(out->envelope)) {
		json_decref(out->envelope);
		out->envelope = NULL;
		return;
	}
	out->has_uuid = uuid_parse(string_of(json_object_get(out->envelope, "uuid")), &out->uuid);
}

void received_clear(struct received *received)
{
	json_decref(received->envelope);
	received->envelope = NULL;
}

static const char *check_text(enum signature_check check)
{
	switch (check) {
	case SIGNATURE_NONE:
		return "none";
	case SIGNATURE_UNCHECKED:
		return "not checked";
	case SIGNATURE_OK:
		return "ok";
	case SIGNATURE_BAD:
		return "BAD";
	case SIGNATURE_UNKNOWN_KEY:
		return "BAD, the key is not known";
	}
	return NULL; /* not reached: -Wswitch guards the cases */
}

bool received_is_bad(const struct received *received)
{
	return received->signatures.sha1 >= SIGNATURE_BAD ||
	       received->signatures.sha256 >= SIGNATURE_BAD;
}

bool received_is_unsigned(const struct received *received)
{
	return received->signatures.sha1 == SIGNATURE_NONE &&
	       received->signatures.sha256 == SIGNATURE_NONE;
}

/* The verdict in one word, then each header. */
static void print_signatures(const struct received *received, struct buf *out)
{
	const struct signature_checks *checks = &received->signatures;
	const char *verdict = "verified";

	if (received_is_bad(received))
		verdict = "BAD";
	else if (received_is_unsigned(received))
		verdict = "none";
	else if (checks->sha1 == SIGNATURE_UNCHECKED || checks->sha256 == SIGNATURE_UNCHECKED)
		verdict = "not checked";
	buf_printf(out, "  signature  %s (SHA-1 %s, SHA-256 %s)\n", verdict,
		check_text(checks->sha1), check_text(checks->sha256));
}

/* A dash for what is not there or not a string. */
static void append_text(struct buf *out, json_t *string)
{
	if (json_is_string(string) && json_string_length(string) > 0)
		show_append_printable(out, string_of(string), SHOW_ONE_LINE);
	else
		buf_append_char(out, '-');
}

static void print_envelope(const struct received *received, struct buf *out)
{
	json_t *payload = json_object_get(received->envelope, "payload");
	json_t *message = json_object_get(payload, "message");

	if (message == NULL)
		message = json_object_get(payload, "original_message");
	append_text(out, json_object_get(received->envelope, "event"));
	buf_append_char(out, ' ');
	append_text(out, json_object_get(payload, "status"));
	buf_append_char(out, ' ');
	append_text(out, json_object_get(message, "to"));
	buf_append_text(out, "\n  details    ");
	append_text(out, json_object_get(payload, "details"));
	buf_append_text(out, "\n  uuid       ");
	append_text(out, json_object_get(received->envelope, "uuid"));
	buf_append_text(out, received->seen_before ? " (seen before)\n" : "\n");
}

static void print_foreign(const struct received *received, struct buf *out)
{
	size_t size = received->body.size;
	struct buf repaired;

	if (size > FOREIGN_PRINTED_MAX)
		size = FOREIGN_PRINTED_MAX;
	buf_append_text(out, "not a JSON object");
	if (size < received->body.size)
		buf_printf(out, ", the first %zu of %zu bytes", size, received->body.size);
	buf_append_text(out, ":\n  ");
	buf_init(&repaired, RECEIVED_TEXT_SIZE_MAX);
	text_append_utf8_repaired(&repaired, slice_of(received->body.data, size));
	show_append_printable(out, buf_slice(&repaired), SHOW_ONE_LINE);
	buf_free(&repaired);
	buf_append_char(out, '\n');
}

void received_print(const struct received *received, struct buf *out)
{
	json_t *payload = json_object_get(received->envelope, "payload");
	struct buf raw;

	buf_init(&raw, RECEIVED_TEXT_SIZE_MAX);
	show_append_instant(&raw, received->arrived_ms);
	buf_append_char(&raw, ' ');
	if (received->envelope != NULL)
		print_envelope(received, &raw);
	else
		print_foreign(received, &raw);
	print_signatures(received, &raw);
	buf_printf(&raw, "  answered   %d\n", received->answer_status);
	if (payload != NULL)
		show_append_json(&raw, payload, INDENT_SIZE);
	if (raw.overflowed)
		buf_append_text(&raw, "\n  (too long to print whole)\n");
	buf_append_char(&raw, '\n');
	show_append_printable(out, buf_slice(&raw), SHOW_MANY_LINES);
	buf_free(&raw);
}
