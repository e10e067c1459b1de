/* SPDX-License-Identifier: MIT */
/*
 * repair.c - JSON whose only fault are some bytes
 *
 * SMTP replies come from foreign servers and hold Latin-1, halves of surrogate pairs and control
 * characters; senders copy them into JSON without a look. A strict parser would lose the event for
 * one such byte. What is broken in the grammar itself stays as it is, for the parser to refuse.
 *
 * The text is cut into steps: a character, or an escape. A step of size 0 is one that needs repair.
 */
#include "fields.h"

#include "repostal/bizmail.h"
#include "repostal/buf.h"
#include "repostal/memory.h"
#include "repostal/text.h"

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"
#define REPLACEMENT "\xEF\xBF\xBD"

enum {
	UNICODE_ESCAPE_SIZE = 6, /* \u1234 */
	SURROGATE_PAIR_SIZE = 2 * UNICODE_ESCAPE_SIZE,
	GROWTH_MAX = 6,         /* one control character becomes \u0001 */
	SURROGATE_MIN = 0xd800, /* the high half, the first of a pair */
	SURROGATE_LOW_MIN = 0xdc00,
	SURROGATE_MAX = 0xdfff,
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The code unit of a \uXXXX at data, or -1. */
static int unicode_escape(const char *data, size_t size)
{
	int unit = 0;

	if (size < UNICODE_ESCAPE_SIZE || data[0] != '\\' || data[1] != 'u')
		return -1;
	for (size_t i = 2; i < UNICODE_ESCAPE_SIZE; i++) {
		int digit = hex_digit(data[i]);

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20;
}

/* data starts with a backslash, inside a string. */
static size_t escape_step(const char *data, size_t size)
{
	int unit = unicode_escape(data, size);
	int next;

	if (unit < 0) {
		if (size < 2 || (unsigned char)data[1] >= 0x80)
			return 1;
		return is_control(data[1]) ? 0 : 2;
	}
	if (unit < SURROGATE_MIN || unit > SURROGATE_MAX)
		return UNICODE_ESCAPE_SIZE;
	if (unit >= SURROGATE_LOW_MIN)
		return 0;
	next = unicode_escape(data + UNICODE_ESCAPE_SIZE, size - UNICODE_ESCAPE_SIZE);
	if (next < SURROGATE_LOW_MIN || next > SURROGATE_MAX)
		return 0;
	return SURROGATE_PAIR_SIZE;
}

/* How many bytes from data on need no repair. */
static size_t clean_size(const char *data, size_t size, bool *in_string)
{
	size_t done = 0;

	while (done < size) {
		char c = data[done];
		size_t step = 1;

		if ((unsigned char)c >= 0x80)
			step = text_utf8_sequence(data + done, size - done);
		else if (c == '"')
			*in_string = !*in_string;
		else if (*in_string && c == '\\')
			step = escape_step(data + done, size - done);
		else if (*in_string && is_control(c))
			step = 0;
		if (step == 0)
			break;
		done += step;
	}
	return done;
}

static void append_control_escape(struct buf *out, char control)
{
	static const char digits[] = "0123456789abcdef";
	const char escape[UNICODE_ESCAPE_SIZE] = { '\\', 'u', '0', '0', digits[control >> 4],
		digits[control & 0xf] };

	buf_append(out, escape, sizeof(escape));
}

/* Mends the one step that clean_size() stopped at; returns its size. */
static size_t repair_step(struct buf *out, const char *data, size_t size)
{
	if (is_control(data[0])) {
		append_control_escape(out, data[0]);
		return 1;
	}
	if (data[0] != '\\') {
		buf_append_text(out, REPLACEMENT);
		return 1;
	}
	if (unicode_escape(data, size) < 0) {
		/* A backslash before a control character, which is mended next, escapes nothing. */
		buf_append_text(out, "\\\\");
		return 1;
	}
	buf_append_text(out, "\\ufffd");
	return UNICODE_ESCAPE_SIZE;
}

struct slice json_without_byte_order_mark(struct slice body)
{
	if (slice_starts_nocase(body, BYTE_ORDER_MARK))
		return slice_behind(body, strlen(BYTE_ORDER_MARK));
	return body;
}

struct slice bizmail_json_repair(struct slice body, char **repaired_out)
{
	struct slice rest = json_without_byte_order_mark(body);
	bool in_string = false;
	struct buf out;
	size_t size;

	*repaired_out = NULL;
	size = clean_size(rest.data, rest.size, &in_string);
	if (size == rest.size)
		return rest;

	buf_init(&out, rest.size * GROWTH_MAX);
	for (;;) {
		buf_append(&out, rest.data, size);
		rest = slice_behind(rest, size);
		if (rest.size == 0)
			break;
		size = repair_step(&out, rest.data, rest.size);
		rest = slice_behind(rest, size);
		size = clean_size(rest.data, rest.size, &in_string);
	}
	REPOSTAL_ASSERT(!out.overflowed);
	size = out.size;
	*repaired_out = buf_take(&out);
	return slice_of(*repaired_out, size);
}
