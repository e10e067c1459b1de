/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "expect.h"

#define DELIVERED "\"event\":\"delivered\",\"id\":\"i\",\"to\":\"a@b.c\""

static const struct expect understood_rows[] = {
	{ .name = "every field",
		BODY("{\"event\":\"bounce\",\"id\":\"<i@x>\",\"to\":\"A <a@b.c>\","
		     "\"time\":1713100000,\"response\":\"550 5.1.1 gone\","
		     "\"category\":\"Hard_Bounce\",\"reason\":\" r \","
		     "\"mxHostname\":\" mx \",\"returnPath\":\"<r@x>\","
		     "\"user\":\"\",\"seq\":7,\"more\":{\"id\":[1,2]}}"),
		.kind = BIZMAIL_BOUNCE,
		.permanent = true,
		.id = "i@x",
		.recipient = "a@b.c",
		.time_ms = 1713100000000,
		.response = "550 5.1.1 gone",
		.category = "Hard_Bounce",
		.reason = " r ",
		.mx_hostname = "mx",
		.return_path = "r@x" },
	{ .name = "byte order mark and white space",
		BODY("\xEF\xBB\xBF\r\n {" DELIVERED "}\r\n"),
		.kind = BIZMAIL_DELIVERED },
	{ .name = "escaped names",
		BODY("{\"\\u0065vent\":\"drop\",\"i\\u0064\":\"i\","
		     "\"to\":\"a@b.c\"}"),
		.kind = BIZMAIL_DROP,
		.id = "i" },
	{ .name = "the last of two keys counts",
		BODY("{" DELIVERED ",\"id\":\"second\"}"),
		.kind = BIZMAIL_DELIVERED,
		.id = "second" },
	{ .name = "numbers where text is documented",
		BODY("{" DELIVERED ",\"response\":250,\"mxHostname\":1.5}"),
		.kind = BIZMAIL_DELIVERED,
		.response = "250",
		.mx_hostname = "1.5" },
	{ .name = "no text at all",
		BODY("{" DELIVERED ",\"response\":null,\"mxHostname\":false,"
		     "\"reason\":[],\"category\":{}}"),
		.kind = BIZMAIL_DELIVERED,
		.response = "",
		.mx_hostname = "",
		.reason = "",
		.category = "" },
	{ .name = "Latin-1 in the reply",
		BODY("{" DELIVERED ",\"response\":\"250 bo\xeete\"}"),
		.kind = BIZMAIL_DELIVERED,
		.response = "250 bo\xEF\xBF\xBDte" },
	{ .name = "half a surrogate pair in the reply",
		BODY("{" DELIVERED ",\"response\":\"250 \\ud83d\"}"),
		.kind = BIZMAIL_DELIVERED,
		.response = "250 \xEF\xBF\xBD" },
	{ .name = "raw control characters in the reply",
		BODY("{" DELIVERED ",\"response\":\"250\r\n\x1b[0m\"}"),
		.kind = BIZMAIL_DELIVERED,
		.response = "250\r\n\x1b[0m" },
	{ .name = "integer beyond 64 bit elsewhere",
		BODY("{" DELIVERED ",\"time\":1713100000123,\"x\":99999999999999999999,"
		     "\"y\":\"1\\\"2\"}"),
		.kind = BIZMAIL_DELIVERED,
		.time_ms = 1713100000123 },
	{ .name = "number beyond a double elsewhere",
		BODY("{" DELIVERED ",\"x\":[-1e999,{\"y\":1e+999}]}"),
		.kind = BIZMAIL_DELIVERED,
		.id = "i" },
	{ .name = "id beyond 64 bit",
		BODY("{\"event\":\"drop\",\"to\":\"a@b.c\","
		     "\"id\":99999999999999999999}"),
		.kind = BIZMAIL_DROP,
		.id = "99999999999999999999" },
};

static void test_understood(void **state)
{
	(void)state;
	expect_rows(BIZMAIL_ENCODING_JSON, understood_rows, ARRAY_COUNT(understood_rows));
}

static void test_problems(void **state)
{
	static const struct expect rows[] = {
		{ .name = "empty object", BODY("{}"), .problem = BIZMAIL_PROBLEM_UNKNOWN_KIND },
		{ .name = "unknown kind keeps the id",
			BODY("{\"event\":\"x\",\"id\":\"i\"}"),
			.problem = BIZMAIL_PROBLEM_UNKNOWN_KIND,
			.id = "i" },
		{ .name = "no id",
			BODY("{\"event\":\"drop\",\"to\":\"a@b.c\"}"),
			.problem = BIZMAIL_PROBLEM_NO_ID,
			.kind = BIZMAIL_DROP,
			.id = "",
			.recipient = "a@b.c" },
		{ .name = "no recipient keeps the id",
			BODY("{\"event\":\"drop\",\"id\":\"i\"}"),
			.problem = BIZMAIL_PROBLEM_NO_RECIPIENT,
			.kind = BIZMAIL_DROP,
			.id = "i" },
	};

	(void)state;
	expect_rows(BIZMAIL_ENCODING_JSON, rows, ARRAY_COUNT(rows));
}

static void test_unparseable(void **state)
{
	static const struct {
		const char *name;
		const char *body;
		size_t body_size;
	} cases[] = {
		{ "empty", BODY("") },
		{ "white space", BODY(" \n") },
		{ "byte order mark only", BODY("\xEF\xBB\xBF") },
		{ "cut off", BODY("{" DELIVERED) },
		{ "cut off in a string", BODY("{\"event\":\"deliv") },
		{ "array", BODY("[{" DELIVERED "}]") },
		{ "string", BODY("\"delivered\"") },
		{ "number", BODY("1") },
		{ "huge number", BODY("1e999") },
		{ "null", BODY("null") },
		{ "two values", BODY("{" DELIVERED "}{}") },
		{ "comma at the end", BODY("{" DELIVERED ",}") },
		{ "single quotes", BODY("{'event':'drop'}") },
		{ "bad escape", BODY("{" DELIVERED ",\"x\":\"\\q\"}") },
		{ "bad byte outside of strings", BODY("{" DELIVERED "}\xff") },
		{ "NUL behind it", BODY("{" DELIVERED "}\0") },
		{ "a form", BODY("event=drop&id=i") },
		{ "huge number and broken", BODY("{\"x\":1e999,}") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct expect row = { .name = cases[i].name,
			.body = cases[i].body,
			.body_size = cases[i].body_size,
			.hint = BIZMAIL_DROP,
			.problem = BIZMAIL_PROBLEM_UNPARSEABLE,
			.id = "",
			.recipient = "" };

		expect_row(BIZMAIL_ENCODING_JSON, &row);
	}
}

static void test_nul_in_the_reply_is_text(void **state)
{
	struct bizmail_event event;
	static const char escaped[] = "{" DELIVERED ",\"response\":\"250 \\u0000!\"}";
	static const char raw[] = "{" DELIVERED ",\"response\":\"250 \0!\"}";
	const struct slice bodies[] = { slice_of(escaped, sizeof(escaped) - 1),
		slice_of(raw, sizeof(raw) - 1) };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
		assert_int_equal(bizmail_parse(BIZMAIL_ENCODING_JSON, slice_of(NULL, 0), bodies[i],
					 BIZMAIL_UNKNOWN, &event, NULL),
			BIZMAIL_PROBLEM_NONE);
		assert_true(slice_equal(event.response, SLICE_LITERAL("250 \0!")));
		bizmail_event_release(&event);
	}
}

static void test_depth_is_bounded(void **state)
{
	enum {
		SIZE = 1024 * 1024
	};
	char *body = memory_alloc(SIZE);
	struct expect row = { .name = "deep",
		.body = body,
		.body_size = SIZE,
		.problem = BIZMAIL_PROBLEM_UNPARSEABLE };

	(void)state;
	memset(body, '[', SIZE);
	memcpy(body, "{\"x\":", 5);
	expect_row(BIZMAIL_ENCODING_JSON, &row);
	free(body);
}

static void test_the_error_quotes_nothing(void **state)
{
	struct bizmail_event event;
	struct error err;

	(void)state;
	(void)bizmail_parse(BIZMAIL_ENCODING_JSON, slice_of(NULL, 0),
		SLICE_LITERAL("{\n\"secret\" \"secret\"}"), BIZMAIL_UNKNOWN, &event, &err);
	assert_string_equal(err.text, "not valid JSON, in line 2");
	bizmail_event_release(&event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_understood),
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_unparseable),
		cmocka_unit_test(test_nul_in_the_reply_is_text),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_the_error_quotes_nothing),
	};

	return cmocka_run_group_tests_name("bizmail_json", tests, NULL, NULL);
}
