/* SPDX-License-Identifier: MIT */
#include "repostal/text.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "hex.h"
#include "repostal/memory.h"

enum {
	NUMBER_TEXT_SIZE_MAX = 64,
	EDIT_DISTANCE_SIZE_MAX = 64
};

/* Far from the whole numbers that a double skips: a rate prints as it was written. */
static const int64_t RATE_COUNT_MAX = INT64_C(1000000000000);

/* A spelling of a unit and its worth in the smallest one; tables ascend. */
struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit duration_units[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ "d", 24 * 60 * 60 * 1000 },
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "KiB", INT64_C(1) << 10 },
	{ "MiB", INT64_C(1) << 20 },
	{ "GiB", INT64_C(1) << 30 },
};

/* Seconds in the unit. */
static const struct unit rate_units[] = {
	{ "/s", 1 },
	{ "/m", 60 },
	{ "/h", 3600 },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t count_digits(struct slice text)
{
	size_t count = 0;

	while (count < text.size && is_digit(text.data[count]))
		count++;
	return count;
}

bool text_parse_uint(struct slice text, int64_t *out)
{
	int64_t number = 0;

	if (text.size == 0 || count_digits(text) != text.size)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (__builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(number, text.data[i] - '0', &number))
			return false;
	}
	*out = number;
	return true;
}

/* Moves past what is there; false when the digits that must follow are missing. */
static bool skip_digits(struct slice *text)
{
	size_t count = count_digits(*text);

	*text = slice_of(text->data + count, text->size - count);
	return count > 0;
}

static bool skip_one_of(struct slice *text, char a, char b)
{
	if (text->size == 0 || (text->data[0] != a && text->data[0] != b))
		return false;
	*text = slice_of(text->data + 1, text->size - 1);
	return true;
}

/* strtod() takes more than we want: white space, hexadecimal, "inf" and "nan". */
static bool is_decimal_number(struct slice text)
{
	if (text.size == 0)
		return false;
	skip_one_of(&text, '-', '+');
	if (!skip_digits(&text))
		return false;
	if (skip_one_of(&text, '.', '.') && !skip_digits(&text))
		return false;
	if (skip_one_of(&text, 'e', 'E')) {
		skip_one_of(&text, '-', '+');
		if (!skip_digits(&text))
			return false;
	}
	return text.size == 0;
}

bool text_parse_double(struct slice text, double *out)
{
	char terminated[NUMBER_TEXT_SIZE_MAX + 1];
	locale_t c_locale;
	double number;

	if (text.size > NUMBER_TEXT_SIZE_MAX || !is_decimal_number(text))
		return false;
	memcpy(terminated, text.data, text.size);
	terminated[text.size] = '\0';
	/* The point is a point, whatever the locale says. */
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	REPOSTAL_ASSERT(c_locale != (locale_t)0);
	number = strtod_l(terminated, NULL, c_locale);
	freelocale(c_locale);
	if (!isfinite(number))
		return false;
	*out = number;
	return true;
}

/* A whole number followed by one of the units. */
static bool parse_with_unit(struct slice text, const struct unit *units, size_t units_count,
	int64_t *count, const struct unit **unit)
{
	size_t digits = count_digits(text);

	if (!text_parse_uint(slice_of(text.data, digits), count))
		return false;
	for (size_t i = 0; i < units_count; i++) {
		if (slice_is(slice_of(text.data + digits, text.size - digits), units[i].name)) {
			*unit = &units[i];
			return true;
		}
	}
	return false;
}

bool text_parse_duration_ms(struct slice text, int64_t *out_ms)
{
	const struct unit *unit;
	int64_t count;

	if (slice_is(text, "0")) {
		*out_ms = 0;
		return true;
	}
	if (!parse_with_unit(text, duration_units, ARRAY_COUNT(duration_units), &count, &unit) ||
		__builtin_mul_overflow(count, unit->factor, &count))
		return false;
	*out_ms = count;
	return true;
}

bool text_parse_size(struct slice text, int64_t *out_bytes)
{
	const struct unit *unit;
	int64_t count;

	if (!parse_with_unit(text, size_units, ARRAY_COUNT(size_units), &count, &unit) ||
		__builtin_mul_overflow(count, unit->factor, &count))
		return false;
	*out_bytes = count;
	return true;
}

bool text_parse_rate(struct slice text, double *out_per_second)
{
	const struct unit *unit;
	int64_t count;

	if (!parse_with_unit(text, rate_units, ARRAY_COUNT(rate_units), &count, &unit) ||
		count == 0 || count > RATE_COUNT_MAX)
		return false;
	*out_per_second = (double)count / (double)unit->factor;
	return true;
}

/* The largest unit that divides the number leaves the fewest digits. */
static void format_with_unit(
	struct buf *buf, const struct unit *units, size_t units_count, int64_t number)
{
	size_t i = units_count - 1;

	if (number == 0) {
		buf_append_char(buf, '0');
		return;
	}
	while (i > 0 && number % units[i].factor != 0)
		i--;
	/* Of two names for the same factor the first is the shorter. */
	while (i > 0 && units[i - 1].factor == units[i].factor)
		i--;
	buf_append_int(buf, number / units[i].factor);
	buf_append_text(buf, units[i].name);
}

void text_format_duration(struct buf *buf, int64_t duration_ms)
{
	format_with_unit(buf, duration_units, ARRAY_COUNT(duration_units), duration_ms);
}

void text_format_size(struct buf *buf, int64_t bytes)
{
	format_with_unit(buf, size_units, ARRAY_COUNT(size_units), bytes);
}

void text_format_rate(struct buf *buf, double per_second)
{
	const struct unit *unit = &rate_units[0];
	int64_t count = 0;

	/* The first that is exact; when none is, the last that is not too large comes nearest. */
	for (size_t i = 0; i < ARRAY_COUNT(rate_units); i++) {
		double exact = per_second * (double)rate_units[i].factor;

		if (!(exact > 0 && exact <= (double)RATE_COUNT_MAX))
			break;
		unit = &rate_units[i];
		count = (int64_t)(exact + 0.5);
		if ((double)count / (double)unit->factor == per_second)
			break;
	}
	buf_append_int(buf, count);
	buf_append_text(buf, unit->name);
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t text_utf8_sequence(const char *data, size_t size)
{
	unsigned char first = (unsigned char)data[0];
	unsigned char second = size > 1 ? (unsigned char)data[1] : 0;
	size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (length == 1)
		return 1;
	if (first < 0xc2 || first > 0xf4 || size < length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (!is_continuation(data[i]))
			return 0;
	}
	if (first == 0xe0 && second < 0xa0) /* overlong */
		return 0;
	if (first == 0xed && second > 0x9f) /* surrogates */
		return 0;
	if (first == 0xf0 && second < 0x90) /* overlong */
		return 0;
	if (first == 0xf4 && second > 0x8f) /* beyond U+10FFFF */
		return 0;
	return length;
}

size_t text_control_sequence(const char *data, size_t size)
{
	unsigned char first = (unsigned char)data[0];
	unsigned char second = size > 1 ? (unsigned char)data[1] : 0;

	if (first < 0x20 || first == 0x7f)
		return 1;
	return first == 0xc2 && second >= 0x80 && second <= 0x9f ? 2 : 0;
}

/* Unicode 15, general categories Cf, Zl and Zp; ascending. */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0xad, 0xad },
	{ 0x600, 0x605 },
	{ 0x61c, 0x61c },
	{ 0x6dd, 0x6dd },
	{ 0x70f, 0x70f },
	{ 0x890, 0x891 },
	{ 0x8e2, 0x8e2 },
	{ 0x180e, 0x180e },
	{ 0x200b, 0x200f },
	{ 0x2028, 0x202e },
	{ 0x2060, 0x2064 },
	{ 0x2066, 0x206f },
	{ 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb },
	{ 0x110bd, 0x110bd },
	{ 0x110cd, 0x110cd },
	{ 0x13430, 0x1343f },
	{ 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a },
	{ 0xe0001, 0xe0001 },
	{ 0xe0020, 0xe007f },
};

uint32_t text_code_point(const char *data, size_t sequence_size)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)data[0] & first_bits[sequence_size];

	for (size_t i = 1; i < sequence_size; i++)
		code = code << 6 | ((unsigned char)data[i] & 0x3f);
	return code;
}

size_t text_hidden_sequence(const char *data, size_t size)
{
	size_t length;
	uint32_t code;

	/* Most of all text. */
	if ((unsigned char)data[0] >= 0x20 && (unsigned char)data[0] < 0x7f)
		return 0;
	if (text_control_sequence(data, size) > 0)
		return text_control_sequence(data, size);
	length = text_utf8_sequence(data, size);
	code = length > 0 ? text_code_point(data, length) : 0;
	for (size_t i = 0; i < ARRAY_COUNT(hidden) && hidden[i].first <= code; i++)
		if (code <= hidden[i].last)
			return length;
	return 0;
}

/* How many bytes from the start are valid. */
static size_t valid_prefix_size(struct slice text)
{
	size_t size = 0;

	while (size < text.size) {
		size_t length = text_utf8_sequence(text.data + size, text.size - size);

		if (length == 0)
			break;
		size += length;
	}
	return size;
}

bool text_is_utf8(struct slice text)
{
	return valid_prefix_size(text) == text.size;
}

void text_append_utf8_repaired(struct buf *buf, struct slice text)
{
	for (;;) {
		size_t valid = valid_prefix_size(text);

		buf_append(buf, text.data, valid);
		if (valid == text.size)
			return;
		buf_append_text(buf, "\xef\xbf\xbd"); /* U+FFFD */
		text = slice_of(text.data + valid + 1, text.size - valid - 1);
	}
}

struct slice text_utf8_prefix(struct slice text, size_t characters_max)
{
	size_t size = 0;

	for (size_t i = 0; i < characters_max && size < text.size; i++) {
		size++;
		while (size < text.size && is_continuation(text.data[size]))
			size++;
	}
	return slice_of(text.data, size);
}

size_t text_percent_decode(char *data, size_t size, bool plus_is_space)
{
	size_t out = 0;

	for (size_t i = 0; i < size; i++) {
		int high = -1;
		int low = -1;

		if (data[i] == '%' && size - i > 2) {
			high = hex_value(data[i + 1]);
			low = hex_value(data[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			data[out++] = (char)(high << 4 | low);
			i += 2;
		} else {
			data[out++] = plus_is_space && data[i] == '+' ? ' ' : data[i];
		}
	}
	return out;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein, keeping one row of the matrix: row[j] turns the first i of a into the first j of b.
 */
size_t text_edit_distance(const char *a, const char *b)
{
	size_t row[EDIT_DISTANCE_SIZE_MAX + 1];
	size_t a_size = strlen(a);
	size_t b_size = strlen(b);

	if (a_size > EDIT_DISTANCE_SIZE_MAX || b_size > EDIT_DISTANCE_SIZE_MAX)
		return a_size > b_size ? a_size : b_size;
	for (size_t j = 0; j <= b_size; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_size; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_size; j++) {
			size_t above = row[j];
			size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);

			row[j] = smaller(replaced, smaller(above, row[j - 1]) + 1);
			diagonal = above;
		}
	}
	return row[b_size];
}
