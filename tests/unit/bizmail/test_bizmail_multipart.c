/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "expect.h"
#include "repostal/buf.h"

#define TYPE "multipart/form-data; boundary=b"
#define PART(name, value) \
	"--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define DROP PART("action", "drop") PART("id", "i") PART("to", "a@b.c")
#define END "--b--\r\n"

static const struct expect understood_rows[] = {
	{ .name = "plain",
		.content_type = TYPE,
		BODY(DROP PART("reason", "why not") END),
		.kind = BIZMAIL_DROP,
		.id = "i",
		.recipient = "a@b.c",
		.reason = "why not" },
	{ .name = "quoted boundary, other parameters around it",
		.content_type = "multipart/form-data; a=\";boundary=x\\\";\" ;"
				" BOUNDARY = \"b\"; c=d",
		BODY(DROP END),
		.kind = BIZMAIL_DROP },
	{ .name = "no boundary in the header",
		.content_type = "multipart/form-data",
		BODY(DROP END),
		.kind = BIZMAIL_DROP },
	{ .name = "another boundary in the header",
		.content_type = "multipart/form-data; boundary=c",
		BODY(DROP END),
		.kind = BIZMAIL_DROP },
	{ .name = "a boundary of another case in the header",
		.content_type = "multipart/form-data; boundary=B",
		BODY(DROP END),
		.kind = BIZMAIL_DROP },
	{ .name = "empty boundary in the header",
		.content_type = "multipart/form-data; boundary=\"\"",
		BODY(DROP END),
		.kind = BIZMAIL_DROP },
	{ .name = "preamble and epilogue",
		.content_type = TYPE,
		BODY("Hello\r\n" DROP END "--b\r\nbye"),
		.kind = BIZMAIL_DROP },
	{ .name = "no line end behind the last boundary",
		.content_type = TYPE,
		BODY(DROP "--b--"),
		.kind = BIZMAIL_DROP },
	{ .name = "blanks behind a boundary",
		.content_type = TYPE,
		BODY("--b \t\r\nContent-Disposition: form-data; name=id\r\n\r\ni\r\n"
		     "--b-- \r\n"),
		.hint = BIZMAIL_DROP,
		.kind = BIZMAIL_DROP,
		.id = "i",
		.problem = BIZMAIL_PROBLEM_NO_RECIPIENT },
	{ .name = "line feeds only",
		.content_type = TYPE,
		BODY("--b\nContent-Disposition: form-data; name=\"id\"\n\ni\n--b\n"
		     "Content-Disposition: form-data; name=\"to\"\n\na@b.c\n--b--\n"),
		.hint = BIZMAIL_DROP,
		.kind = BIZMAIL_DROP,
		.id = "i",
		.recipient = "a@b.c" },
	{ .name = "header fields in any case, order and form",
		.content_type = TYPE,
		BODY("--b\r\nContent-Type: text/plain; name=\"to\"\r\n"
		     "CONTENT-disposition :FORM-DATA;filename=\"a;name=to\";\r\n"
		     "\tNAME=id\r\nX-Y: z\r\n\r\ni\r\n" END),
		.hint = BIZMAIL_DROP,
		.kind = BIZMAIL_DROP,
		.id = "i",
		.problem = BIZMAIL_PROBLEM_NO_RECIPIENT },
	{ .name = "a file of a known name is taken",
		.content_type = TYPE,
		BODY(DROP "--b\r\nContent-Disposition: form-data; name=\"reason\"; "
			  "filename=\"r.txt\"\r\nContent-Type: "
			  "text/plain\r\n\r\nfull\r\n" END),
		.kind = BIZMAIL_DROP,
		.reason = "full" },
	{ .name = "other files are not",
		.content_type = TYPE,
		BODY("--b\r\nContent-Disposition: form-data; name=\"f\"; "
		     "filename=\"id\"\r\n\r\n\0\xff\r\n" DROP END),
		.kind = BIZMAIL_DROP,
		.id = "i" },
	{ .name = "the last of two counts",
		.content_type = TYPE,
		BODY(DROP PART("id", "j") END),
		.kind = BIZMAIL_DROP,
		.id = "j" },
	{ .name = "lines that only look like a boundary",
		.content_type = TYPE,
		BODY(DROP PART("reason", "x --b\r\n--bc\r\n--b--c\r\n --b") END),
		.kind = BIZMAIL_DROP,
		.reason = "x --b\r\n--bc\r\n--b--c\r\n --b" },
	{ .name = "values of several lines and empty values",
		.content_type = TYPE,
		BODY(DROP PART("response", "a\r\n\r\nb\r\n") PART("reason", "") END),
		.kind = BIZMAIL_DROP,
		.response = "a\r\n\r\nb\r\n",
		.reason = "" },
	{ .name = "part that is nothing but a header",
		.content_type = TYPE,
		BODY("--b\r\nContent-Disposition: form-data; name=id\r\n\r\n" DROP END),
		.kind = BIZMAIL_DROP,
		.id = "i" },
	{ .name = "parts without a name, other dispositions",
		.content_type = TYPE,
		BODY("--b\r\n\r\nx\r\n--b\r\n--b\r\n"
		     "Content-Disposition: attachment; name=id\r\n\r\nj\r\n" DROP END),
		.kind = BIZMAIL_DROP,
		.id = "i" },
	{ .name = "bad bytes become U+FFFD",
		.content_type = TYPE,
		BODY(DROP PART("reason", "\xe9") END),
		.kind = BIZMAIL_DROP,
		.reason = "\xEF\xBF\xBD" },
	{ .name = "percent signs and plus stay",
		.content_type = TYPE,
		BODY(DROP PART("reason", "%41+") END),
		.kind = BIZMAIL_DROP,
		.reason = "%41+" },
	{ .name = "only unknown fields",
		.content_type = TYPE,
		BODY(PART("a", "b") END),
		.problem = BIZMAIL_PROBLEM_UNKNOWN_KIND },
};

static void test_understood(void **state)
{
	(void)state;
	expect_rows(BIZMAIL_ENCODING_MULTIPART, understood_rows, ARRAY_COUNT(understood_rows));
}

static void test_unparseable(void **state)
{
	static const struct {
		const char *name;
		const char *content_type;
		const char *body;
		size_t body_size;
	} cases[] = {
		{ "empty body", TYPE, BODY("") },
		{ "empty body, no boundary", "multipart/form-data", BODY("") },
		{ "documented example: nothing but the end",
			"multipart/form-data; boundary=---011000010111000001101001",
			BODY("-----011000010111000001101001--\r\n") },
		{ "nothing but the end, no boundary", "multipart/form-data", BODY("--b--\r\n") },
		{ "nothing but a boundary", TYPE, BODY("--b") },
		{ "other boundary, after a preamble", "multipart/form-data; boundary=c",
			BODY("x\r\n" DROP END) },
		{ "no end", TYPE, BODY(DROP) },
		{ "no end, cut in the boundary", TYPE, BODY(DROP "--") },
		{ "no end, cut behind the boundary", TYPE, BODY(DROP "--b") },
		{ "no end, cut in a header", TYPE, BODY("--b\r\nContent-Dis") },
		{ "header without end", TYPE,
			BODY("--b\r\nContent-Disposition: form-data; name=id\r\n" END) },
		{ "only parts without a name", TYPE, BODY("--b\r\n\r\nx\r\n" END) },
		{ "JSON", "multipart/form-data", BODY("{\"event\":\"drop\"}") },
		{ "a form", TYPE, BODY("event=drop") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct expect row = { .name = cases[i].name,
			.hint = BIZMAIL_DROP,
			.content_type = cases[i].content_type,
			.body = cases[i].body,
			.body_size = cases[i].body_size,
			.id = "",
			.recipient = "",
			.problem = BIZMAIL_PROBLEM_UNPARSEABLE };

		expect_row(BIZMAIL_ENCODING_MULTIPART, &row);
	}
}

static void check_boundary(size_t boundary_size, enum bizmail_problem want)
{
	char boundary[256];
	struct bizmail_event event;
	struct buf type;
	struct buf body;

	assert_true(boundary_size < sizeof(boundary));
	memset(boundary, 'x', boundary_size);
	boundary[boundary_size] = '\0';
	buf_init(&type, 1024);
	buf_init(&body, 4096);
	buf_printf(&type, "multipart/form-data; boundary=%s", boundary);
	buf_printf(&body, "--%s\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--%s--",
		boundary, boundary);
	assert_int_equal(bizmail_parse(BIZMAIL_ENCODING_MULTIPART, buf_slice(&type),
				 buf_slice(&body), BIZMAIL_UNKNOWN, &event, NULL),
		want);
	bizmail_event_release(&event);
	buf_free(&type);
	buf_free(&body);
}

static void test_boundary_size(void **state)
{
	(void)state;
	check_boundary(70, BIZMAIL_PROBLEM_UNKNOWN_KIND);
	check_boundary(200, BIZMAIL_PROBLEM_UNKNOWN_KIND);
	check_boundary(201, BIZMAIL_PROBLEM_UNPARSEABLE);
}

static void check_count(size_t part_count, enum bizmail_problem want)
{
	struct bizmail_event event;
	struct buf body;

	buf_init(&body, 256 * 1024);
	buf_append_text(&body, DROP);
	for (size_t i = 3; i < part_count; i++)
		buf_append_text(&body, PART("x", ""));
	buf_append_text(&body, END);
	assert_false(body.overflowed);
	assert_int_equal(bizmail_parse(BIZMAIL_ENCODING_MULTIPART, slice_text(TYPE),
				 buf_slice(&body), BIZMAIL_UNKNOWN, &event, NULL),
		want);
	bizmail_event_release(&event);
	buf_free(&body);
}

static void test_part_count(void **state)
{
	(void)state;
	check_count(BIZMAIL_FIELDS_MAX, BIZMAIL_PROBLEM_NONE);
	check_count(BIZMAIL_FIELDS_MAX + 1, BIZMAIL_PROBLEM_UNPARSEABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_understood),
		cmocka_unit_test(test_unparseable),
		cmocka_unit_test(test_boundary_size),
		cmocka_unit_test(test_part_count),
	};

	return cmocka_run_group_tests_name("bizmail_multipart", tests, NULL, NULL);
}
