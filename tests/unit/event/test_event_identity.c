/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repostal/event_identity.h"
#include "repostal/memory.h"

#define ID SLICE_LITERAL("550e8400-e29b-41d4-a716-446655440000@bizfly.vn")
#define RECIPIENT SLICE_LITERAL("user@example.com")

enum {
	MESSAGES = 20000
};

/*
 * Receivers keep these for years. A row that fails means that repeats of events already delivered
 * would be delivered again: mend the program, never the row.
 */
static void test_event_identities_for_ever(void **state)
{
	static const struct {
		const char *name;
		struct slice source;
		struct bizmail_event event;
		const char *uuid;
		uint64_t hash;
	} cases[] = {
		{ "delivered", SLICE_LITERAL("bizmail"),
			{ .kind = BIZMAIL_DELIVERED,
				.id = ID,
				.recipient = RECIPIENT,
				.time_ms = 1713100000000,
				.response = SLICE_LITERAL("250 OK"),
				.mx_hostname = SLICE_LITERAL("mx.example.com") },
			"a844cfda-7d1e-553c-8ea5-0f897180ed0b", 0x38c07685ea7701d0 },
		{ "bounce", SLICE_LITERAL("bizmail"),
			{ .kind = BIZMAIL_BOUNCE,
				.permanent = true,
				.id = ID,
				.recipient = RECIPIENT,
				.time_ms = 1713100000000,
				.category = SLICE_LITERAL("hard_bounce"),
				.response = SLICE_LITERAL(
					"550 5.1.1 The email account does not exist") },
			"d9f504fc-540d-5aac-a434-b14e31803b77", 0x18c01dbbc3b89dba },
		{ "drop", SLICE_LITERAL("bizmail"),
			{ .kind = BIZMAIL_DROP,
				.id = ID,
				.recipient = RECIPIENT,
				.reason = SLICE_LITERAL("Suppressed address") },
			"8f54977c-e625-59ab-a994-546062bedf6c", 0x315f6fb64fbc3cce },
		{ "another source", SLICE_LITERAL("other"),
			{ .kind = BIZMAIL_DELIVERED,
				.id = ID,
				.recipient = RECIPIENT,
				.time_ms = 1713100000000,
				.response = SLICE_LITERAL("250 OK") },
			"3612f707-ee99-5443-8239-628cb91e3359", 0x5c8f19ac897c4bf6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct event_identity got = event_identity_of(cases[i].source, &cases[i].event);
		char uuid[UUID_TEXT_SIZE];

		uuid_format(&got.uuid, uuid);
		if (strcmp(uuid, cases[i].uuid) != 0 || got.hash != cases[i].hash)
			fail_msg("%s: %s, %llx", cases[i].name, uuid, (unsigned long long)got.hash);
	}
}

static void test_message_identities_for_ever(void **state)
{
	static const struct {
		const char *name;
		struct slice source, message_id, recipient;
		int32_t id;
		const char *token;
	} cases[] = {
		{ "usual", SLICE_LITERAL("bizmail"), ID, RECIPIENT, 1333862414,
			"rtxuBkRHB3LCFbqa" },
		{ "another source", SLICE_LITERAL("other"), ID, RECIPIENT, 1316548717,
			"sb69lPqnJ6pcmIIo" },
		{ "the case of an address does not count", SLICE_LITERAL("bizmail"), ID,
			SLICE_LITERAL("User@EXAMPLE.com"), 1333862414, "rtxuBkRHB3LCFbqa" },
		{ "nothing", { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, 1466483583,
			"2VWpGDrPkjspuhwx" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct postal_message got;

		event_message_identity(
			cases[i].source, cases[i].message_id, cases[i].recipient, &got);
		if (got.id != cases[i].id || strcmp(got.token, cases[i].token) != 0)
			fail_msg("%s: %ld, %s", cases[i].name, (long)got.id, got.token);
	}
}

static uint64_t hash_of(const struct bizmail_event *event)
{
	return event_identity_of(SLICE_LITERAL("bizmail"), event).hash;
}

/* A receiver that was sent one of them must not be sent it a second time under another number. */
static void test_uuids_as_new_for_ever(void **state)
{
	static const struct {
		const char *name;
		struct slice target;
		int number;
		const char *uuid;
	} cases[] = {
		{ "none", SLICE_LITERAL("app"), 0, "a844cfda-7d1e-553c-8ea5-0f897180ed0b" },
		{ "the first", SLICE_LITERAL("app"), 1, "350cc1ca-ebe7-52ee-93f1-f4e9e7ad3190" },
		{ "the second", SLICE_LITERAL("app"), 2, "3b95f75f-c400-5fc2-b110-70bad1957266" },
		{ "the twelfth", SLICE_LITERAL("app"), 12, "efedbccc-9443-5d66-bacd-b0d68f986c2a" },
		{ "another target", SLICE_LITERAL("app2"), 1,
			"643969e9-64eb-5f1b-98c3-8b0429d54e17" },
		{ "of a damaged store", SLICE_LITERAL("app"), -1,
			"a844cfda-7d1e-553c-8ea5-0f897180ed0b" },
	};
	struct uuid own;

	(void)state;
	assert_true(uuid_parse(slice_text(cases[0].uuid), &own));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct uuid got = event_uuid_as_new(&own, cases[i].target, cases[i].number);
		char uuid[UUID_TEXT_SIZE];

		uuid_format(&got, uuid);
		if (strcmp(uuid, cases[i].uuid) != 0)
			fail_msg("%s: %s", cases[i].name, uuid);
	}
}

static void test_what_makes_an_event(void **state)
{
	static const struct bizmail_event base = {
		.kind = BIZMAIL_BOUNCE,
		.id = SLICE_LITERAL("ab"),
		.recipient = SLICE_LITERAL("c@d"),
		.time_ms = 1000,
		.category = SLICE_LITERAL("policy"),
		.response = SLICE_LITERAL("550"),
	};
	struct bizmail_event cases[] = { base, base, base, base, base, base, base, base };

	(void)state;
	cases[0].kind = BIZMAIL_DROP;
	cases[1].id = SLICE_LITERAL("abc");
	cases[2].recipient = SLICE_LITERAL("C@d");
	cases[3].time_ms = 1001;
	cases[4].category = SLICE_LITERAL("Policy");
	cases[5].response = SLICE_LITERAL("550 ");
	cases[6].category = SLICE_LITERAL("policy5"); /* a byte moves from field to field */
	cases[6].response = SLICE_LITERAL("50");
	cases[7].time_ms = 0;
	cases[7].time_text = SLICE_LITERAL("yesterday");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (hash_of(&cases[i]) == hash_of(&base))
			fail_msg("field %zu does not count", i);
	}
}

static void test_what_does_not(void **state)
{
	struct bizmail_event event = { .kind = BIZMAIL_DROP, .id = ID, .recipient = RECIPIENT };
	uint64_t hash = hash_of(&event);

	(void)state;
	event.reason = SLICE_LITERAL("Suppressed address");
	event.mx_hostname = SLICE_LITERAL("mx.example.com");
	event.return_path = SLICE_LITERAL("bounce@example.com");
	event.permanent = true;
	event.recipient = SLICE_LITERAL("user@EXAMPLE.Com");
	assert_true(hash_of(&event) == hash);
}

static void test_message_identities_are_in_range(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < MESSAGES; i++) {
		struct postal_message got;

		event_message_identity(SLICE_LITERAL("bizmail"),
			slice_of((const char *)&i, sizeof(i)), RECIPIENT, &got);
		assert_true(got.id >= 1 << 30);
		assert_int_equal(strlen(got.token), POSTAL_TOKEN_SIZE - 1);
		assert_int_equal(strspn(got.token, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
						   "abcdefghijklmnopqrstuvwxyz0123456789"),
			POSTAL_TOKEN_SIZE - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event_identities_for_ever),
		cmocka_unit_test(test_message_identities_for_ever),
		cmocka_unit_test(test_uuids_as_new_for_ever),
		cmocka_unit_test(test_what_makes_an_event),
		cmocka_unit_test(test_what_does_not),
		cmocka_unit_test(test_message_identities_are_in_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
