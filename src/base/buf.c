/* SPDX-License-Identifier: MIT */
#include "repostal/buf.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "repostal/memory.h"
#include "repostal/text.h"

enum {
	BUF_CAPACITY_MIN = 64,
	DOUBLE_TEXT_SIZE = 32
};

void buf_init(struct buf *buf, size_t size_max)
{
	REPOSTAL_ASSERT(size_max < SIZE_MAX / 2);
	*buf = (struct buf){ .size_max = size_max };
}

/* Makes capacity for size more bytes and the NUL; doubles, so that appending stays linear. */
static bool make_room(struct buf *buf, size_t size)
{
	size_t capacity = buf->capacity < BUF_CAPACITY_MIN ? BUF_CAPACITY_MIN : buf->capacity;

	if (size > buf->size_max - buf->size) {
		buf->overflowed = true;
		return false;
	}
	if (buf->data != NULL && buf->size + size < buf->capacity)
		return true;
	while (capacity <= buf->size + size)
		capacity *= 2;
	if (capacity > buf->size_max + 1)
		capacity = buf->size_max + 1;
	buf->data = memory_regrow(buf->data, capacity, 1);
	buf->capacity = capacity;
	buf->data[buf->size] = '\0';
	return true;
}

bool buf_append(struct buf *buf, const void *data, size_t size)
{
	if (!make_room(buf, size))
		return false;
	if (size > 0)
		memcpy(buf->data + buf->size, data, size);
	buf->size += size;
	buf->data[buf->size] = '\0';
	return true;
}

bool buf_append_text(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

bool buf_append_slice(struct buf *buf, struct slice slice)
{
	return buf_append(buf, slice.data, slice.size);
}

bool buf_append_char(struct buf *buf, char c)
{
	return buf_append(buf, &c, 1);
}

bool buf_append_int(struct buf *buf, int64_t number)
{
	return buf_printf(buf, "%" PRId64, number);
}

bool buf_append_double(struct buf *buf, double number)
{
	char text[DOUBLE_TEXT_SIZE];
	locale_t c_locale;
	locale_t previous;

	if (isnan(number))
		return buf_append_text(buf, "NaN");
	if (isinf(number))
		return buf_append_text(buf, number > 0 ? "+Inf" : "-Inf");
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	REPOSTAL_ASSERT(c_locale != (locale_t)0);
	previous = uselocale(c_locale);
	/* Fifteen digits survive every round trip, seventeen tell any two numbers apart. */
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	uselocale(previous);
	freelocale(c_locale);
	return buf_append_text(buf, text);
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
	va_list arguments;
	va_list again;
	int size;
	bool fits;

	va_start(arguments, format);
	va_copy(again, arguments);
	size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	REPOSTAL_ASSERT(size >= 0);
	fits = make_room(buf, (size_t)size);
	if (fits) {
		(void)vsnprintf(buf->data + buf->size, (size_t)size + 1, format, again);
		buf->size += (size_t)size;
	}
	va_end(again);
	return fits;
}

char *buf_reserve(struct buf *buf, size_t size)
{
	return make_room(buf, size) ? buf->data + buf->size : NULL;
}

void buf_commit(struct buf *buf, size_t size)
{
	REPOSTAL_ASSERT(size < buf->capacity - buf->size);
	buf->size += size;
	buf->data[buf->size] = '\0';
}

struct slice buf_slice(const struct buf *buf)
{
	return slice_of(buf->data, buf->size);
}

void buf_reset(struct buf *buf)
{
	buf->size = 0;
	buf->overflowed = false;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

char *buf_take(struct buf *buf)
{
	char *data = buf->data == NULL ? memory_copy_text("") : buf->data;

	buf_init(buf, buf->size_max);
	return data;
}

void buf_free(struct buf *buf)
{
	free(buf->data);
	buf_init(buf, buf->size_max);
}

bool buf_append_unicode_escape(struct buf *buf, uint32_t code)
{
	if (code < 0x10000)
		return buf_printf(buf, "\\u%04x", (unsigned)code);
	return buf_printf(buf, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (code >> 10)),
		(unsigned)(0xdc00 | (code & 0x3ff)));
}

static bool append_control(struct buf *buf, const char *data, size_t size)
{
	switch (data[0]) {
	case '\n':
		return buf_append_text(buf, "\\n");
	case '\r':
		return buf_append_text(buf, "\\r");
	case '\t':
		return buf_append_text(buf, "\\t");
	}
	return buf_append_unicode_escape(buf, text_code_point(data, size));
}

static bool append_json_contents(struct buf *buf, struct slice text)
{
	size_t plain = 0; /* start of the bytes that need no escape */

	for (size_t i = 0; i < text.size;) {
		size_t size = text_hidden_sequence(text.data + i, text.size - i);
		bool quoted = text.data[i] == '"' || text.data[i] == '\\';

		if (size == 0 && !quoted) {
			i++;
			continue;
		}
		if (!buf_append(buf, text.data + plain, i - plain))
			return false;
		if (quoted) {
			if (!buf_append_char(buf, '\\'))
				return false;
			plain = i++;
			continue;
		}
		if (!append_control(buf, text.data + i, size))
			return false;
		i += size;
		plain = i;
	}
	return plain == text.size || buf_append(buf, text.data + plain, text.size - plain);
}

bool buf_append_json_string(struct buf *buf, struct slice text)
{
	size_t size_before = buf->size;

	if (buf_append_char(buf, '"') && append_json_contents(buf, text) &&
		buf_append_char(buf, '"'))
		return true;
	buf->size = size_before;
	if (buf->data != NULL)
		buf->data[size_before] = '\0';
	return false;
}
