/* SPDX-License-Identifier: MIT */
#include "source_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "repostal/memory.h"

enum {
	NAMES_MAX = 256 /* of one group that are compared; no group has more settings */
};

/* A setting's name, in a group that is still open. */
struct name {
	struct slice text;
	int line;
	int depth;
};

struct scan {
	struct slice rest;
	int line;
	struct buf *out;
	struct problems *problems;
	struct slice word; /* the token before this one, when it is a word; else empty */
	int depth;         /* of groups and lists */
	bool in_mixed;     /* inside of an array that becomes a list */
	struct name *names;
	size_t names_count;
	size_t names_capacity;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool starts_with(struct slice text, const char *prefix)
{
	size_t size = strlen(prefix);

	return text.size >= size && memcmp(text.data, prefix, size) == 0;
}

/* Copies size bytes as they are. */
static void copy(struct scan *scan, size_t size)
{
	for (size_t i = 0; i < size; i++)
		scan->line += scan->rest.data[i] == '\n';
	buf_append(scan->out, scan->rest.data, size);
	scan->rest = slice_of(scan->rest.data + size, scan->rest.size - size);
}

static size_t size_of_line(struct slice text)
{
	const char *end = memchr(text.data, '\n', text.size);

	return end == NULL ? text.size : (size_t)(end - text.data);
}

static bool is_comment(struct slice text)
{
	return text.data[0] == '#' || starts_with(text, "//") || starts_with(text, "/*");
}

static size_t size_of_comment(struct slice text)
{
	if (!starts_with(text, "/*"))
		return size_of_line(text);
	for (size_t i = 2; i + 1 < text.size; i++) {
		if (text.data[i] == '*' && text.data[i + 1] == '/')
			return i + 2;
	}
	return text.size;
}

static size_t size_of_string(struct slice text)
{
	for (size_t i = 1; i < text.size; i++) {
		if (text.data[i] == '\\')
			i++;
		else if (text.data[i] == '"')
			return i + 1;
	}
	return text.size;
}

static size_t size_of_word(struct slice text)
{
	size_t size = 0;

	while (size < text.size && (is_letter(text.data[size]) || is_digit(text.data[size]) ||
					   memchr("*_-", text.data[size], 3) != NULL))
		size++;
	return size;
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	return (c | 0x20) - 'a' + 10;
}

/* The digits at *size on; the largest number when there are too many. */
static int64_t parse_digits(struct slice text, size_t *size, int base)
{
	int64_t number = 0;

	while (*size < text.size && (is_digit(text.data[*size]) || is_letter(text.data[*size])) &&
		digit_value(text.data[*size]) < base) {
		int digit = digit_value(text.data[*size]);

		if (number > (INT64_MAX - digit) / base)
			number = INT64_MAX;
		else
			number = number * base + digit;
		(*size)++;
	}
	return number;
}

/* A fraction or an exponent follows: not a whole number. */
static bool goes_on(struct slice text, size_t size)
{
	return size < text.size &&
	       (text.data[size] == '.' || text.data[size] == 'e' || text.data[size] == 'E');
}

static bool is_hexadecimal(struct slice text)
{
	return starts_with(text, "0x") || starts_with(text, "0X");
}

static void skip_leading_zeros(struct scan *scan)
{
	while (scan->rest.size > 1 && scan->rest.data[0] == '0' && is_digit(scan->rest.data[1])) {
		struct slice next = slice_of(scan->rest.data + 1, scan->rest.size - 1);

		if (is_hexadecimal(next))
			return;
		scan->rest = next;
	}
}

static void copy_number(struct scan *scan)
{
	bool is_hex = is_hexadecimal(scan->rest);
	size_t size = is_hex ? 2 : 0, digits_size;
	int64_t number;

	skip_leading_zeros(scan);
	number = parse_digits(scan->rest, &size, is_hex ? 16 : 10);
	digits_size = size;
	while (size < scan->rest.size && size < digits_size + 2 && scan->rest.data[size] == 'L')
		size++;
	if (goes_on(scan->rest, digits_size) || number <= INT32_MAX) {
		copy(scan, size);
		return;
	}
	buf_append_int(scan->out, number);
	buf_append_text(scan->out, "L");
	scan->rest = slice_of(scan->rest.data + size, scan->rest.size - size);
}

static void copy_fraction(struct scan *scan)
{
	size_t size = 1;

	while (size < scan->rest.size && is_digit(scan->rest.data[size]))
		size++;
	copy(scan, size);
}

static void refuse_character(struct scan *scan)
{
	if (scan->rest.data[0] == '@')
		problems_error(scan->problems, scan->line,
			"@include is not supported: the configuration is one file");
	else
		problems_error(scan->problems, scan->line, "a NUL byte: this is not a text file");
	buf_append_char(scan->out, ' ');
	scan->rest = slice_of(scan->rest.data + 1, scan->rest.size - 1);
}

/* libconfig refuses these itself, but does not say which. */
static void note_name(struct scan *scan)
{
	size_t seen = 0;

	for (size_t i = scan->names_count; i > 0 && scan->names[i - 1].depth == scan->depth; i--) {
		const struct name *name = &scan->names[i - 1];

		seen++;
		if (slice_equal(name->text, scan->word)) {
			problems_error(scan->problems, scan->line,
				"'%.*s' is given twice, first in line %d", (int)scan->word.size,
				scan->word.data, name->line);
			return;
		}
	}
	if (seen == NAMES_MAX)
		return;
	if (scan->names_count == scan->names_capacity) {
		scan->names_capacity = scan->names_capacity * 2 + 64;
		scan->names =
			memory_regrow(scan->names, scan->names_capacity, sizeof(*scan->names));
	}
	scan->names[scan->names_count++] =
		(struct name){ .text = scan->word, .line = scan->line, .depth = scan->depth };
}

static void leave(struct scan *scan)
{
	while (scan->names_count > 0 && scan->names[scan->names_count - 1].depth == scan->depth)
		scan->names_count--;
	scan->depth--;
}

static void note_structure(struct scan *scan, char c)
{
	if ((c == '=' || c == ':') && scan->word.size > 0)
		note_name(scan);
	else if (c == '{' || c == '(' || c == '[')
		scan->depth++;
	else if (c == '}' || c == ')' || c == ']')
		leave(scan);
}

/*
 * An array of texts and other values, such as [ 404, "4xx" ]: libconfig wants them of one kind there, and
 * takes any in a list. text begins with its bracket; a bracket inside of it is an error of syntax, which
 * is libconfig's to tell.
 */
static bool is_mixed_array(struct slice text)
{
	bool has_text = false, has_other = false;
	size_t at = 1;

	while (at < text.size && text.data[at] != ']') {
		struct slice rest = slice_of(text.data + at, text.size - at);

		if (memchr("[(){}=:;", rest.data[0], 8) != NULL)
			return false;
		if (is_comment(rest)) {
			at += size_of_comment(rest);
		} else if (rest.data[0] == '"') {
			has_text = true;
			at += size_of_string(rest);
		} else {
			has_other = has_other || is_digit(rest.data[0]) || is_letter(rest.data[0]);
			at++;
		}
	}
	return at < text.size && has_text && has_other;
}

static void copy_bracket(struct scan *scan)
{
	bool is_open = scan->rest.data[0] == '[';

	if (is_open)
		scan->in_mixed = is_mixed_array(scan->rest);
	if (scan->in_mixed)
		buf_append_char(scan->out, is_open ? '(' : ')');
	else
		buf_append_char(scan->out, scan->rest.data[0]);
	scan->in_mixed = scan->in_mixed && is_open;
	scan->rest = slice_of(scan->rest.data + 1, scan->rest.size - 1);
}

static bool is_blank(struct slice text)
{
	return memchr(" \t\r\n\f", text.data[0], 5) != NULL || is_comment(text);
}

static void copy_token(struct scan *scan)
{
	char c = scan->rest.data[0];

	note_structure(scan, c);
	if (is_letter(c) || c == '*')
		scan->word = slice_of(scan->rest.data, size_of_word(scan->rest));
	else if (!is_blank(scan->rest))
		scan->word = (struct slice){ 0 };
	if (is_comment(scan->rest))
		copy(scan, size_of_comment(scan->rest));
	else if (c == '[' || c == ']')
		copy_bracket(scan);
	else if (c == '"')
		copy(scan, size_of_string(scan->rest));
	else if (is_digit(c))
		copy_number(scan);
	else if (c == '.')
		copy_fraction(scan);
	else if (is_letter(c) || c == '*')
		copy(scan, size_of_word(scan->rest));
	else if (c == '@' || c == '\0')
		refuse_character(scan);
	else
		copy(scan, 1);
}

void source_text_make_safe(struct slice text, struct buf *out, struct problems *problems)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	struct scan scan = { .rest = text, .line = 1, .out = out, .problems = problems };

	/* Some editors put it at the front of every file. */
	if (starts_with(text, byte_order_mark))
		scan.rest = slice_of(text.data + 3, text.size - 3);
	while (scan.rest.size > 0)
		copy_token(&scan);
	free(scan.names);
}
