/* SPDX-License-Identifier: MIT */
/*
 * The functions read as the grammar of RFC 8259: each takes what it names off the text, or returns false and
 * leaves *rest where it stopped.
 */
#include "json_scan.h"

#include <stdint.h>
#include <string.h>

enum {
	HEX_DIGITS = 4,
	UNICODE_ESCAPE_SIZE = 6, /* \u1234 */
	SURROGATE_MIN = 0xd800,
	SURROGATE_LOW_MIN = 0xdc00,
	SURROGATE_MAX = 0xdfff,
	REPLACEMENT = 0xfffd,
};

static bool take(struct slice *rest, char c)
{
	if (rest->size == 0 || rest->data[0] != c)
		return false;
	*rest = slice_of(rest->data + 1, rest->size - 1);
	return true;
}

static bool starts_with(const struct slice *rest, char c)
{
	return rest->size > 0 && rest->data[0] == c;
}

static void skip_space(struct slice *rest)
{
	while (take(rest, ' ') || take(rest, '\n') || take(rest, '\r') || take(rest, '\t'))
		continue;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool scan_digits(struct slice *rest)
{
	size_t count = 0;

	while (count < rest->size && is_digit(rest->data[count]))
		count++;
	*rest = slice_of(rest->data + count, rest->size - count);
	return count > 0;
}

static bool scan_number(struct slice *rest)
{
	(void)take(rest, '-');
	if (!take(rest, '0') && !scan_digits(rest))
		return false;
	if (take(rest, '.') && !scan_digits(rest))
		return false;
	if (!take(rest, 'e') && !take(rest, 'E'))
		return true;
	if (!take(rest, '+'))
		(void)take(rest, '-');
	return scan_digits(rest);
}

/* The character after a backslash, and the digits of a \u. */
static bool scan_escape(struct slice *rest)
{
	char c;

	if (rest->size == 0)
		return false;
	c = rest->data[0];
	*rest = slice_of(rest->data + 1, rest->size - 1);
	if (c != 'u')
		return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
	for (int i = 0; i < HEX_DIGITS; i++) {
		if (rest->size == 0 || hex_digit(rest->data[0]) < 0)
			return false;
		*rest = slice_of(rest->data + 1, rest->size - 1);
	}
	return true;
}

static bool scan_string(struct slice *rest, struct slice *contents_out)
{
	const char *start;

	if (!take(rest, '"'))
		return false;
	start = rest->data;
	while (rest->size > 0) {
		char c = rest->data[0];

		if (c == '"') {
			*contents_out = slice_of(start, (size_t)(rest->data - start));
			return take(rest, '"');
		}
		if ((unsigned char)c < 0x20)
			return false;
		*rest = slice_of(rest->data + 1, rest->size - 1);
		if (c == '\\' && !scan_escape(rest))
			return false;
	}
	return false;
}

static bool scan_word(struct slice *rest, const char *word)
{
	size_t size = strlen(word);

	if (rest->size < size || memcmp(rest->data, word, size) != 0)
		return false;
	*rest = slice_of(rest->data + size, rest->size - size);
	return true;
}

static bool scan_value(struct slice *rest, int depth);

static bool scan_elements(struct slice *rest, int depth)
{
	skip_space(rest);
	if (take(rest, ']'))
		return true;
	for (;;) {
		skip_space(rest);
		if (!scan_value(rest, depth))
			return false;
		skip_space(rest);
		if (take(rest, ']'))
			return true;
		if (!take(rest, ','))
			return false;
	}
}

static bool scan_name(struct slice *rest, struct slice *name_out)
{
	skip_space(rest);
	if (!scan_string(rest, name_out))
		return false;
	skip_space(rest);
	if (!take(rest, ':'))
		return false;
	skip_space(rest);
	return true;
}

static bool scan_members(struct slice *rest, int depth)
{
	struct slice unused;

	skip_space(rest);
	if (take(rest, '}'))
		return true;
	for (;;) {
		if (!scan_name(rest, &unused) || !scan_value(rest, depth))
			return false;
		skip_space(rest);
		if (take(rest, '}'))
			return true;
		if (!take(rest, ','))
			return false;
	}
}

/* depth: of what the value stands in. */
static bool scan_value(struct slice *rest, int depth)
{
	struct slice unused;

	if (starts_with(rest, '"'))
		return scan_string(rest, &unused);
	if (starts_with(rest, '{') || starts_with(rest, '[')) {
		if (depth >= JSON_SCAN_DEPTH_MAX)
			return false;
		return take(rest, '{') ? scan_members(rest, depth + 1)
				       : take(rest, '[') && scan_elements(rest, depth + 1);
	}
	if (starts_with(rest, 't'))
		return scan_word(rest, "true");
	if (starts_with(rest, 'f'))
		return scan_word(rest, "false");
	if (starts_with(rest, 'n'))
		return scan_word(rest, "null");
	return scan_number(rest);
}

static bool scan_member(struct slice *rest, struct json_scan_member *member)
{
	const char *start;

	if (!scan_name(rest, &member->name))
		return false;
	start = rest->data;
	if (starts_with(rest, '"')) {
		member->kind = JSON_SCAN_STRING;
		return scan_string(rest, &member->value);
	}
	member->kind = rest->size > 0 && (is_digit(rest->data[0]) || rest->data[0] == '-')
			       ? JSON_SCAN_NUMBER
			       : JSON_SCAN_OTHER;
	if (!scan_value(rest, 1))
		return false;
	member->value = slice_of(start, (size_t)(rest->data - start));
	return true;
}

static bool scan_object(struct slice *rest,
	void (*on_member)(void *context, const struct json_scan_member *member), void *context)
{
	struct json_scan_member member;

	skip_space(rest);
	if (take(rest, '}'))
		return true;
	for (;;) {
		if (!scan_member(rest, &member))
			return false;
		on_member(context, &member);
		skip_space(rest);
		if (take(rest, '}'))
			return true;
		if (!take(rest, ','))
			return false;
	}
}

static int line_of(struct slice text, const char *at)
{
	int line = 1;

	for (const char *c = text.data; c < at; c++)
		line += *c == '\n';
	return line;
}

enum json_scan_result json_scan(struct slice text,
	void (*on_member)(void *context, const struct json_scan_member *member), void *context,
	int *line_out)
{
	struct slice rest = text;
	bool is_object;
	bool is_valid;

	skip_space(&rest);
	is_object = take(&rest, '{');
	is_valid = is_object ? scan_object(&rest, on_member, context) : scan_value(&rest, 0);
	if (is_valid)
		skip_space(&rest);
	if (!is_valid || rest.size > 0) {
		*line_out = line_of(text, rest.data);
		return JSON_SCAN_INVALID;
	}
	return is_object ? JSON_SCAN_OBJECT : JSON_SCAN_NO_OBJECT;
}

/* Of an escape that was scanned. */
static uint32_t code_unit(const char *escape)
{
	uint32_t unit = 0;

	for (int i = 2; i < UNICODE_ESCAPE_SIZE; i++)
		unit = unit << 4 | (uint32_t)hex_digit(escape[i]);
	return unit;
}

/* A \u escape, or the pair of two; returns how many bytes of the text it takes. */
static size_t decode_code_point(struct slice text, uint32_t *code_out)
{
	uint32_t high = code_unit(text.data);
	uint32_t low;

	*code_out = high;
	if (high < SURROGATE_MIN || high > SURROGATE_MAX)
		return UNICODE_ESCAPE_SIZE;
	*code_out = REPLACEMENT;
	if (high >= SURROGATE_LOW_MIN || text.size < 2 * UNICODE_ESCAPE_SIZE ||
		memcmp(text.data + UNICODE_ESCAPE_SIZE, "\\u", 2) != 0)
		return UNICODE_ESCAPE_SIZE;
	low = code_unit(text.data + UNICODE_ESCAPE_SIZE);
	if (low < SURROGATE_LOW_MIN || low > SURROGATE_MAX)
		return UNICODE_ESCAPE_SIZE;
	*code_out = 0x10000 + ((high - SURROGATE_MIN) << 10 | (low - SURROGATE_LOW_MIN));
	return 2 * UNICODE_ESCAPE_SIZE;
}

static size_t encode_utf8(uint32_t code, char *out)
{
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = size; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(first[size] | code);
	return size;
}

static char simple_escape(char letter)
{
	static const char pairs[] = "b\bf\fn\nr\rt\t"; /* letter and byte */

	for (size_t i = 0; i < sizeof(pairs) - 1; i += 2)
		if (pairs[i] == letter)
			return pairs[i + 1];
	return letter;
}

size_t json_scan_decode(struct slice contents, char *out)
{
	size_t size = 0;

	for (size_t i = 0; i < contents.size;) {
		struct slice rest = slice_of(contents.data + i, contents.size - i);
		uint32_t code;

		if (rest.data[0] != '\\') {
			out[size++] = rest.data[0];
			i++;
		} else if (rest.data[1] != 'u') {
			out[size++] = simple_escape(rest.data[1]);
			i += 2;
		} else {
			i += decode_code_point(rest, &code);
			size += encode_utf8(code, out + size);
		}
	}
	return size;
}
