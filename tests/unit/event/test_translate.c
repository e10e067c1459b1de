/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "repostal/memory.h"
#include "repostal/text.h"
#include "repostal/translate.h"

#define SOURCE SLICE_LITERAL("bizmail")
#define ID SLICE_LITERAL("550e8400-e29b-41d4-a716-446655440000@bizfly.vn")
#define RECIPIENT SLICE_LITERAL("user@example.com")

static const int64_t received_us = INT64_C(1795223400123456);
static const int64_t time_ms = INT64_C(1713100000250);
static const struct known_message nothing;
static const struct translate_settings usual = {
	.soft_bounce = POSTAL_MESSAGE_DELAYED,
	.hard_bounce = POSTAL_MESSAGE_DELIVERY_FAILED,
	.dropped = POSTAL_MESSAGE_DELIVERY_FAILED,
};
static const struct translate_settings unusual = {
	.soft_bounce = POSTAL_MESSAGE_DELIVERY_FAILED,
	.hard_bounce = POSTAL_MESSAGE_BOUNCED,
	.dropped = POSTAL_MESSAGE_HELD,
	.sent_with_ssl = POSTAL_NULL,
	.time_null = true,
};

static void translate(const struct translate_settings *settings, const struct known_message *known,
	const struct bizmail_event *event, struct postal_event *event_out)
{
	const struct parsed_event parsed = {
		.source_name = SOURCE,
		.received_us = received_us,
		.event = *event,
		.identity = event_identity_of(SOURCE, event),
	};

	translate_event(settings, known, &parsed, event_out);
	assert_memory_equal(&event_out->uuid, &parsed.identity.uuid, sizeof(parsed.identity.uuid));
	assert_int_equal(event_out->type, translate_type(settings, event));
}

struct wording_case {
	const char *name;
	const struct translate_settings *settings;
	struct bizmail_event event; /* id and recipient are filled in when they are empty */
	enum postal_event_type want_type;
	const char *want_details;
	const char *want_output;
};

#define DELIVERED .kind = BIZMAIL_DELIVERED
#define HARD .kind = BIZMAIL_BOUNCE, .permanent = true
#define SOFT .kind = BIZMAIL_BOUNCE
#define DROP .kind = BIZMAIL_DROP

static const struct wording_case wording_cases[] = {
	{ "delivered", &usual,
		{ DELIVERED, .mx_hostname = SLICE_LITERAL("mx.example.com"),
			.response = SLICE_LITERAL("250 OK") },
		POSTAL_MESSAGE_SENT, "Message for user@example.com accepted by mx.example.com",
		"250 OK" },
	{ "delivered, MX unknown", &usual, { DELIVERED }, POSTAL_MESSAGE_SENT,
		"Message for user@example.com accepted", "" },
	{ "hard", &usual, { HARD, .response = SLICE_LITERAL("550 5.1.1 no such user") },
		POSTAL_MESSAGE_DELIVERY_FAILED,
		"Permanent SMTP delivery error when sending to example.com",
		"550 5.1.1 no such user" },
	{ "soft", &usual, { SOFT, .response = SLICE_LITERAL("450 later") }, POSTAL_MESSAGE_DELAYED,
		"Temporary SMTP delivery error when sending to example.com", "450 later" },
	{ "soft as failed", &unusual, { SOFT, .response = SLICE_LITERAL("450 later") },
		POSTAL_MESSAGE_DELIVERY_FAILED,
		"Temporary SMTP delivery error when sending to example.com", "450 later" },
	{ "drop", &usual, { DROP, .reason = SLICE_LITERAL("Suppressed address") },
		POSTAL_MESSAGE_DELIVERY_FAILED,
		"Message to user@example.com was dropped: Suppressed address",
		"Suppressed address" },
	{ "drop without a reason", &usual, { DROP, .reason = SLICE_LITERAL(" ") },
		POSTAL_MESSAGE_DELIVERY_FAILED, "Message to user@example.com was dropped", "" },
	{ "held", &unusual, { DROP, .reason = SLICE_LITERAL("Suppressed address") },
		POSTAL_MESSAGE_HELD,
		"Recipient (user@example.com) is on the suppression list "
		"(reason: Suppressed address)",
		"" },
	{ "held without a reason", &unusual, { DROP }, POSTAL_MESSAGE_HELD,
		"Recipient (user@example.com) is on the suppression list", "" },
	{ "the response of a drop is not shown", &usual,
		{ DROP, .response = SLICE_LITERAL("250 OK") }, POSTAL_MESSAGE_DELIVERY_FAILED,
		"Message to user@example.com was dropped", "" },
	{ "two at signs", &usual, { HARD, .recipient = SLICE_LITERAL("\"a@b\"@c.example") },
		POSTAL_MESSAGE_DELIVERY_FAILED,
		"Permanent SMTP delivery error when sending to c.example", "" },
	{ "no domain", &usual, { HARD, .recipient = SLICE_LITERAL("root") },
		POSTAL_MESSAGE_DELIVERY_FAILED,
		"Permanent SMTP delivery error when sending to root", "" },
	{ "nothing behind the at sign", &usual, { SOFT, .recipient = SLICE_LITERAL("root@") },
		POSTAL_MESSAGE_DELAYED, "Temporary SMTP delivery error when sending to root@", "" },
	{ "spelling of the domain stays", &usual,
		{ HARD, .recipient = SLICE_LITERAL("a@B.Example") }, POSTAL_MESSAGE_DELIVERY_FAILED,
		"Permanent SMTP delivery error when sending to B.Example", "" },
	{ "reply is stripped", &usual,
		{ DELIVERED, .response = SLICE_LITERAL("\t250-a\r\n250 b\r\n\0 \v\f") },
		POSTAL_MESSAGE_SENT, "Message for user@example.com accepted", "250-a\r\n250 b" },
	{ "reply of nothing but space", &usual, { HARD, .response = SLICE_LITERAL("\r\n \0") },
		POSTAL_MESSAGE_DELIVERY_FAILED,
		"Permanent SMTP delivery error when sending to example.com", "" },
};

static void check_wording(const struct wording_case *row)
{
	struct bizmail_event event = row->event;
	struct postal_event got;

	if (event.recipient.size == 0)
		event.recipient = RECIPIENT;
	event.id = ID;
	translate(row->settings, &nothing, &event, &got);
	if (got.type != row->want_type)
		fail_msg("%s: type %s", row->name, postal_event_type_name(got.type));
	if (strcmp(got.details, row->want_details) != 0 || got.details_size != strlen(got.details))
		fail_msg("%s: details '%s'", row->name, got.details);
	if (!slice_is(got.output, row->want_output))
		fail_msg("%s: output '%.*s'", row->name, (int)got.output.size, got.output.data);
	if (got.sent_with_ssl != row->settings->sent_with_ssl ||
		got.time_null != row->settings->time_null)
		fail_msg("%s: sent_with_ssl or time", row->name);
}

static void test_wording(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wording_cases); i++)
		check_wording(&wording_cases[i]);
}

static void test_times(void **state)
{
	static const struct {
		const char *name;
		int64_t time_ms;
		int64_t want_us;
		int64_t want_envelope_us;
	} cases[] = {
		{ "as sent", 1713100000250, 1713100000250000, 1713100000250000 },
		{ "missing", 0, 1795223400123456, 1795223400123456 },
		{ "the millisecond of arrival", 1795223400123, 1795223400123000, 1795223400123000 },
		{ "a little ahead", 1795223400124, 1795223400124000, 1795223400123456 },
		{ "two days ahead", 1795223400123 + 2 * 86400000LL, 1795223400123456,
			1795223400123456 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct bizmail_event event = { DELIVERED, .id = ID, .recipient = RECIPIENT,
			.time_ms = cases[i].time_ms };
		struct postal_event got;

		translate(&usual, &nothing, &event, &got);
		if (got.status_timestamp_us != cases[i].want_us ||
			got.message.timestamp_us != cases[i].want_us ||
			got.timestamp_us != cases[i].want_envelope_us)
			fail_msg("%s: %lld", cases[i].name, (long long)got.status_timestamp_us);
	}
}

static void test_message(void **state)
{
	static const struct {
		const char *name;
		struct known_message known;
		const char *return_path;
		const char *want_from, *want_subject, *want_tag;
	} cases[] = {
		{ "nothing known", { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } }, NULL, "", "", "" },
		{ "empty", { SLICE_LITERAL(""), SLICE_LITERAL(""), SLICE_LITERAL("") }, "", "", "",
			"" },
		{ "return path", { .from = SLICE_LITERAL("") }, "b@example.com", "b@example.com",
			"", "" },
		{ "all known",
			{ SLICE_LITERAL("noreply@example.com"), SLICE_LITERAL("Receipt"),
				SLICE_LITERAL("billing") },
			NULL, "noreply@example.com", "Receipt", "billing" },
		{ "known before return path", { .from = SLICE_LITERAL("noreply@example.com") },
			"b@example.com", "noreply@example.com", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct bizmail_event event = { DELIVERED, .id = ID, .recipient = RECIPIENT,
			.return_path = slice_text(cases[i].return_path) };
		struct postal_message identity;
		struct postal_event got;

		translate(&usual, &cases[i].known, &event, &got);
		event_message_identity(SOURCE, ID, RECIPIENT, &identity);
		if (!slice_is(got.message.from, cases[i].want_from) ||
			!slice_is(got.message.subject, cases[i].want_subject) ||
			!slice_is(got.message.tag, cases[i].want_tag))
			fail_msg("%s: from, subject or tag", cases[i].name);
		assert_true(slice_equal(got.message.message_id, ID));
		assert_true(slice_equal(got.message.to, RECIPIENT));
		assert_false(got.message.incoming);
		assert_int_equal(got.message.id, identity.id);
		assert_string_equal(got.message.token, identity.token);
	}
}

static void test_bounced(void **state)
{
	static const char from[] = "noreply@example.com";
	const struct known_message known = { .from = slice_text(from) };
	struct bizmail_event event = { HARD, .id = ID, .recipient = RECIPIENT, .time_ms = time_ms,
		.return_path = SLICE_LITERAL("b@example.com") };
	struct postal_event got;

	(void)state;
	translate(&unusual, &known, &event, &got);
	assert_int_equal(got.type, POSTAL_MESSAGE_BOUNCED);
	assert_true(slice_equal(got.message.to, RECIPIENT));
	assert_int_equal(got.bounce.id, 1160013065); /* for ever, as in test_event_identity.c */
	assert_string_equal(got.bounce.token, "gDDJuoWyBNHvoAb4");
	assert_true(got.bounce.incoming);
	assert_true(slice_is(got.bounce.message_id, ""));
	assert_true(slice_is(got.bounce.to, from));
	assert_true(slice_is(got.bounce.from, "b@example.com"));
	assert_true(slice_is(got.bounce.subject, "Undelivered Mail Returned to Sender"));
	assert_true(slice_is(got.bounce.tag, ""));
	assert_int_equal(got.bounce.timestamp_us, time_ms * 1000);
}

static char *repeat(const char *text, size_t count)
{
	struct buf out;

	buf_init(&out, 8 * count);
	for (size_t i = 0; i < count; i++)
		assert_true(buf_append_text(&out, text));
	return buf_take(&out);
}

static void test_details_are_cut_between_characters(void **state)
{
	static const char *const characters[] = { "x", "\xc3\xb6", "\xe2\x82\xac",
		"\xf0\x9f\x93\xaf" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(characters); i++) {
		static const char start[] = "Message for user@example.com accepted by ";
		char *text = repeat(characters[i], 300);
		struct bizmail_event event = { DELIVERED, .id = ID, .recipient = RECIPIENT,
			.mx_hostname = slice_text(text) };
		size_t want_size =
			sizeof(start) - 1 +
			(POSTAL_TEXT_CHARACTERS_MAX - (sizeof(start) - 1)) * strlen(characters[i]);
		struct postal_event got;

		translate(&usual, &nothing, &event, &got);
		if (got.details_size != want_size ||
			!text_is_utf8(slice_of(got.details, got.details_size)))
			fail_msg("%s: %zu bytes", characters[i], got.details_size);
		free(text);
	}
}

struct longest_case {
	const char *name;
	const struct translate_settings *settings;
	enum bizmail_kind kind;
	size_t return_path_size;
};

/* Everything as long as bizmail.h allows, and all of one character. */
static void check_longest(const struct longest_case *row, const char *character)
{
	size_t length = strlen(character);
	char *text = repeat(character, 1024 * 1024);
	char *words = repeat(character, 1000);
	const struct known_message known = {
		.subject = slice_text(words),
		.tag = slice_text(words),
	};
	struct bizmail_event event = {
		.kind = row->kind,
		.permanent = true,
		.id = slice_of(text, BIZMAIL_ID_SIZE_MAX / length * length),
		.recipient = slice_of(text, BIZMAIL_ADDRESS_SIZE_MAX / length * length),
		.mx_hostname = slice_text(text),
		.response = slice_text(text),
		.reason = slice_text(text),
		.return_path = slice_of(text, row->return_path_size / length * length),
	};
	struct postal_event got;
	struct buf out;

	translate(row->settings, &known, &event, &got);
	buf_init(&out, ENVELOPE_SIZE_MAX);
	if (!envelope_write(&got, &out))
		fail_msg("%s of '%s' does not fit", row->name, character);
	buf_free(&out);
	free(words);
	free(text);
}

static void test_the_longest_envelope_fits(void **state)
{
	/* Also those that take most room in JSON. */
	static const char *const characters[] = { "x", "<", "\x01", "\"", "\xf0\x9f\x93\xaf" };
	static const struct longest_case cases[] = {
		{ "delivered", &usual, BIZMAIL_DELIVERED, TRANSLATE_SENDER_SIZE_MAX },
		{ "bounce", &usual, BIZMAIL_BOUNCE, TRANSLATE_SENDER_SIZE_MAX },
		{ "drop", &usual, BIZMAIL_DROP, TRANSLATE_SENDER_SIZE_MAX },
		{ "held", &unusual, BIZMAIL_DROP, BIZMAIL_ADDRESS_SIZE_MAX },
		{ "bounced", &unusual, BIZMAIL_BOUNCE, TRANSLATE_SENDER_SIZE_MAX },
		{ "bounced, long sender", &unusual, BIZMAIL_BOUNCE, BIZMAIL_ADDRESS_SIZE_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		for (size_t j = 0; j < ARRAY_COUNT(characters); j++)
			check_longest(&cases[i], characters[j]);
	}
}

static void test_a_sender_that_cannot_be(void **state)
{
	char *text = repeat("x", TRANSLATE_SENDER_SIZE_MAX + 1);
	struct bizmail_event event = { HARD, .id = ID, .recipient = RECIPIENT,
		.return_path = slice_of(text, TRANSLATE_SENDER_SIZE_MAX) };
	struct postal_event got;

	(void)state;
	translate(&unusual, &nothing, &event, &got);
	assert_int_equal(got.message.from.size, TRANSLATE_SENDER_SIZE_MAX);
	assert_int_equal(got.bounce.from.size, TRANSLATE_SENDER_SIZE_MAX);
	event.return_path.size++;
	translate(&unusual, &nothing, &event, &got);
	assert_int_equal(got.message.from.size, 0);
	assert_int_equal(got.bounce.from.size, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wording),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_bounced),
		cmocka_unit_test(test_details_are_cut_between_characters),
		cmocka_unit_test(test_the_longest_envelope_fits),
		cmocka_unit_test(test_a_sender_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
