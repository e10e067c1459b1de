/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "repostal/log.h"
#include "repostal/memory.h"

enum {
	CAPTURE_SIZE = 16 * 1024
};

/* LOG_STR() for tables: an initialiser must be constant. */
#define FIELD(value)                                                              \
	{                                                                         \
		.name = "v", .kind = LOG_FIELD_TEXT, .text = SLICE_LITERAL(value) \
	}

/* What one call wrote to standard error; the pipe is large enough for any line. */
struct capture {
	int saved_fd;
	int read_fd;
	char text[CAPTURE_SIZE];
};

static void capture_start(struct capture *capture)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	capture->saved_fd = dup(STDERR_FILENO);
	capture->read_fd = ends[0];
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	close(ends[1]);
}

static void capture_stop(struct capture *capture)
{
	size_t size = 0;
	ssize_t got;

	assert_true(dup2(capture->saved_fd, STDERR_FILENO) >= 0);
	close(capture->saved_fd);
	do {
		got = read(capture->read_fd, capture->text + size, CAPTURE_SIZE - 1 - size);
		size += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	capture->text[size] = '\0';
	close(capture->read_fd);
}

static void configure(enum log_level level, enum log_format format)
{
	struct log_settings settings = { .level = level, .format = format };

	log_configure(&settings);
}

/* The line behind its time, whose form is checked here. */
static const char *behind_time(const char *line, const char *before)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	size_t size = strlen(before);

	assert_memory_equal(line, before, size);
	line += size;
	for (size_t i = 0; shape[i] != '\0'; i++, line++) {
		if (shape[i] == 'd' ? *line < '0' || *line > '9' : *line != shape[i])
			fail_msg("not a time: %s", line);
	}
	return line;
}

static void test_values(void **state)
{
	static const struct {
		const char *name;
		struct log_field field;
		const char *text;
		const char *json;
	} cases[] = {
		{ "bare", FIELD("app"), "app", "\"app\"" },
		{ "empty", FIELD(""), "\"\"", "\"\"" },
		{ "space", FIELD("a b"), "\"a b\"", "\"a b\"" },
		{ "quote", FIELD("a\"b"), "\"a\\\"b\"", "\"a\\\"b\"" },
		{ "equals sign", FIELD("a=b"), "\"a=b\"", "\"a=b\"" },
		{ "backslash", FIELD("a\\b"), "\"a\\\\b\"", "\"a\\\\b\"" },
		{ "a second line", FIELD("a\nb"), "\"a\\nb\"", "\"a\\nb\"" },
		{ "terminal", FIELD("\x1b[2J"), "\"\\u001b[2J\"", "\"\\u001b[2J\"" },
		{ "UTF-8", FIELD("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f",
			"\"gr\xc3\xbc\xc3\x9f\"" },
		{ "not UTF-8", FIELD("gr\xfc"), "gr\xef\xbf\xbd", "\"gr\xef\xbf\xbd\"" },
		{ "integer", { .name = "v", .kind = LOG_FIELD_INT, .number = INT64_MIN },
			"-9223372036854775808", "-9223372036854775808" },
		{ "double", { .name = "v", .kind = LOG_FIELD_DOUBLE, .real = 0.25 }, "0.25",
			"0.25" },
		{ "no number", { .name = "v", .kind = LOG_FIELD_DOUBLE, .real = NAN }, "NaN",
			"null" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct capture capture;
		char want[256];

		configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
		capture_start(&capture);
		log_write(LOG_LEVEL_WARN, "a.b", &cases[i].field, 1);
		capture_stop(&capture);
		(void)snprintf(want, sizeof(want), " warn a.b v=%s\n", cases[i].text);
		if (strcmp(behind_time(capture.text, ""), want) != 0)
			fail_msg("%s: got %s", cases[i].name, capture.text);

		configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
		capture_start(&capture);
		log_write(LOG_LEVEL_ERROR, "a.b", &cases[i].field, 1);
		capture_stop(&capture);
		(void)snprintf(want, sizeof(want),
			"\",\"level\":\"error\",\"event\":\"a.b\",\"v\":%s}\n", cases[i].json);
		if (strcmp(behind_time(capture.text, "{\"time\":\""), want) != 0)
			fail_msg("%s: got %s", cases[i].name, capture.text);
	}
}

static void test_macros(void **state)
{
	struct capture capture;

	(void)state;
	configure(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
	capture_start(&capture);
	log_event(LOG_LEVEL_DEBUG, "target.paused", LOG_STR("target", "app"), LOG_INT("code", 410),
		LOG_SLICE("part", slice_of("abcdef", 3)), LOG_DOUBLE("share", 0.5),
		LOG_STR("none", NULL));
	capture_stop(&capture);
	assert_string_equal(behind_time(capture.text, ""),
		" debug target.paused target=app code=410 part=abc share=0.5 none=\"\"\n");
}

static void test_level(void **state)
{
	static const enum log_level levels[] = { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN,
		LOG_LEVEL_ERROR };

	(void)state;
	for (size_t wanted = 0; wanted < ARRAY_COUNT(levels); wanted++) {
		configure(levels[wanted], LOG_FORMAT_TEXT);
		for (size_t level = 0; level < ARRAY_COUNT(levels); level++) {
			struct capture capture;

			capture_start(&capture);
			log_event(levels[level], "x", LOG_INT("n", 1));
			capture_stop(&capture);
			assert_int_equal(log_wants(levels[level]), level >= wanted);
			assert_int_equal(capture.text[0] != '\0', level >= wanted);
		}
	}
}

static void test_long_values_are_cut(void **state)
{
	char controls[2000];
	char umlauts[2000];
	struct capture capture;

	(void)state;
	memset(controls, '\x01', sizeof(controls));
	for (size_t i = 0; i < sizeof(umlauts); i++)
		umlauts[i] = i % 2 == 1 ? '\xc3' : '\xa4'; /* a character lies across the cut */
	umlauts[0] = 'x';
	configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	capture_start(&capture);
	log_event(LOG_LEVEL_INFO, "x", LOG_SLICE("v", slice_of(controls, sizeof(controls))));
	capture_stop(&capture);
	assert_true(strlen(capture.text) <= 4096);
	assert_non_null(strstr(capture.text, "\\u0001...\"}\n"));

	capture_start(&capture);
	log_event(LOG_LEVEL_INFO, "x", LOG_SLICE("v", slice_of(umlauts, sizeof(umlauts))));
	capture_stop(&capture);
	assert_null(strstr(capture.text, "\xef\xbf\xbd"));
	assert_non_null(strstr(capture.text, "\xc3\xa4...\"}\n"));
}

static void test_long_lines_are_cut(void **state)
{
	static const struct {
		enum log_format format;
		const char *end;
	} cases[] = {
		{ LOG_FORMAT_TEXT, " truncated=1\n" },
		{ LOG_FORMAT_JSON, ",\"truncated\":1}\n" },
	};
	struct log_field fields[20];
	char value[400];

	(void)state;
	memset(value, 'v', sizeof(value));
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
		fields[i] = LOG_SLICE("v", slice_of(value, sizeof(value)));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct capture capture;
		size_t size;

		configure(LOG_LEVEL_INFO, cases[i].format);
		capture_start(&capture);
		log_write(LOG_LEVEL_INFO, "x", fields, ARRAY_COUNT(fields));
		capture_stop(&capture);
		size = strlen(capture.text);
		assert_in_range(size, 3000, 4096);
		assert_string_equal(capture.text + size - strlen(cases[i].end), cases[i].end);
	}
}

static void test_failing_write_is_ignored(void **state)
{
	int saved_fd = dup(STDERR_FILENO);

	(void)state;
	configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	close(STDERR_FILENO);
	log_event(LOG_LEVEL_ERROR, "x", LOG_INT("n", 1));
	assert_true(dup2(saved_fd, STDERR_FILENO) >= 0);
	close(saved_fd);
}

static void test_limit(void **state)
{
	static const struct {
		int64_t at_ms;
		bool passes;
		int64_t missed;
	} cases[] = {
		{ 10000, true, 0 },
		{ 10001, true, 0 },
		{ 10002, false, 0 },
		{ 10999, false, 0 },
		{ 11000, true, 2 },
		{ 11001, true, 0 },
		{ 11002, false, 0 },
		{ 99000, true, 1 },
	};
	struct log_limit limit = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t missed = 0;
		bool passes = log_limit_pass(&limit, cases[i].at_ms, 2, &missed);

		if (passes != cases[i].passes || missed != cases[i].missed)
			fail_msg("at %lld ms: %d, missed %lld", (long long)cases[i].at_ms, passes,
				(long long)missed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_macros),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_long_values_are_cut),
		cmocka_unit_test(test_long_lines_are_cut),
		cmocka_unit_test(test_failing_write_is_ignored),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
