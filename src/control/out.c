/* SPDX-License-Identifier: MIT */
#include "out.h"

#include <string.h>

#include "repostal/clock.h"
#include "repostal/text.h"

/* A text always ends in its quote, so the last byte says where we are. */
static void separate(struct buf *out)
{
	if (out->size > 0 && strchr("{[:", out->data[out->size - 1]) == NULL)
		buf_append_char(out, ',');
}

void out_open(struct buf *out, char bracket)
{
	separate(out);
	buf_append_char(out, bracket);
}

void out_close(struct buf *out, char bracket)
{
	buf_append_char(out, bracket);
}

void out_key(struct buf *out, const char *key)
{
	separate(out);
	buf_append_json_string(out, slice_text(key));
	buf_append_char(out, ':');
}

void out_open_at(struct buf *out, const char *key, char bracket)
{
	out_key(out, key);
	buf_append_char(out, bracket);
}

void out_text(struct buf *out, const char *key, struct slice text)
{
	struct buf repaired;

	out_key(out, key);
	if (text_is_utf8(text)) {
		buf_append_json_string(out, text);
		return;
	}
	/* A bad byte becomes three. */
	buf_init(&repaired, text.size * 3);
	text_append_utf8_repaired(&repaired, text);
	buf_append_json_string(out, buf_slice(&repaired));
	buf_free(&repaired);
}

void out_element(struct buf *out, struct slice text)
{
	separate(out);
	buf_append_json_string(out, text);
}

void out_text_or_null(struct buf *out, const char *key, struct slice text)
{
	if (text.size == 0)
		out_null(out, key);
	else
		out_text(out, key, text);
}

void out_int(struct buf *out, const char *key, int64_t number)
{
	out_key(out, key);
	buf_append_int(out, number);
}

void out_bool(struct buf *out, const char *key, bool value)
{
	out_key(out, key);
	buf_append_text(out, value ? "true" : "false");
}

void out_null(struct buf *out, const char *key)
{
	out_key(out, key);
	buf_append_text(out, "null");
}

void out_time_ms(struct buf *out, const char *key, int64_t unix_ms)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_utc(unix_ms, text);
	out_text(out, key, slice_text(text));
}

void out_seconds(struct buf *out, const char *key, int64_t us)
{
	out_key(out, key);
	buf_append_double(out, (double)us / 1e6);
}
