/* SPDX-License-Identifier: MIT */
/*
 * Every pair of tests/golden: a BizMail body, and the envelope that it becomes, byte for byte. With
 * REPOSTAL_GOLDEN_UPDATE=1 the envelopes are written anew, to be read before they are committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "repostal/event_envelope.h"
#include "repostal/memory.h"

#define FOLDER "tests/golden/"

enum {
	FILE_SIZE_MAX = 1024 * 1024,
	PAIRS_MIN = 20,
	PATH_SIZE = 512
};

#define RECEIVED_US INT64_C(1795223400123456)
static const struct translate_settings settings = {
	.soft_bounce = POSTAL_MESSAGE_DELAYED,
	.hard_bounce = POSTAL_MESSAGE_DELIVERY_FAILED,
	.dropped = POSTAL_MESSAGE_DELIVERY_FAILED,
};

static bool read_file(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "re");
	char *room;

	buf_init(out, FILE_SIZE_MAX);
	if (file == NULL)
		return false;
	room = buf_reserve(out, FILE_SIZE_MAX);
	buf_commit(out, fread(room, 1, FILE_SIZE_MAX, file));
	fclose(file);
	return true;
}

static void write_file(const char *path, struct slice text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text.data, 1, text.size, file), text.size);
	assert_int_equal(fclose(file), 0);
}

static struct slice content_type_of(const char *path)
{
	if (strstr(path, ".form.in") != NULL)
		return SLICE_LITERAL("application/x-www-form-urlencoded");
	if (strstr(path, ".multipart.in") != NULL)
		return SLICE_LITERAL("multipart/form-data; boundary=golden");
	return SLICE_LITERAL("application/json");
}

/* The envelope and a line end, or "problem: NAME" for what cannot be translated. */
static void translate_line(const char *path, struct slice body, struct buf *out)
{
	static const struct event_rules rules = { .translate = &settings };
	static const struct known_message known;
	const struct event_record record = {
		.source_name = SLICE_LITERAL("bizmail"),
		.received_us = RECEIVED_US,
		.content_type = content_type_of(path),
		.raw = body,
	};
	struct parsed_event parsed;

	if (event_parse(&record, &parsed) == BIZMAIL_PROBLEM_NONE) {
		if (!event_envelope(&rules, &parsed, &known, out))
			fail_msg("%s: the envelope is too long", path);
	} else {
		buf_printf(out, "problem: %s", bizmail_problem_name(parsed.problem));
	}
	buf_append_char(out, '\n');
	parsed_event_release(&parsed);
}

/* False when the envelope is another one. */
static bool pair_holds(const char *in_path)
{
	char out_path[PATH_SIZE];
	struct buf body;
	struct buf want;
	struct buf got;
	bool same = true;

	(void)snprintf(out_path, sizeof(out_path), "%.*s.out",
		(int)(strlen(in_path) - strlen(".in")), in_path);
	assert_true(read_file(in_path, &body));
	buf_init(&got, ENVELOPE_SIZE_MAX + 1);
	translate_line(in_path, buf_slice(&body), &got);
	if (getenv("REPOSTAL_GOLDEN_UPDATE") != NULL) {
		write_file(out_path, buf_slice(&got));
	} else {
		if (!read_file(out_path, &want))
			print_error("%s: is missing\n", out_path);
		same = slice_equal(buf_slice(&want), buf_slice(&got));
		if (!same)
			print_error("%s:\ngot  %swant %s\n", in_path, got.data,
				want.size == 0 ? "" : want.data);
		buf_free(&want);
	}
	buf_free(&got);
	buf_free(&body);
	return same;
}

static void test_pairs(void **state)
{
	glob_t found;
	size_t wrong = 0;

	(void)state;
	assert_int_equal(glob(FOLDER "*.in", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= PAIRS_MIN);
	for (size_t i = 0; i < found.gl_pathc; i++)
		wrong += !pair_holds(found.gl_pathv[i]);
	globfree(&found);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
