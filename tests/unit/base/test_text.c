/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "repostal/memory.h"
#include "repostal/text.h"

struct whole_case {
	const char *text;
	int64_t want; /* -1: refused */
};

static void check_whole(bool (*parse)(struct slice text, int64_t *out),
	const struct whole_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t got = -1; /* which a refusal leaves alone */
		bool accepted = parse(slice_text(cases[i].text), &got);

		if (accepted != (cases[i].want >= 0) || got != cases[i].want)
			fail_msg("'%s': got %lld, want %lld", cases[i].text, (long long)got,
				(long long)cases[i].want);
	}
}

static void test_uint(void **state)
{
	static const struct whole_case cases[] = {
		{ "0", 0 },
		{ "007", 7 },
		{ "9223372036854775807", INT64_MAX },
		{ "9223372036854775808", -1 },
		{ "99999999999999999999999999", -1 },
		{ "", -1 },
		{ "+1", -1 },
		{ "-1", -1 },
		{ " 1", -1 },
		{ "1 ", -1 },
		{ "0x10", -1 },
		{ "1.0", -1 },
	};
	int64_t got = -1;

	(void)state;
	check_whole(text_parse_uint, cases, ARRAY_COUNT(cases));
	assert_false(text_parse_uint(slice_of(NULL, 0), &got));
	assert_false(text_parse_uint(SLICE_LITERAL("1\0"), &got));
}

static void test_duration(void **state)
{
	static const struct whole_case cases[] = {
		{ "0", 0 },
		{ "0s", 0 },
		{ "500ms", 500 },
		{ "5s", 5000 },
		{ "2m", 120000 },
		{ "1h", 3600000 },
		{ "7d", 604800000 },
		{ "106751991167d", INT64_C(9223372036828800000) },
		{ "106751991168d", -1 },
		{ "", -1 },
		{ "5", -1 },
		{ "s", -1 },
		{ "00", -1 },
		{ "5 s", -1 },
		{ "5S", -1 },
		{ "5sec", -1 },
		{ "1h30m", -1 },
		{ "1.5s", -1 },
		{ "-5s", -1 },
		{ "5s ", -1 },
	};

	(void)state;
	check_whole(text_parse_duration_ms, cases, ARRAY_COUNT(cases));
}

static void test_size(void **state)
{
	static const struct whole_case cases[] = {
		{ "0", 0 },
		{ "100", 100 },
		{ "100B", 100 },
		{ "64KiB", 65536 },
		{ "1MiB", 1048576 },
		{ "2GiB", INT64_C(2147483648) },
		{ "8589934591GiB", INT64_C(9223372035781033984) },
		{ "8589934592GiB", -1 },
		{ "", -1 },
		{ "KiB", -1 },
		{ "1K", -1 },
		{ "1KB", -1 },
		{ "1kib", -1 },
		{ "1 MiB", -1 },
		{ "-1", -1 },
	};

	(void)state;
	check_whole(text_parse_size, cases, ARRAY_COUNT(cases));
}

struct real_case {
	const char *text;
	double want; /* REFUSED */
};

#define REFUSED (-12345.0)

static void check_real(
	bool (*parse)(struct slice text, double *out), const struct real_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		double got = REFUSED;
		bool accepted = parse(slice_text(cases[i].text), &got);

		if (accepted != (cases[i].want != REFUSED) || got != cases[i].want)
			fail_msg("'%s': got %.17g, want %.17g", cases[i].text, got, cases[i].want);
	}
}

static void test_rate(void **state)
{
	static const struct real_case cases[] = {
		{ "100/s", 100 },
		{ "600/m", 10 },
		{ "1/h", 1.0 / 3600 },
		{ "1000000000000/s", 1e12 },
		{ "1000000000001/s", REFUSED },
		{ "99999999999999999999/s", REFUSED },
		{ "0/s", REFUSED },
		{ "100", REFUSED },
		{ "/s", REFUSED },
		{ "", REFUSED },
		{ "1.5/s", REFUSED },
		{ "-1/s", REFUSED },
		{ "1/d", REFUSED },
		{ "1 /s", REFUSED },
		{ "1/sec", REFUSED },
	};

	(void)state;
	check_real(text_parse_rate, cases, ARRAY_COUNT(cases));
}

static void test_double(void **state)
{
	static const struct real_case cases[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "1477945177.12994", 1477945177.12994 },
		{ "+2.5", 2.5 },
		{ "-2.5e3", -2500 },
		{ "1E+2", 100 },
		{ "1e-2", 0.01 },
		{ "1e-999", 0 },
		{ "00000000000000000000000000000000000000000000000000000000000000.5", 0.5 },
		{ "000000000000000000000000000000000000000000000000000000000000000.5", REFUSED },
		{ "1e999", REFUSED },
		{ "-1e999", REFUSED },
		{ "", REFUSED },
		{ "-", REFUSED },
		{ ".5", REFUSED },
		{ "5.", REFUSED },
		{ "1e", REFUSED },
		{ "1e+", REFUSED },
		{ "1,5", REFUSED },
		{ " 1", REFUSED },
		{ "1 ", REFUSED },
		{ "0x10", REFUSED },
		{ "inf", REFUSED },
		{ "nan", REFUSED },
		{ "1.2.3", REFUSED },
		{ "--1", REFUSED },
	};
	double got;

	(void)state;
	check_real(text_parse_double, cases, ARRAY_COUNT(cases));
	assert_false(text_parse_double(slice_of(NULL, 0), &got));
	/* The slice ends where it says, not at the next NUL. */
	assert_true(text_parse_double(slice_of("1.25e7", 4), &got));
	assert_true(got == 1.25);
}

static void test_formats_read_back(void **state)
{
	static const struct {
		const char *text;
		void (*format)(struct buf *buf, int64_t number);
		bool (*parse)(struct slice text, int64_t *out);
	} cases[] = {
		{ "0", text_format_duration, text_parse_duration_ms },
		{ "500ms", text_format_duration, text_parse_duration_ms },
		{ "1500ms", text_format_duration, text_parse_duration_ms },
		{ "90s", text_format_duration, text_parse_duration_ms },
		{ "1m", text_format_duration, text_parse_duration_ms },
		{ "36h", text_format_duration, text_parse_duration_ms },
		{ "7d", text_format_duration, text_parse_duration_ms },
		{ "0", text_format_size, text_parse_size },
		{ "100", text_format_size, text_parse_size },
		{ "1025", text_format_size, text_parse_size },
		{ "64KiB", text_format_size, text_parse_size },
		{ "1MiB", text_format_size, text_parse_size },
		{ "1536MiB", text_format_size, text_parse_size },
		{ "2GiB", text_format_size, text_parse_size },
	};
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t number;

		assert_true(cases[i].parse(slice_text(cases[i].text), &number));
		buf_reset(&buf);
		cases[i].format(&buf, number);
		assert_string_equal(buf.data, cases[i].text);
	}
	buf_free(&buf);
}

static void test_format_rate(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ "100/s", "100/s" },
		{ "600/m", "10/s" },
		{ "100/m", "100/m" },
		{ "1/h", "1/h" },
		{ "7/h", "7/h" },
		{ "999999999999/h", "999999999999/h" },
		{ "1000000000000/s", "1000000000000/s" },
	};
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		double rate;

		assert_true(text_parse_rate(slice_text(cases[i].text), &rate));
		buf_reset(&buf);
		text_format_rate(&buf, rate);
		assert_string_equal(buf.data, cases[i].want);
	}
	buf_free(&buf);
}

static void test_utf8(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		size_t sequence; /* at the start */
		const char *repaired;
	} cases[] = {
		{ "ASCII", "a", 1, "a" },
		{ "two bytes", "\xc3\xa4", 2, "\xc3\xa4" },
		{ "three bytes", "\xe2\x82\xac", 3, "\xe2\x82\xac" },
		{ "four bytes", "\xf0\x9f\x93\xaf", 4, "\xf0\x9f\x93\xaf" },
		{ "last code point", "\xf4\x8f\xbf\xbf", 4, "\xf4\x8f\xbf\xbf" },
		{ "too large", "\xf4\x90\x80\x80", 0,
			"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "far too large", "\xf5\x80\x80\x80", 0,
			"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "before the surrogates", "\xed\x9f\xbf", 3, "\xed\x9f\xbf" },
		{ "surrogate", "\xed\xa0\x80", 0, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "overlong slash", "\xc0\xaf", 0, "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "overlong in three", "\xe0\x9f\xbf", 0, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "overlong in four", "\xf0\x8f\xbf\xbf", 0,
			"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "lone continuation", "\x80z", 0, "\xef\xbf\xbdz" },
		{ "cut short at the end", "\xe2\x82", 0, "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "cut short in the middle", "\xc3(", 0, "\xef\xbf\xbd(" },
		{ "bad byte between good ones", "a\xff\xc3\xa4", 1, "a\xef\xbf\xbd\xc3\xa4" },
		{ "Latin-1", "gr\xfc\xdf", 1, "gr\xef\xbf\xbd\xef\xbf\xbd" },
	};
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct slice text = slice_text(cases[i].text);

		if (text_utf8_sequence(text.data, text.size) != cases[i].sequence)
			fail_msg("%s: sequence", cases[i].name);
		if (text_is_utf8(text) != slice_is(text, cases[i].repaired))
			fail_msg("%s: validity", cases[i].name);
		buf_reset(&buf);
		text_append_utf8_repaired(&buf, text);
		if (!slice_is(buf_slice(&buf), cases[i].repaired))
			fail_msg("%s: repaired to %s", cases[i].name, buf.data);
	}
	assert_true(text_is_utf8(slice_of(NULL, 0)));
	text_append_utf8_repaired(&buf, slice_of(NULL, 0));
	buf_free(&buf);
}

static void test_control_characters(void **state)
{
	static const struct {
		const char *name;
		struct slice text;
		size_t want;
	} cases[] = {
		{ "NUL", SLICE_LITERAL("\0x"), 1 },
		{ "line feed", SLICE_LITERAL("\nx"), 1 },
		{ "DEL", SLICE_LITERAL("\x7f"), 1 },
		{ "first of C1", SLICE_LITERAL("\xc2\x80"), 2 },
		{ "last of C1", SLICE_LITERAL("\xc2\x9f"), 2 },
		{ "cut short", SLICE_LITERAL("\xc2"), 0 },
		{ "behind C1", SLICE_LITERAL("\xc2\xa0"), 0 },
		{ "letter", SLICE_LITERAL("a\n"), 0 },
		{ "beyond ASCII", SLICE_LITERAL("\xc3\x84"), 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (text_control_sequence(cases[i].text.data, cases[i].text.size) != cases[i].want)
			fail_msg("%s", cases[i].name);
}

static void test_hidden_characters(void **state)
{
	static const struct {
		const char *name;
		struct slice text;
		size_t want;
		uint32_t code;
	} cases[] = {
		{ "control", SLICE_LITERAL("\x1b"), 1, 0x1b },
		{ "C1 control", SLICE_LITERAL("\xc2\x9b"), 2, 0x9b },
		{ "soft hyphen", SLICE_LITERAL("\xc2\xad"), 2, 0xad },
		{ "zero-width space", SLICE_LITERAL("\xe2\x80\x8b"), 3, 0x200b },
		{ "right-to-left mark", SLICE_LITERAL("\xe2\x80\x8f"), 3, 0x200f },
		{ "line separator", SLICE_LITERAL("\xe2\x80\xa8"), 3, 0x2028 },
		{ "paragraph separator", SLICE_LITERAL("\xe2\x80\xa9"), 3, 0x2029 },
		{ "right-to-left override", SLICE_LITERAL("\xe2\x80\xae"), 3, 0x202e },
		{ "isolate", SLICE_LITERAL("\xe2\x81\xa6"), 3, 0x2066 },
		{ "byte order mark", SLICE_LITERAL("\xef\xbb\xbf"), 3, 0xfeff },
		{ "tag", SLICE_LITERAL("\xf3\xa0\x81\xa1"), 4, 0xe0061 },
		{ "narrow space", SLICE_LITERAL("\xe2\x80\xaf"), 0, 0x202f },
		{ "letter", SLICE_LITERAL("a"), 0, 'a' },
		{ "beyond ASCII", SLICE_LITERAL("\xc3\x84"), 0, 0xc4 },
		{ "emoji", SLICE_LITERAL("\xf0\x9f\x99\x82"), 0, 0x1f642 },
		{ "cut short", SLICE_LITERAL("\xe2\x80"), 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct slice text = cases[i].text;
		size_t sequence = text_utf8_sequence(text.data, text.size);

		if (text_hidden_sequence(text.data, text.size) != cases[i].want)
			fail_msg("%s", cases[i].name);
		if (sequence > 0 && text_code_point(text.data, sequence) != cases[i].code)
			fail_msg("%s: its code point", cases[i].name);
	}
}

static void test_utf8_prefix(void **state)
{
	static const struct {
		const char *text;
		size_t characters_max;
		const char *want;
	} cases[] = {
		{ "abc", 2, "ab" },
		{ "abc", 3, "abc" },
		{ "abc", 4, "abc" },
		{ "abc", 0, "" },
		{ "", 5, "" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xafz", 3,
			"\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xaf" },
		{ "\xc3\xa4\xc3\xa4", 1, "\xc3\xa4" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct slice got =
			text_utf8_prefix(slice_text(cases[i].text), cases[i].characters_max);

		if (!slice_is(got, cases[i].want))
			fail_msg("row %zu: got %zu bytes", i, got.size);
	}
}

static void test_percent_decode(void **state)
{
	static const struct {
		const char *text;
		bool plus_is_space;
		const char *want;
	} cases[] = {
		{ "a%20b", false, "a b" },
		{ "a+b%2B", true, "a b+" },
		{ "a+b", false, "a+b" },
		{ "%c3%A4", false, "\xc3\xa4" },
		{ "%", false, "%" },
		{ "%4", false, "%4" },
		{ "%41", false, "A" },
		{ "%g1%1g", false, "%g1%1g" },
		{ "%%41", false, "%A" },
		{ "%2541", false, "%41" },
		{ "", false, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char data[32];
		size_t size = strlen(cases[i].text);

		memcpy(data, cases[i].text, size);
		size = text_percent_decode(data, size, cases[i].plus_is_space);
		if (!slice_is(slice_of(data, size), cases[i].want))
			fail_msg("'%s': got '%.*s'", cases[i].text, (int)size, data);
	}
}

static void test_edit_distance(void **state)
{
	static const char letters[] =
		"0123456789012345678901234567890123456789012345678901234567890123x";
	static const struct {
		const char *a;
		const char *b;
		size_t want;
	} cases[] = {
		{ "", "", 0 },
		{ "timeout", "timeout", 0 },
		{ "timeout", "timout", 1 },
		{ "timout", "timeout", 1 },
		{ "timeout", "timeouts", 1 },
		{ "timeout", "tineout", 1 },
		{ "kitten", "sitting", 3 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ letters, letters, 65 }, /* too long to compare */
		{ letters + 1, letters + 1, 0 },
		{ letters + 1, "", 64 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		size_t got = text_edit_distance(cases[i].a, cases[i].b);

		if (got != cases[i].want)
			fail_msg("'%s' to '%s': %zu", cases[i].a, cases[i].b, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uint),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_double),
		cmocka_unit_test(test_formats_read_back),
		cmocka_unit_test(test_format_rate),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_hidden_characters),
		cmocka_unit_test(test_utf8_prefix),
		cmocka_unit_test(test_percent_decode),
		cmocka_unit_test(test_edit_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
