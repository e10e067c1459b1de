/* SPDX-License-Identifier: MIT */
/* What the fields mean, whatever they were encoded in: names, kinds, addresses, codes. */
#include <stdio.h>
#include <stdlib.h>

#include "expect.h"

static void test_kinds(void **state)
{
	static const struct {
		const char *text;
		enum bizmail_kind want;
	} cases[] = {
		{ "delivered", BIZMAIL_DELIVERED },
		{ "DELIVERED", BIZMAIL_DELIVERED },
		{ "bounce", BIZMAIL_BOUNCE },
		{ "Bounced", BIZMAIL_BOUNCE },
		{ "drop", BIZMAIL_DROP },
		{ "dropped", BIZMAIL_DROP },
		{ "", BIZMAIL_UNKNOWN },
		{ "deliver", BIZMAIL_UNKNOWN },
		{ "bounces", BIZMAIL_UNKNOWN },
		{ " drop", BIZMAIL_UNKNOWN },
		{ "opened", BIZMAIL_UNKNOWN },
		{ "unknown", BIZMAIL_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (bizmail_kind_parse(slice_text(cases[i].text)) != cases[i].want)
			fail_msg("'%s'", cases[i].text);
	}
	assert_int_equal(bizmail_kind_parse(slice_of(NULL, 0)), BIZMAIL_UNKNOWN);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(bizmail_kind_name(BIZMAIL_UNKNOWN), "unknown");
	assert_string_equal(bizmail_kind_name(BIZMAIL_DELIVERED), "delivered");
	assert_string_equal(bizmail_kind_name(BIZMAIL_BOUNCE), "bounce");
	assert_string_equal(bizmail_kind_name(BIZMAIL_DROP), "drop");
	assert_string_equal(bizmail_problem_name(BIZMAIL_PROBLEM_UNPARSEABLE), "unparseable");
	assert_string_equal(bizmail_problem_name(BIZMAIL_PROBLEM_UNKNOWN_KIND), "unknown_kind");
	assert_string_equal(bizmail_problem_name(BIZMAIL_PROBLEM_NO_ID), "no_id");
	assert_string_equal(bizmail_problem_name(BIZMAIL_PROBLEM_NO_RECIPIENT), "no_recipient");
}

static void test_encodings(void **state)
{
	static const struct {
		const char *type;
		const char *body;
		enum bizmail_encoding want;
	} cases[] = {
		{ "application/json", "", BIZMAIL_ENCODING_JSON },
		{ "Application/JSON; charset=utf-8", "x", BIZMAIL_ENCODING_JSON },
		{ " text/json ;x", "", BIZMAIL_ENCODING_JSON },
		{ "application/x-www-form-urlencoded", "", BIZMAIL_ENCODING_FORM },
		{ "APPLICATION/X-WWW-FORM-URLENCODED;charset=utf-8", "", BIZMAIL_ENCODING_FORM },
		{ "multipart/form-data; boundary=x", "", BIZMAIL_ENCODING_MULTIPART },
		/* The bytes win over the label. */
		{ "application/x-www-form-urlencoded", "{}", BIZMAIL_ENCODING_JSON },
		{ "application/x-www-form-urlencoded", "\xEF\xBB\xBF\n {\"id\":1}",
			BIZMAIL_ENCODING_JSON },
		{ "multipart/form-data; boundary=x", "{}", BIZMAIL_ENCODING_JSON },
		{ "application/json", "--x\r\n", BIZMAIL_ENCODING_MULTIPART },
		{ "application/x-www-form-urlencoded", "--x\n", BIZMAIL_ENCODING_MULTIPART },
		{ "application/x-www-form-urlencoded", "--x=1", BIZMAIL_ENCODING_FORM },
		{ "application/x-www-form-urlencoded", "--\r\n", BIZMAIL_ENCODING_FORM },
		{ "application/json", "id=1&to=a%40b", BIZMAIL_ENCODING_FORM },
		{ "multipart/form-data; boundary=x", "id=1", BIZMAIL_ENCODING_FORM },
		{ "multipart/form-data; boundary=x", "a preamble=\n--x",
			BIZMAIL_ENCODING_MULTIPART },
		{ "application/json", "[1]", BIZMAIL_ENCODING_JSON },
		{ "application/json", "\"a=b\"", BIZMAIL_ENCODING_JSON },
		{ "application/json", "=b", BIZMAIL_ENCODING_JSON },
		{ "application/json", "", BIZMAIL_ENCODING_JSON },
		{ "", "{}", BIZMAIL_ENCODING_JSON },
		{ " ", " \r\n{", BIZMAIL_ENCODING_JSON },
		{ NULL, "\xEF\xBB\xBF {", BIZMAIL_ENCODING_JSON },
		{ NULL, NULL, BIZMAIL_ENCODING_NONE },
		{ "", "a=b", BIZMAIL_ENCODING_NONE },
		{ "", "[{}]", BIZMAIL_ENCODING_NONE },
		{ "text/plain", "{}", BIZMAIL_ENCODING_NONE },
		{ "application/jsonp", "{}", BIZMAIL_ENCODING_NONE },
		{ "multipart/mixed; boundary=x", "", BIZMAIL_ENCODING_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (bizmail_encoding_of(slice_text(cases[i].type), slice_text(cases[i].body)) !=
			cases[i].want)
			fail_msg("row %zu: '%s'", i, cases[i].type);
	}
}

#define MAIL "\"id\":\"i@x\",\"to\":\"a@b.c\""

static void test_kind_of_an_event(void **state)
{
	static const struct {
		const char *body;
		enum bizmail_kind hint;
		enum bizmail_kind want;
	} cases[] = {
		{ "{\"event\":\"delivered\"," MAIL "}", BIZMAIL_UNKNOWN, BIZMAIL_DELIVERED },
		{ "{\"action\":\" Delivered \"," MAIL "}", BIZMAIL_UNKNOWN, BIZMAIL_DELIVERED },
		{ "{\"event\":\"bounced\"," MAIL "}", BIZMAIL_DROP, BIZMAIL_BOUNCE },
		{ "{\"action\":\"DROPPED\"," MAIL "}", BIZMAIL_BOUNCE, BIZMAIL_DROP },
		{ "{\"event\":\"drop\"," MAIL "}", BIZMAIL_UNKNOWN, BIZMAIL_DROP },
		{ "{\"event\":\"\",\"action\":\"drop\"," MAIL "}", BIZMAIL_UNKNOWN, BIZMAIL_DROP },
		{ "{\"event\":\"mail\",\"action\":\"drop\"," MAIL "}", BIZMAIL_UNKNOWN,
			BIZMAIL_DROP },
		{ "{\"event\":\"delivered\",\"action\":\"drop\"," MAIL "}", BIZMAIL_UNKNOWN,
			BIZMAIL_DELIVERED },
		{ "{\"event\":\"opened\",\"category\":\"x\"," MAIL "}", BIZMAIL_BOUNCE,
			BIZMAIL_UNKNOWN },
		{ "{\"action\":\"opened\"," MAIL "}", BIZMAIL_BOUNCE, BIZMAIL_UNKNOWN },
		{ "{\"event\":1," MAIL "}", BIZMAIL_BOUNCE, BIZMAIL_UNKNOWN },
		{ "{" MAIL "}", BIZMAIL_DELIVERED, BIZMAIL_DELIVERED },
		{ "{\"event\":null,\"action\":{}," MAIL "}", BIZMAIL_DROP, BIZMAIL_DROP },
		{ "{\"category\":\"x\"," MAIL "}", BIZMAIL_DROP, BIZMAIL_DROP },
		{ "{\"category\":\"x\",\"reason\":\"y\"," MAIL "}", BIZMAIL_UNKNOWN,
			BIZMAIL_BOUNCE },
		{ "{\"mxHostname\":\"x\",\"reason\":\"y\"," MAIL "}", BIZMAIL_UNKNOWN,
			BIZMAIL_DROP },
		{ "{\"category\":\" \",\"mxHostname\":\"x\"," MAIL "}", BIZMAIL_UNKNOWN,
			BIZMAIL_DELIVERED },
		{ "{" MAIL "}", BIZMAIL_UNKNOWN, BIZMAIL_UNKNOWN },
		{ "{\"Event\":\"delivered\"," MAIL "}", BIZMAIL_UNKNOWN, BIZMAIL_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct expect row = { .name = cases[i].body,
			.body = cases[i].body,
			.body_size = strlen(cases[i].body),
			.hint = cases[i].hint,
			.kind = cases[i].want,
			.id = "i@x",
			.recipient = "a@b.c" };

		if (cases[i].want == BIZMAIL_UNKNOWN)
			row.problem = BIZMAIL_PROBLEM_UNKNOWN_KIND;
		expect_row(BIZMAIL_ENCODING_JSON, &row);
	}
}

static void test_addresses(void **state)
{
	static const struct {
		const char *to; /* as the inside of a JSON string */
		const char *want;
	} cases[] = {
		{ "a@b.c", "a@b.c" },
		{ "  a@b.c\\r\\n", "a@b.c" },
		{ "<a@b.c>", "a@b.c" },
		{ "John Doe <a@b.c>", "a@b.c" },
		{ "\\\"A, B\\\" <a@b.c>", "a@b.c" },
		{ "\\\"A \\\\\\\" <x@y.z>, B\\\" < a@b.c >", "a@b.c" },
		{ "Doe, John <a@b.c>", "a@b.c" },
		{ "a@b.c, d@e.f", "a@b.c" },
		{ ", ;a@b.c;d@e.f", "a@b.c" },
		{ "<>, d@e.f", "d@e.f" },
		{ "<a@b.c", "a@b.c" },
		{ "\\\"a,b\\\"@b.c", "\"a,b\"@b.c" },
		{ "\\\"a b\\\"@b.c", "\"a b\"@b.c" },
		{ "<\\\"a b\\\"@b.c>", "\"a b\"@b.c" },
		{ "A B <\\\"a \\\\\\\" b\\\"@b.c>", "\"a \\\" b\"@b.c" },
		{ "\\\"a@b\\\"@b.c", "\"a@b\"@b.c" },
		{ "\\\"a b\\\" @b.c", "" },
		{ "\\\"a\\\"b@b.c", "" },
		{ "\\\"a\\u0000b\\\"@b.c", "" },
		{ "\\\"a b\\\"@b c", "" },
		{ "gi\xc3\xa1p@v\xc3\xad-d\xe1\xbb\xa5.vn",
			"gi\xc3\xa1p@v\xc3\xad-d\xe1\xbb\xa5.vn" },
		{ "", "" },
		{ "   ", "" },
		{ "<>", "" },
		{ "postmaster", "" },
		{ "@b.c", "" },
		{ "a@", "" },
		{ "a b@c.d", "" },
		{ "a\\u0000@b.c", "" },
		{ "a\\u0007@b.c", "" },
		{ "a@b.c\\u007f", "" },
		{ "a@b.c>", "" },
		{ "\\\"a@b.c, d@e.f", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char body[256];
		struct expect row = { .name = cases[i].to,
			.body = body,
			.kind = BIZMAIL_BOUNCE,
			.id = "i",
			.recipient = cases[i].want,
			.return_path = cases[i].want };

		row.body_size = (size_t)snprintf(body, sizeof(body),
			"{\"event\":\"bounce\",\"id\":\"i\",\"to\":\"%s\",\"returnPath\":\"%s\"}",
			cases[i].to, cases[i].to);
		if (cases[i].want[0] == '\0')
			row.problem = BIZMAIL_PROBLEM_NO_RECIPIENT;
		expect_row(BIZMAIL_ENCODING_JSON, &row);
	}
}

static void test_recipient_or_to(void **state)
{
	static const struct expect rows[] = {
		{ .name = "recipient first",
			BODY("{\"event\":\"drop\",\"id\":\"i\","
			     "\"to\":\"a@b.c\",\"recipient\":\"d@e.f\"}"),
			.kind = BIZMAIL_DROP,
			.recipient = "d@e.f" },
		{ .name = "to when recipient is no address",
			BODY("{\"event\":\"drop\",\"id\":\"i\",\"to\":\"a@b.c\","
			     "\"recipient\":\"nobody\"}"),
			.kind = BIZMAIL_DROP,
			.recipient = "a@b.c" },
		{ .name = "lists of JSON are not read",
			BODY("{\"event\":\"drop\",\"id\":\"i\",\"to\":[\"a@b.c\"]}"),
			.kind = BIZMAIL_DROP,
			.problem = BIZMAIL_PROBLEM_NO_RECIPIENT,
			.recipient = "" },
	};

	(void)state;
	expect_rows(BIZMAIL_ENCODING_JSON, rows, ARRAY_COUNT(rows));
}

static void test_ids(void **state)
{
	static const struct {
		const char *id; /* as JSON */
		const char *want;
	} cases[] = {
		{ "\"550e@x\"", "550e@x" },
		{ "\" <550e@x>\\r\\n\"", "550e@x" },
		{ "\"< 550e@x >\"", "550e@x" },
		{ "\"<550e@x\"", "550e@x" },
		{ "12345", "12345" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "123456789012345678901234567890", "123456789012345678901234567890" },
		{ "1.5", "1.5" },
		{ "\"two words\"", "two words" },
		{ "\"\"", "" },
		{ "\" \"", "" },
		{ "\"<>\"", "" },
		{ "\"a\\u0000b\"", "" },
		{ "\"a\\nb\"", "" },
		{ "\"a\\u007f\"", "" },
		{ "null", "" },
		{ "true", "" },
		{ "[\"a\"]", "" },
		{ "{\"id\":\"a\"}", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char body[256];
		struct expect row = { .name = cases[i].id,
			.body = body,
			.kind = BIZMAIL_DROP,
			.id = cases[i].want,
			.recipient = "a@b.c" };

		row.body_size = (size_t)snprintf(body, sizeof(body),
			"{\"action\":\"drop\",\"recipient\":\"a@b.c\",\"id\":%s}", cases[i].id);
		if (cases[i].want[0] == '\0')
			row.problem = BIZMAIL_PROBLEM_NO_ID;
		expect_row(BIZMAIL_ENCODING_JSON, &row);
	}
}

static void check_sizes(size_t id_size, size_t local_size, enum bizmail_problem want)
{
	struct bizmail_event event;
	enum bizmail_problem problem;
	char *id = memory_zalloc(id_size + 1);
	char *local = memory_zalloc(local_size + 1);
	char *body = NULL;
	int size;

	memset(id, 'i', id_size);
	memset(local, 'l', local_size);
	size = asprintf(&body, "id=%%3C%s%%3E&to=%s%%40x&event=drop", id, local);
	assert_true(size > 0);
	problem = bizmail_parse(BIZMAIL_ENCODING_FORM, slice_of(NULL, 0),
		slice_of(body, (size_t)size), BIZMAIL_UNKNOWN, &event, NULL);
	if (problem != want)
		fail_msg("%zu, %zu: %s", id_size, local_size, bizmail_problem_name(problem));
	bizmail_event_release(&event);
	free(body);
	free(local);
	free(id);
}

static void test_sizes(void **state)
{
	(void)state;
	check_sizes(BIZMAIL_ID_SIZE_MAX, BIZMAIL_ADDRESS_SIZE_MAX - 2, BIZMAIL_PROBLEM_NONE);
	check_sizes(BIZMAIL_ID_SIZE_MAX + 1, 1, BIZMAIL_PROBLEM_NO_ID);
	check_sizes(1, BIZMAIL_ADDRESS_SIZE_MAX - 1, BIZMAIL_PROBLEM_NO_RECIPIENT);
}

static const struct {
	const char *category;
	const char *response; /* as the inside of a JSON string */
	bool want;
} permanent_cases[] = {
	{ "hard_bounce", "451 4.3.0 try later", true },
	{ " HARD_Bounce ", "", true },
	{ "hard-bounce", "", true },
	{ "hardBounce", "", true },
	{ "Hard Bounce", "", true },
	{ "harder", "450 later", false },
	{ "soft-bounce", "550 gone", false },
	{ "softBounce", "550 gone", false },
	{ "", "450 5.7.1 messages from [192.0.2.1] were not sent", false },
	{ "", "451 5.7.3 STARTTLS is required", false },
	{ "", "530 5.7.0 Must issue STARTTLS", false },
	{ "", "535 5.7.8 authentication failed", false },
	{ "", "503 5.5.1 bad sequence", false },
	{ "", "501 5.1.3 bad address", true },
	{ "", "501-5.1.3 bad address", true },
	{ "", "501 5.10.3 no bad address", false },
	{ "", "500 unknown command", false },
	{ "", "552 5.2.2 mailbox full", true },
	{ "", "550 4.7.1 at odds", true },
	{ "", "Sorry, no host named example.com. (#5.1.2)", true },
	{ "", "too much mail (#4.2.2)", false },
	{ "", "host mx[192.0.2.1] said: 554 delivery error: dd This user does not have an account",
		true },
	{ "", "host mx said: 530 5.7.0 Must issue STARTTLS", false },
	{ "", "host mx Said:   5.1.1 gone", true },
	{ "", "smtp; 550 gone", true },
	{ "", "SMTP;550 gone", true },
	{ "", "smtp; 421 later, 550 5.1.1", false },
	{ "", "MTA version: 5.4.1; retry later", false },
	{ "", "Deferred on (5.12.24)", false },
	{ "", "host: 5.4.4 unrouteable", false },
	{ "", "unknown (5.1.2)", false },
	{ "", "ticket #554 is open", false },
	{ "", "mx refused with 535 5.7.8", false },
	{ "hard", "", true },
	{ "REJECTED", "", true },
	{ "soft_bounce", "550 5.1.1 gone", false },
	{ "Soft", "550 gone", false },
	{ "DEFERRED", "550 gone", false },
	{ "policy", "550 5.7.1 rejected", true },
	{ "policy", "450 4.7.1 greylisted", false },
	{ "", "550 5.1.1 gone", true },
	{ "", "  550 gone", true },
	{ "", "550", true },
	{ "", "550-5.1.1 one\\r\\n550 5.1.1 two", true },
	{ "", "550-one\\r\\n550 two", true },
	{ "", "5.1.1 gone", true },
	{ "", "5.1.1", true },
	{ "", "5.1.1: gone", true },
	{ "", "5.1.1. Gone", true },
	{ "", "5.123.456 gone", true },
	{ "", "450 5.1.1 at odds", false },
	{ "", "550 4.4.7 at odds", true },
	{ "", "mx.example.com said: 550 5.1.1 gone", true },
	{ "", "mx.example.com said: 550-5.1.1 gone", true },
	{ "", "450 try later", false },
	{ "", "4.2.2 full", false },
	{ "", "421 4.7.0 too many from 5.6.7.8", false },
	{ "", "mx said: 451 4.3.0 later, not 550 5.1.1", false },
	{ "", "250 2.0.0 Ok", false },
	{ "", "250 OK 550 5.1.1", false },
	{ "", "", false },
	{ "", "Connection to 5.6.7.8 timed out", false },
	{ "", "5.6.7.8 does not answer", false },
	{ "", "5.6.7.8.", false },
	{ "", "5.1.1.x", false },
	{ "", "5.1", false },
	{ "", "5.1.", false },
	{ "", "5..1", false },
	{ "", "5.1.1234 too long", false },
	{ "", "5.1234.1 too long", false },
	{ "", "5.1.1-beta", false },
	{ "", "3.1.1 no such class", false },
	{ "", "5500 recipients", false },
	{ "", "550.1", false },
	{ "", "550th", false },
	{ "", "55", false },
	{ "", "Exim 5.1.1 ready", false },
	{ "", "waited 550 seconds", false },
	{ "", "waited 550 4.1.1", false },
	{ "", "x550 5.1.1", false },
	{ "", "1.550 5.1.1", false },
	{ "", "timeout", false },
};

static void test_permanent(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(permanent_cases); i++) {
		char body[256];
		struct expect row = { .name = permanent_cases[i].response,
			.body = body,
			.id = "i",
			.kind = BIZMAIL_BOUNCE,
			.recipient = "a@b.c",
			.permanent = permanent_cases[i].want,
			.category = permanent_cases[i].category };

		row.body_size = (size_t)snprintf(body, sizeof(body),
			"{\"event\":\"bounce\",\"to\":\"a@b.c\",\"id\":\"i\",\"category\":\"%s\","
			"\"response\":\"%s\"}",
			permanent_cases[i].category, permanent_cases[i].response);
		expect_row(BIZMAIL_ENCODING_JSON, &row);
	}
}

static void test_only_a_bounce_is_permanent(void **state)
{
	static const struct expect rows[] = {
		{ .name = "drop",
			BODY("{\"action\":\"drop\"," MAIL ",\"category\":\"hard_bounce\","
			     "\"response\":\"550 5.1.1\"}"),
			.kind = BIZMAIL_DROP },
		{ .name = "delivered",
			BODY("{\"event\":\"delivered\"," MAIL ",\"response\":\"550 5.1.1\"}"),
			.kind = BIZMAIL_DELIVERED },
	};

	(void)state;
	expect_rows(BIZMAIL_ENCODING_JSON, rows, ARRAY_COUNT(rows));
}

static void test_no_encoding(void **state)
{
	static const struct expect row = { .name = "none",
		BODY("{}"),
		.problem = BIZMAIL_PROBLEM_UNPARSEABLE,
		.hint = BIZMAIL_DROP };

	(void)state;
	expect_row(BIZMAIL_ENCODING_NONE, &row);
}

static void test_empty_body_without_a_pointer(void **state)
{
	static const enum bizmail_encoding encodings[] = { BIZMAIL_ENCODING_JSON,
		BIZMAIL_ENCODING_FORM, BIZMAIL_ENCODING_MULTIPART };
	static const struct expect row = { .name = "empty",
		.content_type = "x; boundary=b",
		.problem = BIZMAIL_PROBLEM_UNPARSEABLE,
		.hint = BIZMAIL_DROP };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(encodings); i++)
		expect_row(encodings[i], &row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_kind_of_an_event),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_recipient_or_to),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_permanent),
		cmocka_unit_test(test_only_a_bounce_is_permanent),
		cmocka_unit_test(test_no_encoding),
		cmocka_unit_test(test_empty_body_without_a_pointer),
	};

	return cmocka_run_group_tests_name("bizmail_event", tests, NULL, NULL);
}
