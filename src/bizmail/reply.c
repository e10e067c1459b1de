/* SPDX-License-Identifier: MIT */
/*
 * reply.c - permanent or temporary, by the codes of an SMTP reply
 *
 * Two codes count: the reply code of RFC 5321 ("550") and the enhanced status code of RFC 3463
 * ("5.1.1"). The order of belief, which is Postal's own too:
 *
 * 1. a reply code at the very start decides alone, whatever enhanced code follows it;
 * 2. without one, an enhanced code at the start;
 * 3. without either, the first code after a mark that a machine writes: "smtp;", "said:", a '#' directly
 *    before an enhanced code ("(#5.1.2)"), or a reply code directly followed by an enhanced code of
 *    its class ("mx said 550 5.1.1"). Anything else that looks like a code may be a version, a date, a
 *    count or an address with its digits masked.
 *
 * Of the 5xx codes 50x and 53x are about the session or the sender (syntax, STARTTLS, authentication), not
 * the recipient: temporary, unless an enhanced code 5.1.x (bad address) follows directly. Without any
 * code the reply is temporary: never declare an address dead on a guess.
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
	for (int part = 0; part < 2; part++)
		if (!enhanced_part_cut(&rest))
			return false;
	return is_token_end(rest) && (rest.size == 0 || rest.data[0] != '-');
}

/* After "550" and the blank or, in a reply of several lines, the hyphen. */
static struct slice after_reply_code(struct slice text)
{
	struct slice rest = slice_behind(text, REPLY_CODE_SIZE);

	if (rest.size > 0 && (rest.data[0] == ' ' || rest.data[0] == '-'))
		return slice_behind(rest, 1);
	return rest;
}

/* text starts with a reply code. */
static bool reply_code_is_permanent(struct slice text)
{
	struct slice enhanced = after_reply_code(text);

	if (text.data[0] != '5')
		return false;
	if (text.data[1] != '0' && text.data[1] != '3')
		return true;
	return starts_with_enhanced_code(enhanced) && enhanced.size >= 3 &&
	       memcmp(enhanced.data, "5.1", 3) == 0 && enhanced.data[3] == '.';
}

static bool ends_nocase(struct slice text, const char *ending)
{
	size_t size = strlen(ending);

	return text.size >= size &&
	       slice_is_nocase(slice_of(text.data + text.size - size, size), ending);
}

/* What a machine writes before a code that it quotes. */
static bool is_marked(struct slice before)
{
	while (before.size > 0 && before.data[before.size - 1] == ' ')
		before.size--;
	return ends_nocase(before, "smtp;") || ends_nocase(before, "said:");
}

/* Whether text starts with a code that can be believed after before; then *permanent_out is what it says. */
static bool believe_inside(struct slice before, struct slice text, bool *permanent_out)
{
	bool has_reply_code = starts_with_reply_code(text);
	bool has_enhanced_code = starts_with_enhanced_code(text);
	struct slice enhanced;

	if (!has_reply_code && !has_enhanced_code)
		return false;
	*permanent_out = has_reply_code ? reply_code_is_permanent(text) : text.data[0] == '5';
	if (is_marked(before))
		return true;
	if (has_enhanced_code)
		return ends_nocase(before, "#");
	enhanced = after_reply_code(text);
	return starts_with_enhanced_code(enhanced) && enhanced.data[0] == text.data[0];
}

/* False also when no code can be believed. */
static bool is_permanent_inside(struct slice text)
{
	bool permanent;

	for (size_t i = 1; i < text.size; i++) {
		if (is_word(text.data[i - 1]) || text.data[i - 1] == '.')
			continue;
		if (believe_inside(slice_of(text.data, i), slice_behind(text, i), &permanent))
			return permanent;
	}
	return false;
}

bool reply_is_permanent(struct slice response)
{
	struct slice text = slice_trim(response);

	if (starts_with_reply_code(text))
		return reply_code_is_permanent(text);
	if (starts_with_enhanced_code(text))
		return text.data[0] == '5';
	return is_permanent_inside(text);
}
