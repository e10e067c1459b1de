/* SPDX-License-Identifier: MIT */
/*
 * Strings and times of an envelope. Once per event, so no printf: the bytes between two escapes are
 * copied in one piece, and present-day times are printed as the whole number that they are.
 */
#include "envelope_text.h"

enum {
	MICROSECONDS = 1000000,
	FRACTION_DIGITS = 6,
	NUMBER_SIZE_MAX = 21, /* of 64 bits: sign, digits and a point */
};

/*
 * A bit for each byte that Rails does not write as it is: control characters, '"', '&', '<', '>',
 * '\\', and 0xE2, with which U+2028 and U+2029 begin. 0x7F is written as it is.
 */
static const uint64_t escaped[4] = {
	UINT64_C(0xffffffff) | UINT64_C(1) << '"' | UINT64_C(1) << '&' | UINT64_C(1) << '<' |
		UINT64_C(1) << '>',
	UINT64_C(1) << ('\\' - 0x40),
	0,
	UINT64_C(1) << (0xE2 - 0xC0),
};

static bool is_escaped(char c)
{
	unsigned char byte = (unsigned char)c;

	return (escaped[byte >> 6] >> (byte & 63) & 1) != 0;
}

static void write_unicode_escape(struct buf *out, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";
	char escape[] = { '\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15] };

	buf_append(out, escape, sizeof(escape));
}

/* NUL becomes U+FFFD: receivers that store text in PostgreSQL refuse it, escaped or not. */
static void write_escape(struct buf *out, char c)
{
	if (c == '\0') {
		buf_append_text(out, "\xEF\xBF\xBD");
		return;
	}
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* byte and letter, in pairs */

	for (size_t i = 0; i < sizeof(shorts) - 1; i += 2) {
		if (shorts[i] == c) {
			char escape[] = { '\\', shorts[i + 1] };

			buf_append(out, escape, sizeof(escape));
			return;
		}
	}
	write_unicode_escape(out, (unsigned char)c);
}

/* U+2028 and U+2029, which end a line in JavaScript before 2019. */
static bool is_line_separator(const char *data, size_t size)
{
	return size >= 3 && memcmp(data, "\xE2\x80", 2) == 0 &&
	       (data[2] == '\xA8' || data[2] == '\xA9');
}

void envelope_write_string(struct buf *out, struct slice text)
{
	size_t plain = 0; /* where the bytes begin that are not written yet */
	size_t i = 0;

	buf_append_char(out, '"');
	while (i < text.size) {
		if (!is_escaped(text.data[i])) {
			i++;
		} else if (text.data[i] != '\xE2') {
			buf_append(out, text.data + plain, i - plain);
			write_escape(out, text.data[i]);
			plain = ++i;
		} else if (is_line_separator(text.data + i, text.size - i)) {
			buf_append(out, text.data + plain, i - plain);
			buf_append_text(out, text.data[i + 2] == '\xA8' ? "\\u2028" : "\\u2029");
			plain = i += 3;
		} else {
			i++;
		}
	}
	if (plain < text.size)
		buf_append(out, text.data + plain, text.size - plain);
	buf_append_char(out, '"');
}

/* Digits in front of end; returns where they begin. */
static char *print_digits(char *end, uint64_t number)
{
	do {
		*--end = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return end;
}

void envelope_write_integer(struct buf *out, uint32_t number)
{
	char text[NUMBER_SIZE_MAX];
	char *end = text + sizeof(text);
	char *start = print_digits(end, number);

	buf_append(out, start, (size_t)(end - start));
}

/* The fraction without its trailing zeros, with its point; nothing when it is zero. */
static char *print_fraction(char *end, uint64_t microseconds)
{
	int digits = FRACTION_DIGITS;

	if (microseconds == 0)
		return end;
	for (; microseconds % 10 == 0; digits--)
		microseconds /= 10;
	for (; digits > 0; digits--) {
		*--end = (char)('0' + microseconds % 10);
		microseconds /= 10;
	}
	*--end = '.';
	return end;
}

/*
 * Below 2^33 seconds (the year 2242) the decimal number us / 1e6 is itself the shortest text that
 * parses back to the double (double)us / 1e6:
 *
 * - it parses back to it, since the division of two exact doubles is rounded like a decimal text
 * is;
 * - doubles are less than 1e-6 apart there, so no two multiples of 1e-6 share one, and any text of
 *   fewer digits would be such a multiple (or, of at most 15 digits, would be a double of its own).
 */
void envelope_write_time(struct buf *out, int64_t us)
{
	static const int64_t exact_max = (INT64_C(1) << 33) * MICROSECONDS;
	char text[NUMBER_SIZE_MAX];
	char *end = text + sizeof(text);
	char *start;
	uint64_t magnitude;

	if (us <= -exact_max || us >= exact_max) {
		buf_append_double(out, (double)us / MICROSECONDS);
		return;
	}
	magnitude = (uint64_t)(us < 0 ? -us : us);
	start = print_fraction(end, magnitude % MICROSECONDS);
	start = print_digits(start, magnitude / MICROSECONDS);
	if (us < 0)
		*--start = '-';
	buf_append(out, start, (size_t)(end - start));
}
