/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
		LOG_SLICE("part", slice_of("abcdef", 3)), LOG_STR("none", NULL));
	capture_stop(&capture);
	assert_string_equal(behind_time(capture.text, ""),
		" debug target.paused target=app code=410 part=abc none=\"\"\n");
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

/* Each limit keeps its own count, and its labels come before the fields of each line. */
static void test_limits_do_not_share(void **state)
{
	char target[] = "app";
	struct log_limit dead, retry;
	struct capture capture;
	int lines = 0;

	(void)state;
	configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	log_limit_open(&dead, LOG_LEVEL_WARN, "delivery.dead",
		LOG_FIELDS(LOG_STR("target", target), LOG_STR("reason", "age")));
	log_limit_open(
		&retry, LOG_LEVEL_INFO, "delivery.retry", LOG_FIELDS(LOG_STR("target", target)));
	memset(target, 'x', strlen(target)); /* the labels are copies */
	capture_start(&capture);
	for (int i = 0; i < 3 * LOG_THROTTLE_LINES_PER_S; i++)
		log_limited(&retry, LOG_INT("i", i));
	log_limited(&dead, LOG_INT("i", 7));
	log_limit_close(&retry);
	log_limit_close(&dead);
	capture_stop(&capture);
	for (const char *at = capture.text; (at = strstr(at, " delivery.retry ")) != NULL; at++)
		lines++;
	assert_in_range(lines, LOG_THROTTLE_LINES_PER_S, 3 * LOG_THROTTLE_LINES_PER_S);
	assert_non_null(strstr(capture.text, " warn delivery.dead target=app reason=age i=7\n"));
}

static void test_a_limit_tells_the_rest_at_its_end(void **state)
{
	struct log_limit limit;
	struct capture capture;
	uint64_t before = log_suppressed_count();
	char want[128];
	int64_t left_out;

	(void)state;
	configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	log_limit_open(&limit, LOG_LEVEL_INFO, "admin.request", NULL, 0);
	capture_start(&capture);
	do
		log_limited(&limit, LOG_INT("n", 1));
	while (log_suppressed_count() == before);
	log_limit_close(&limit);
	log_limit_close(&limit);
	capture_stop(&capture);
	left_out = (int64_t)(log_suppressed_count() - before);
	(void)snprintf(want, sizeof(want),
		"\"level\":\"info\",\"event\":\"log.suppressed\",\"lines\":%lld,"
		"\"by\":\"limit\",\"of\":\"admin.request\"}\n",
		(long long)left_out);
	assert_string_equal(capture.text + strlen(capture.text) - strlen(want), want);
	assert_ptr_equal(strstr(capture.text, "log.suppressed"),
		strstr(capture.text + strlen(capture.text) - strlen(want), "log.suppressed"));
}

static void test_a_limit_below_the_level_leaves_nothing_out(void **state)
{
	uint64_t before = log_suppressed_count();
	struct log_limit limit;
	struct capture capture;

	(void)state;
	configure(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
	log_limit_open(&limit, LOG_LEVEL_INFO, "admin.request", NULL, 0);
	capture_start(&capture);
	for (int i = 0; i < 1000; i++)
		log_limited(&limit, LOG_INT("i", i));
	log_limit_close(&limit);
	capture_stop(&capture);
	assert_string_equal(capture.text, "");
	assert_int_equal(log_suppressed_count(), before);
}

static void test_journal(void **state)
{
	static const struct {
		const char *name;
		enum log_format format;
		enum log_level level;
		const char *begin;
	} cases[] = {
		{ "debug", LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG, "<7>debug a.b n=1\n" },
		{ "info", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "<6>info a.b n=1\n" },
		{ "warn", LOG_FORMAT_TEXT, LOG_LEVEL_WARN, "<4>warn a.b n=1\n" },
		{ "error", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, "<3>error a.b n=1\n" },
		{ "JSON keeps its time", LOG_FORMAT_JSON, LOG_LEVEL_ERROR, "<3>{\"time\":\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct capture capture;
		struct stat is;
		char stream[64];

		configure(LOG_LEVEL_DEBUG, cases[i].format);
		capture_start(&capture);
		assert_int_equal(fstat(STDERR_FILENO, &is), 0);
		(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)is.st_dev,
			(uintmax_t)is.st_ino);
		setenv("JOURNAL_STREAM", stream, 1);
		log_detect_journal();
		log_event(cases[i].level, "a.b", LOG_INT("n", 1));
		capture_stop(&capture);
		if (strncmp(capture.text, cases[i].begin, strlen(cases[i].begin)) != 0)
			fail_msg("%s: got %s", cases[i].name, capture.text);
		log_detect_journal(); /* another stream by now */
	}
	unsetenv("JOURNAL_STREAM");
	log_detect_journal();
}

static void test_text_is_written_line_by_line(void **state)
{
	struct capture capture;

	(void)state;
	capture_start(&capture);
	log_text(LOG_LEVEL_ERROR, SLICE_LITERAL("a.conf:1: one\na.conf:2: two\n"));
	log_text(LOG_LEVEL_ERROR, slice_of(NULL, 0));
	capture_stop(&capture);
	assert_string_equal(capture.text, "a.conf:1: one\na.conf:2: two\n");
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
		cmocka_unit_test(test_limits_do_not_share),
		cmocka_unit_test(test_a_limit_tells_the_rest_at_its_end),
		cmocka_unit_test(test_a_limit_below_the_level_leaves_nothing_out),
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_text_is_written_line_by_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
