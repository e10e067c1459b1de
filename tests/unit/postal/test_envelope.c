/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "repostal/envelope.h"
#include "repostal/memory.h"

/* As the facts of Postal's own envelope have it, except for the number of the time. */
#define MESSAGE_JSON                                                                    \
	"{\"id\":1073741824,\"token\":\"rtmuzogUauKN3xYz\",\"direction\":\"outgoing\"," \
	"\"message_id\":\"5817a64332f44_4ec93ff59e79d154565eb@app34.mail\","            \
	"\"to\":\"test@example.com\",\"from\":\"sales@awesomeapp.com\","                \
	"\"subject\":\"Welcome to AwesomeApp\",\"timestamp\":1477945177.12994,"         \
	"\"spam_status\":\"NotChecked\",\"tag\":\"welcome\"}"
#define UUID_JSON "\"uuid\":\"820b47a4-4dfd-42e4-ae6a-1e5bed5a33fd\"}"

static struct postal_message message_make(void)
{
	return (struct postal_message){
		.id = 1073741824,
		.token = "rtmuzogUauKN3xYz",
		.message_id = SLICE_LITERAL("5817a64332f44_4ec93ff59e79d154565eb@app34.mail"),
		.to = SLICE_LITERAL("test@example.com"),
		.from = SLICE_LITERAL("sales@awesomeapp.com"),
		.subject = SLICE_LITERAL("Welcome to AwesomeApp"),
		.tag = SLICE_LITERAL("welcome"),
		.timestamp_us = 1477945177129940,
	};
}

static void event_make(struct postal_event *event, const char *details)
{
	*event = (struct postal_event){
		.type = POSTAL_MESSAGE_SENT,
		.timestamp_us = 1477945177235000,
		.message = message_make(),
		.details_size = strlen(details),
		.output = SLICE_LITERAL("250 2.0.0 OK 1477944899 ly2si31746747wjb.95 - gsmtp"),
		.status_timestamp_us = 1477945177229900,
	};
	memcpy(event->details, details, event->details_size);
	assert_true(
		uuid_parse(SLICE_LITERAL("820b47a4-4dfd-42e4-ae6a-1e5bed5a33fd"), &event->uuid));
}

/* The envelope as a text, to be freed. */
static char *written(const struct postal_event *event)
{
	struct buf out;

	buf_init(&out, ENVELOPE_SIZE_MAX);
	assert_true(envelope_write(event, &out));
	return buf_take(&out);
}

static void check_written(const char *name, const struct postal_event *event, const char *want)
{
	char *got = written(event);

	if (strcmp(got, want) != 0)
		fail_msg("%s:\ngot  %s\nwant %s", name, got, want);
	free(got);
}

static void test_sent(void **state)
{
	struct postal_event event;

	(void)state;
	event_make(&event, "Message for test@example.com accepted by 173.194.76.27:25");
	event.sent_with_ssl = POSTAL_TRUE;
	check_written("sent", &event,
		"{\"event\":\"MessageSent\",\"timestamp\":1477945177.235,\"payload\":{"
		"\"message\":" MESSAGE_JSON ",\"status\":\"Sent\","
		"\"details\":\"Message for test@example.com accepted by 173.194.76.27:25\","
		"\"output\":\"250 2.0.0 OK 1477944899 ly2si31746747wjb.95 - gsmtp\","
		"\"sent_with_ssl\":true,\"timestamp\":1477945177.2299,\"time\":0}," UUID_JSON);
}

static void test_other_statuses(void **state)
{
	static const struct {
		enum postal_event_type type;
		const char *want;
	} cases[] = {
		{ POSTAL_MESSAGE_DELAYED,
			"{\"event\":\"MessageDelayed\",\"timestamp\":1477945177.235,\"payload\":{"
			"\"message\":" MESSAGE_JSON ",\"status\":\"SoftFail\","
			"\"details\":\"why\",\"output\":\"\",\"sent_with_ssl\":false,"
			"\"timestamp\":1477945177.2299,\"time\":0}," UUID_JSON },
		{ POSTAL_MESSAGE_DELIVERY_FAILED,
			"{\"event\":\"MessageDeliveryFailed\",\"timestamp\":1477945177.235,"
			"\"payload\":{\"message\":" MESSAGE_JSON ",\"status\":\"HardFail\","
			"\"details\":\"why\",\"output\":\"\",\"sent_with_ssl\":false,"
			"\"timestamp\":1477945177.2299,\"time\":0}," UUID_JSON },
		{ POSTAL_MESSAGE_HELD,
			"{\"event\":\"MessageHeld\",\"timestamp\":1477945177.235,\"payload\":{"
			"\"message\":" MESSAGE_JSON ",\"status\":\"Held\","
			"\"details\":\"why\",\"output\":\"\",\"sent_with_ssl\":false,"
			"\"timestamp\":1477945177.2299,\"time\":0}," UUID_JSON },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct postal_event event;

		event_make(&event, "why");
		event.type = cases[i].type;
		event.output = (struct slice){ 0 };
		check_written(postal_event_type_name(cases[i].type), &event, cases[i].want);
	}
}

static void test_nulls_and_empty_texts(void **state)
{
	struct postal_event event;

	(void)state;
	event_make(&event, "");
	event.message.from = (struct slice){ 0 };
	event.message.subject = (struct slice){ 0 };
	event.message.tag = (struct slice){ 0 };
	event.output = (struct slice){ 0 };
	event.sent_with_ssl = POSTAL_NULL;
	event.time_null = true;
	event.status_timestamp_us = 1477945177000000;
	check_written("nulls", &event,
		"{\"event\":\"MessageSent\",\"timestamp\":1477945177.235,\"payload\":{\"message\":{"
		"\"id\":1073741824,\"token\":\"rtmuzogUauKN3xYz\",\"direction\":\"outgoing\","
		"\"message_id\":\"5817a64332f44_4ec93ff59e79d154565eb@app34.mail\","
		"\"to\":\"test@example.com\",\"from\":\"\",\"subject\":\"\","
		"\"timestamp\":1477945177.12994,\"spam_status\":\"NotChecked\",\"tag\":null},"
		"\"status\":\"Sent\",\"details\":\"\",\"output\":\"\",\"sent_with_ssl\":null,"
		"\"timestamp\":1477945177,\"time\":null}," UUID_JSON);
}

static void test_bounced(void **state)
{
	struct postal_event event;

	(void)state;
	event_make(&event, "not written");
	event.type = POSTAL_MESSAGE_BOUNCED;
	event.bounce = (struct postal_message){
		.id = INT32_MAX,
		.token = "0123456789abcdef",
		.incoming = true,
		.to = SLICE_LITERAL("sales@awesomeapp.com"),
		.subject = SLICE_LITERAL("Undelivered Mail Returned to Sender"),
		.timestamp_us = 1477945177229900,
	};
	check_written("bounced", &event,
		"{\"event\":\"MessageBounced\",\"timestamp\":1477945177.235,\"payload\":{"
		"\"original_message\":" MESSAGE_JSON ",\"bounce\":{\"id\":2147483647,"
		"\"token\":\"0123456789abcdef\",\"direction\":\"incoming\",\"message_id\":\"\","
		"\"to\":\"sales@awesomeapp.com\",\"from\":\"\","
		"\"subject\":\"Undelivered Mail Returned to Sender\","
		"\"timestamp\":1477945177.2299,\"spam_status\":\"NotChecked\",\"tag\":null}}"
		"," UUID_JSON);
}

/* How often text occurs. */
static size_t count_of(const char *where, const char *text)
{
	size_t count = 0;

	for (const char *at = where; (at = strstr(at, text)) != NULL; at += strlen(text))
		count++;
	return count;
}

static char *repeat(const char *text, size_t count)
{
	struct buf out;

	buf_init(&out, 4 * count);
	for (size_t i = 0; i < count; i++)
		assert_true(buf_append_text(&out, text));
	return buf_take(&out);
}

/* Characters are cut, never bytes of one. */
static void test_texts_are_cut(void **state)
{
	static const struct {
		const char *name;
		const char *character;
		const char *json;
	} cases[] = {
		{ "one byte", "x", "x" },
		{ "two bytes", "\xc3\xb6", "\xc3\xb6" },
		{ "four bytes", "\xf0\x9f\x93\xaf", "\xf0\x9f\x93\xaf" },
		{ "escaped", "<", "\\u003c" },
		{ "line separator", "\xe2\x80\xa8", "\\u2028" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct postal_event event;
		char *text = repeat(cases[i].character, 1000);
		char *got;
		size_t count;

		event_make(&event, "");
		event.message.to = event.message.from = event.message.message_id =
			(struct slice){ 0 };
		event.message.subject = event.message.tag = event.output = slice_text(text);
		got = written(&event);
		/* Without those of the names of keys and events. */
		count = count_of(got, cases[i].json);
		free(got);
		event.message.subject = event.message.tag = event.output = (struct slice){ 0 };
		got = written(&event);
		count -= count_of(got, cases[i].json);
		free(got);
		free(text);
		if (count != POSTAL_SUBJECT_CHARACTERS_MAX + POSTAL_TAG_CHARACTERS_MAX +
				     POSTAL_TEXT_CHARACTERS_MAX)
			fail_msg("%s: %zu characters", cases[i].name, count);
	}
}

static void test_details_may_hold_a_nul(void **state)
{
	struct postal_event event;
	char *got;

	(void)state;
	event_make(&event, "a?b");
	event.details[1] = '\0';
	got = written(&event);
	assert_non_null(strstr(got, "\"details\":\"a\xEF\xBF\xBD"
				    "b\""));
	free(got);
}

static void test_ceiling(void **state)
{
	struct postal_event event;
	struct buf out;
	char *whole;
	size_t size;

	(void)state;
	event_make(&event, "why");
	whole = written(&event);
	size = strlen(whole);
	buf_init(&out, size - 1);
	assert_false(envelope_write(&event, &out));
	buf_free(&out);
	buf_init(&out, size);
	assert_true(envelope_write(&event, &out));
	assert_string_equal(out.data, whole);
	buf_free(&out);
	free(whole);
}

static void test_type_names(void **state)
{
	enum postal_event_type type = POSTAL_MESSAGE_SENT;

	(void)state;
	for (int i = 0; i < POSTAL_EVENT_TYPE_COUNT; i++) {
		const char *name = postal_event_type_name((enum postal_event_type)i);

		assert_true(postal_event_type_parse(slice_text(name), &type));
		assert_int_equal(type, i);
	}
	assert_false(postal_event_type_parse(SLICE_LITERAL("MessageLoaded"), &type));
	assert_false(postal_event_type_parse(SLICE_LITERAL("messagesent"), &type));
	assert_false(postal_event_type_parse(SLICE_LITERAL(""), &type));
	assert_int_equal(type, POSTAL_MESSAGE_BOUNCED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sent),
		cmocka_unit_test(test_other_statuses),
		cmocka_unit_test(test_nulls_and_empty_texts),
		cmocka_unit_test(test_bounced),
		cmocka_unit_test(test_texts_are_cut),
		cmocka_unit_test(test_details_may_hold_a_nul),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_type_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
