/* SPDX-License-Identifier: MIT */
/*
 * libh2o takes Transfer-Encoding over Content-Length, the first of several Content-Length, and the
 * last of several Transfer-Encoding and Host. RFC 9112 (sections 3.2 and 6.3) wants such a request
 * refused, or the connection closed after it. Of a chunk it reads the digits and skips all up to the next
 * line feed, any number of carriage returns after the data, and trailers of any form and size.
 */
#include "framing.h"

#include <string.h>

enum {
	CHUNK_DIGITS_MAX = 16,
	LENGTH_DIGITS_MAX = 19
};

struct seen {
	int content_lengths;
	int transfer_encodings;
	int hosts;
	bool upgrade;
	uint64_t length;
	bool is_bad; /* a value that means nothing */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* RFC 9110, section 5.6.2 */
static bool is_token_char(char c)
{
	return is_digit(c) || is_letter(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_control(char c)
{
	return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
}

/* uri-host [ ":" port ] of RFC 3986, without a look at its grammar; it may be empty. */
static bool is_host(struct slice value)
{
	for (size_t i = 0; i < value.size; i++)
		if (!is_digit(value.data[i]) && !is_letter(value.data[i]) &&
			!is_one_of(value.data[i], "-._~%!$&'()*+,;=:[]"))
			return false;
	return true;
}

static bool parse_length(struct slice value, uint64_t *length_out)
{
	uint64_t length = 0;

	if (value.size == 0 || value.size > LENGTH_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < value.size; i++) {
		if (!is_digit(value.data[i]))
			return false;
		length = length * 10 + (uint64_t)(value.data[i] - '0');
	}
	*length_out = length;
	return true;
}

static bool is_upgrade(struct slice name)
{
	return slice_is_nocase(name, "upgrade");
}

static void look_at(struct slice line, struct seen *seen)
{
	struct slice name = slice_cut(&line, ':');
	struct slice value = slice_trim(line);

	if (slice_is_nocase(name, "content-length")) {
		seen->content_lengths++;
		seen->is_bad |= !parse_length(value, &seen->length);
	} else if (slice_is_nocase(name, "transfer-encoding")) {
		seen->transfer_encodings++;
		seen->is_bad |= !slice_is_nocase(value, "chunked");
	} else if (slice_is_nocase(name, "host")) {
		seen->hosts++;
		seen->is_bad |= !is_host(value);
	} else if (is_upgrade(name)) {
		seen->upgrade = true;
	}
}

static bool is_http_1_0(struct slice request_line)
{
	static const char version[] = " HTTP/1.0";
	struct slice line = slice_trim(request_line);
	size_t size = sizeof(version) - 1;

	return line.size > size && memcmp(line.data + line.size - size, version, size) == 0;
}

/* libh2o lets one empty line pass in front of a request. */
static size_t empty_line_size(struct slice bytes)
{
	if (bytes.size > 0 && bytes.data[0] == '\n')
		return 1;
	return bytes.size > 1 && bytes.data[0] == '\r' && bytes.data[1] == '\n' ? 2 : 0;
}

/* The size of the head with its empty line; 0: not all of it is there. */
static size_t find_head_end(struct slice bytes, size_t seen)
{
	size_t from = seen > 2 ? seen - 2 : 0;
	size_t skip = empty_line_size(bytes);
	const char *at;

	if (from < skip)
		from = skip;
	while (from < bytes.size &&
		(at = memchr(bytes.data + from, '\n', bytes.size - from)) != NULL) {
		struct slice rest;

		from = (size_t)(at - bytes.data) + 1;
		rest = slice_of(bytes.data + from, bytes.size - from);
		if (empty_line_size(rest) > 0)
			return from + empty_line_size(rest);
	}
	return 0;
}

static enum framing_state judge_head(struct framing *framing, struct slice head)
{
	size_t skip = empty_line_size(head);
	struct slice rest = slice_of(head.data + skip, head.size - skip);
	struct slice request_line = slice_cut(&rest, '\n');
	struct seen seen = { 0 };

	while (rest.size > 0) {
		struct slice line = slice_cut(&rest, '\n');

		/* A folded line: libh2o joins it to the one before, others take it for a header. */
		if (line.size > 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
			return FRAMING_BROKEN;
		look_at(line, &seen);
	}
	if (seen.is_bad || seen.content_lengths + seen.transfer_encodings > 1 || seen.hosts > 1)
		return FRAMING_BROKEN;
	/* HTTP/1.0 knows no Transfer-Encoding: such a proxy would read to the end of the connection. */
	if (is_http_1_0(request_line) ? seen.transfer_encodings > 0 : seen.hosts == 0)
		return FRAMING_BROKEN;
	framing->left = framing->announced = seen.length;
	framing->asks_upgrade = seen.upgrade;
	if (seen.transfer_encodings > 0)
		return FRAMING_CHUNK_BEGIN;
	return seen.length > 0 ? FRAMING_LENGTH : FRAMING_WHOLE;
}

/* What data brings in allows for what stands around it. */
static enum framing_state begin_data(struct framing *framing)
{
	if (framing->left == 0)
		return FRAMING_TRAILER_BEGIN;
	framing->announced += framing->left;
	if (framing->announced < framing->left)
		framing->announced = UINT64_MAX;
	if (framing->left >= FRAMING_SPARE_MAX ||
		framing->spare + framing->left * FRAMING_SPARE_FOR_BYTE > FRAMING_SPARE_MAX)
		framing->spare = FRAMING_SPARE_MAX;
	else
		framing->spare += framing->left * FRAMING_SPARE_FOR_BYTE;
	return FRAMING_CHUNK_DATA;
}

static enum framing_state take_digit(struct framing *framing, char c)
{
	if (framing->digits == CHUNK_DIGITS_MAX)
		return FRAMING_BROKEN;
	framing->digits++;
	framing->left = framing->left * 16 + (uint64_t)hex_value(c);
	return FRAMING_CHUNK_SIZE;
}

static enum framing_state expect(char c, char wanted, enum framing_state next)
{
	return c == wanted ? next : FRAMING_BROKEN;
}

/* Up to the end of a line: whatever is text. */
static enum framing_state skip_text(char c, enum framing_state here, enum framing_state at_end)
{
	if (c == '\r')
		return at_end;
	return is_control(c) ? FRAMING_BROKEN : here;
}

static enum framing_state after(struct framing *framing, char c)
{
	switch (framing->state) {
	case FRAMING_CHUNK_BEGIN:
		framing->left = 0;
		framing->digits = 0;
		return hex_value(c) < 0 ? FRAMING_BROKEN : take_digit(framing, c);
	case FRAMING_CHUNK_SIZE:
		if (hex_value(c) >= 0)
			return take_digit(framing, c);
		if (c == ';')
			return FRAMING_CHUNK_EXTENSION;
		return expect(c, '\r', FRAMING_CHUNK_SIZE_END);
	case FRAMING_CHUNK_EXTENSION:
		return skip_text(c, FRAMING_CHUNK_EXTENSION, FRAMING_CHUNK_SIZE_END);
	case FRAMING_CHUNK_SIZE_END:
		return c == '\n' ? begin_data(framing) : FRAMING_BROKEN;
	case FRAMING_CHUNK_DATA_END:
		return expect(c, '\r', FRAMING_CHUNK_DATA_LF);
	case FRAMING_CHUNK_DATA_LF:
		return expect(c, '\n', FRAMING_CHUNK_BEGIN);
	case FRAMING_TRAILER_BEGIN:
		if (c == '\r')
			return FRAMING_LAST_LF;
		return is_token_char(c) ? FRAMING_TRAILER_NAME : FRAMING_BROKEN;
	case FRAMING_TRAILER_NAME:
		if (is_token_char(c))
			return FRAMING_TRAILER_NAME;
		return expect(c, ':', FRAMING_TRAILER_VALUE);
	case FRAMING_TRAILER_VALUE:
		return skip_text(c, FRAMING_TRAILER_VALUE, FRAMING_TRAILER_LF);
	case FRAMING_TRAILER_LF:
		return expect(c, '\n', FRAMING_TRAILER_BEGIN);
	case FRAMING_LAST_LF:
		return expect(c, '\n', FRAMING_WHOLE);
	case FRAMING_HEAD:
	case FRAMING_LENGTH:
	case FRAMING_CHUNK_DATA:
	case FRAMING_WHOLE:
	case FRAMING_BROKEN:
		break;
	}
	return framing->state; /* not reached: framing_take() keeps them away */
}

/* Returns how many bytes of data were there. */
static size_t take_data(struct framing *framing, size_t size)
{
	size_t taken = size < framing->left ? size : (size_t)framing->left;

	framing->left -= taken;
	if (framing->left == 0)
		framing->state =
			framing->state == FRAMING_LENGTH ? FRAMING_WHOLE : FRAMING_CHUNK_DATA_END;
	return taken;
}

void framing_begin(struct framing *framing)
{
	*framing = (struct framing){ .state = FRAMING_HEAD, .spare = FRAMING_SPARE_MAX };
}

size_t framing_take(struct framing *framing, struct slice bytes, size_t seen)
{
	size_t at = seen;

	if (framing->state == FRAMING_HEAD) {
		framing->head_size = find_head_end(bytes, seen);
		if (framing->head_size == 0)
			return bytes.size;
		framing->state = judge_head(framing, slice_of(bytes.data, framing->head_size));
		at = framing->head_size;
	}
	while (at < bytes.size && framing_awaits_body(framing)) {
		if (framing->state == FRAMING_LENGTH || framing->state == FRAMING_CHUNK_DATA) {
			at += take_data(framing, bytes.size - at);
			continue;
		}
		framing->state =
			framing->spare == 0 ? FRAMING_BROKEN : after(framing, bytes.data[at]);
		framing->spare -= framing->spare > 0;
		at++;
	}
	return framing->state == FRAMING_WHOLE ? at : bytes.size;
}

bool framing_awaits_body(const struct framing *framing)
{
	return framing->state != FRAMING_HEAD && framing->state != FRAMING_WHOLE &&
	       framing->state != FRAMING_BROKEN;
}

static bool is_body_or_upgrade(struct slice name)
{
	return is_upgrade(name) || slice_is_nocase(name, "content-length") ||
	       slice_is_nocase(name, "transfer-encoding");
}

static void hide(char *head, size_t size, bool (*is_hidden)(struct slice name))
{
	struct slice rest = slice_of(head, size);

	while (rest.size > 0) {
		size_t at = (size_t)(rest.data - head);
		struct slice line = slice_cut(&rest, '\n');

		if (is_hidden(slice_cut(&line, ':')))
			head[at] = 'x';
	}
}

void framing_hide_body(char *head, size_t size)
{
	hide(head, size, is_body_or_upgrade);
}

void framing_hide_upgrade(char *head, size_t size)
{
	hide(head, size, is_upgrade);
}
