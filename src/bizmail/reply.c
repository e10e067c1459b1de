/* SPDX-License-Identifier: MIT */
/*
 * reply.c - permanent or temporary, by the codes of an SMTP reply
 *
 * Two codes count: the reply code of RFC 5321 ("550") and the enhanced status code of RFC 3463
 * ("5.1.1"). They are looked for where servers put them, at the start; further on both together and
 * of one class are believed ("mx said 550 5.1.1 ..."), and an enhanced code alone behind a mark that
 * introduces it ("host: 5.4.4 unrouteable", "unknown (5.1.2)"), because version numbers, counts and
 * addresses look like one of them. A 5 in either code is permanent. Everything else is temporary:
 * never declare an address dead on a guess.
 */
#include "fields.h"

enum {
	REPLY_CODE_SIZE = 3,
	ENHANCED_PART_SIZE_MAX = 3, /* digits of subject and of detail */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* A dot ends a token only as a full stop: "5.1.1. Sorry", but not "5.1.1.9" and not "5.1.1.x". */
static bool is_token_end(struct slice rest)
{
	if (rest.size == 0)
		return true;
	if (rest.data[0] == '.')
		return rest.size == 1 || !is_word(rest.data[1]);
	return !is_word(rest.data[0]);
}

static bool starts_with_reply_code(struct slice text)
{
	if (text.size < REPLY_CODE_SIZE || text.data[0] < '2' || text.data[0] > '5')
		return false;
	return is_digit(text.data[1]) && is_digit(text.data[2]) &&
	       is_token_end(slice_behind(text, REPLY_CODE_SIZE));
}

/* Cuts ".123" off *text. */
static bool enhanced_part_cut(struct slice *text)
{
	size_t size = 0;

	if (text->size == 0 || text->data[0] != '.')
		return false;
	while (size + 1 < text->size && is_digit(text->data[size + 1]))
		size++;
	if (size == 0 || size > ENHANCED_PART_SIZE_MAX)
		return false;
	*text = slice_behind(*text, size + 1);
	return true;
}

static bool starts_with_enhanced_code(struct slice text)
{
	struct slice rest;

	if (text.size == 0 || (text.data[0] != '2' && text.data[0] != '4' && text.data[0] != '5'))
		return false;
	rest = slice_behind(text, 1);
	return enhanced_part_cut(&rest) && enhanced_part_cut(&rest) && is_token_end(rest) &&
	       (rest.size == 0 || rest.data[0] != '-');
}

/* Behind "550", the blank or, in a reply of several lines, the hyphen. */
static struct slice behind_reply_code(struct slice text)
{
	struct slice rest = slice_behind(text, REPLY_CODE_SIZE);

	if (rest.size > 0 && (rest.data[0] == ' ' || rest.data[0] == '-'))
		return slice_behind(rest, 1);
	return rest;
}

static bool is_introduced(struct slice text, size_t at)
{
	while (at > 0 && text.data[at - 1] == ' ')
		at--;
	return at > 0 && memchr(":;,([<", text.data[at - 1], 6) != NULL;
}

/* The class of the first code somewhere in text that can be believed there, or 0. */
static char class_inside(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		struct slice rest = slice_behind(text, i);
		struct slice enhanced;

		if (i > 0 && (is_word(text.data[i - 1]) || text.data[i - 1] == '.'))
			continue;
		if (starts_with_enhanced_code(rest) && is_introduced(text, i))
			return rest.data[0];
		if (!starts_with_reply_code(rest))
			continue;
		enhanced = behind_reply_code(rest);
		if (starts_with_enhanced_code(enhanced) && enhanced.data[0] == rest.data[0])
			return rest.data[0];
	}
	return 0;
}

bool reply_is_permanent(struct slice response)
{
	struct slice text = slice_trim(response);
	bool has_reply_code = starts_with_reply_code(text);

	if (has_reply_code && text.data[0] == '5')
		return true;
	if (has_reply_code)
		text = slice_trim(behind_reply_code(text));
	if (starts_with_enhanced_code(text))
		return text.data[0] == '5';
	return !has_reply_code && class_inside(text) == '5';
}
