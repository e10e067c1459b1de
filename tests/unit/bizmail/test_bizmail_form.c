/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "expect.h"
#include "repostal/buf.h"

static const struct expect form_rows[] = {
	{ .name = "ZoneMTA's bounce",
		BODY("id=18edc4f2&sessionId=x&to=user%40example.com&seq=001&"
		     "returnPath=r%40x.vn&category=policy&time=1713100000123&"
		     "response=550+5.7.1+not+here&fbl=false"),
		.kind = BIZMAIL_BOUNCE,
		.permanent = true,
		.id = "18edc4f2",
		.recipient = "user@example.com",
		.return_path = "r@x.vn",
		.category = "policy",
		.time_ms = 1713100000123,
		.response = "550 5.7.1 not here" },
	{ .name = "documented names, the end of a line behind it",
		BODY("event=delivered&id=%3Ci%40x%3E&recipient=a%40b.c&mxHostname=mx&"
		     "time=1713100000\r\n"),
		.kind = BIZMAIL_DELIVERED,
		.id = "i@x",
		.recipient = "a@b.c",
		.mx_hostname = "mx",
		.time_ms = 1713100000000 },
	{ .name = "encoded names", BODY("%65vent=drop&i%64=i&t%6F=a@b.c"), .kind = BIZMAIL_DROP },
	{ .name = "the last of two counts",
		BODY("event=drop&id=1&id=2&to=a@b.c"),
		.kind = BIZMAIL_DROP,
		.id = "2" },
	{ .name = "value with = in it",
		BODY("event=drop&id=a=b=&to=a@b.c"),
		.kind = BIZMAIL_DROP,
		.id = "a=b=" },
	{ .name = "empty pieces",
		BODY("&&event=drop&&=x&=&id&id=i&to=a@b.c&"),
		.kind = BIZMAIL_DROP,
		.id = "i" },
	{ .name = "bad bytes become U+FFFD",
		BODY("event=drop&id=i&to=a@b.c&reason=%ff\xfe%C3%A9"),
		.kind = BIZMAIL_DROP,
		.reason = "\xEF\xBF\xBD\xEF\xBF\xBD\xC3\xA9" },
	{ .name = "bad percent signs stay",
		BODY("event=drop&id=i&to=a@b.c&reason=100%&category=%zz%4"),
		.kind = BIZMAIL_DROP,
		.reason = "100%",
		.category = "%zz%4" },
	{ .name = "NUL makes an id unusable",
		BODY("event=drop&id=i%00&to=a@b.c"),
		.kind = BIZMAIL_DROP,
		.problem = BIZMAIL_PROBLEM_NO_ID,
		.id = "" },
	{ .name = "names are matched as documented",
		BODY("EVENT=drop&id[]=i&Id=i&to=a@b.c&category=x"),
		.kind = BIZMAIL_BOUNCE,
		.problem = BIZMAIL_PROBLEM_NO_ID,
		.id = "" },
	{ .name = "only unknown fields", BODY("a=b"), .problem = BIZMAIL_PROBLEM_UNKNOWN_KIND },
	{ .name = "only unknown fields, at a sub-path",
		BODY("a=b"),
		.hint = BIZMAIL_DROP,
		.kind = BIZMAIL_DROP,
		.problem = BIZMAIL_PROBLEM_NO_ID },
	{ .name = "empty", BODY(""), .problem = BIZMAIL_PROBLEM_UNPARSEABLE },
	{ .name = "white space", BODY(" \r\n"), .problem = BIZMAIL_PROBLEM_UNPARSEABLE },
	{ .name = "no field", BODY("hello&id"), .problem = BIZMAIL_PROBLEM_UNPARSEABLE },
	{ .name = "no name", BODY("=a&=b"), .problem = BIZMAIL_PROBLEM_UNPARSEABLE },
	{ .name = "JSON",
		BODY("{\"event\":\"drop\"}"),
		.hint = BIZMAIL_DROP,
		.problem = BIZMAIL_PROBLEM_UNPARSEABLE },
};

static void test_forms(void **state)
{
	(void)state;
	expect_rows(BIZMAIL_ENCODING_FORM, form_rows, ARRAY_COUNT(form_rows));
}

static void check_count(size_t field_count, enum bizmail_problem want)
{
	struct bizmail_event event;
	struct buf body;

	buf_init(&body, 64 * 1024);
	buf_append_text(&body, "event=drop&id=i&to=a@b.c");
	for (size_t i = 3; i < field_count; i++)
		buf_printf(&body, "&x%zu=", i);
	assert_false(body.overflowed);
	assert_int_equal(bizmail_parse(BIZMAIL_ENCODING_FORM, slice_of(NULL, 0), buf_slice(&body),
				 BIZMAIL_UNKNOWN, &event, NULL),
		want);
	bizmail_event_release(&event);
	buf_free(&body);
}

static void test_field_count(void **state)
{
	(void)state;
	check_count(BIZMAIL_FIELDS_MAX, BIZMAIL_PROBLEM_NONE);
	check_count(BIZMAIL_FIELDS_MAX + 1, BIZMAIL_PROBLEM_UNPARSEABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_field_count),
	};

	return cmocka_run_group_tests_name("bizmail_form", tests, NULL, NULL);
}
