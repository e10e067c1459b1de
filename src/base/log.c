/* SPDX-License-Identifier: MIT */
#include "repostal/log.h"

#include <math.h>
#include <stdatomic.h>
#include <unistd.h>

#include "repostal/buf.h"
#include "repostal/clock.h"
#include "repostal/error.h"
#include "repostal/memory.h"
#include "repostal/text.h"

/*
 * A value as long as an error text is shown whole. Escaping makes six bytes of one at most, so that
 * one value always fits the line.
 */
enum {
	LINE_SIZE_MAX = 4096,
	LINE_END_SIZE_MAX = 32,
	VALUE_SIZE_MAX = ERROR_TEXT_SIZE
};

static _Atomic int level_wanted = LOG_LEVEL_INFO;
static _Atomic int format_wanted = LOG_FORMAT_TEXT;

void log_configure(const struct log_settings *settings)
{
	atomic_store_explicit(&level_wanted, (int)settings->level, memory_order_relaxed);
	atomic_store_explicit(&format_wanted, (int)settings->format, memory_order_relaxed);
}

bool log_wants(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&level_wanted, memory_order_relaxed);
}

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_DEBUG:
		return "debug";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_WARN:
		return "warn";
	case LOG_LEVEL_ERROR:
		return "error";
	}
	return "error"; /* not reached */
}

/* Valid UTF-8 of bounded size, with dots where something was cut off. */
static void append_readable(struct buf *out, struct slice value)
{
	size_t size = value.size;

	if (size > VALUE_SIZE_MAX) {
		/* Not through the middle of a character, which has four bytes at most. */
		size = VALUE_SIZE_MAX;
		while (size > VALUE_SIZE_MAX - 3 &&
			((unsigned char)value.data[size] & 0xc0) == 0x80)
			size--;
	}
	text_append_utf8_repaired(out, slice_of(value.data, size));
	if (size < value.size)
		buf_append_text(out, "...");
}

/*
 * As a JSON string, which the text format needs only where a reader could take the bare value for
 * something else.
 */
static void append_text_value(struct buf *field, enum log_format format, struct slice value)
{
	struct buf readable;
	struct buf quoted;
	bool bare;

	buf_init(&readable, LINE_SIZE_MAX);
	buf_init(&quoted, LINE_SIZE_MAX);
	append_readable(&readable, value);
	buf_append_json_string(&quoted, buf_slice(&readable));
	bare = format == LOG_FORMAT_TEXT && readable.size > 0 &&
	       quoted.size == readable.size + 2 && /* nothing had to be escaped */
	       memchr(readable.data, ' ', readable.size) == NULL &&
	       memchr(readable.data, '=', readable.size) == NULL;
	buf_append_slice(field, buf_slice(bare ? &readable : &quoted));
	buf_free(&quoted);
	buf_free(&readable);
}

static void append_value(struct buf *out, enum log_format format, const struct log_field *field)
{
	switch (field->kind) {
	case LOG_FIELD_TEXT:
		append_text_value(out, format, field->text);
		break;
	case LOG_FIELD_INT:
		buf_append_int(out, field->number);
		break;
	case LOG_FIELD_DOUBLE:
		if (format == LOG_FORMAT_JSON && !isfinite(field->real))
			buf_append_text(out, "null");
		else
			buf_append_double(out, field->real);
		break;
	}
}

static void append_head(
	struct buf *line, enum log_format format, enum log_level level, const char *event)
{
	char time[CLOCK_TEXT_SIZE];

	clock_format_utc(clock_unix_ms(), time);
	if (format == LOG_FORMAT_JSON)
		buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", time,
			level_name(level), event);
	else
		buf_printf(line, "%s %s %s", time, level_name(level), event);
}

/* False: there is no room for this field, nor for those behind it. */
static bool append_field(struct buf *line, enum log_format format, const struct log_field *field)
{
	struct buf text;
	bool fits;

	buf_init(&text, LINE_SIZE_MAX);
	buf_printf(&text, format == LOG_FORMAT_JSON ? ",\"%s\":" : " %s=", field->name);
	append_value(&text, format, field);
	fits = !text.overflowed && line->size + text.size <= LINE_SIZE_MAX - LINE_END_SIZE_MAX;
	if (fits)
		buf_append_slice(line, buf_slice(&text));
	buf_free(&text);
	return fits;
}

void log_write(
	enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	enum log_format format =
		(enum log_format)atomic_load_explicit(&format_wanted, memory_order_relaxed);
	bool whole = true;
	struct buf line;
	ssize_t written;

	if (!log_wants(level))
		return;
	buf_init(&line, LINE_SIZE_MAX);
	append_head(&line, format, level, event);
	for (size_t i = 0; i < count && whole; i++)
		whole = append_field(&line, format, &fields[i]);
	if (!whole)
		buf_append_text(
			&line, format == LOG_FORMAT_JSON ? ",\"truncated\":1" : " truncated=1");
	buf_append_text(&line, format == LOG_FORMAT_JSON ? "}\n" : "\n");
	written = write(STDERR_FILENO, line.data, line.size);
	(void)written;
	buf_free(&line);
}

bool log_limit_pass(
	struct log_limit *limit, int64_t monotonic_ms, int32_t per_second, int64_t *missed)
{
	int64_t second = monotonic_ms / 1000;

	if (second != limit->second) {
		limit->second = second;
		limit->written = 0;
	}
	if (limit->written >= per_second) {
		limit->missed++;
		return false;
	}
	limit->written++;
	*missed = limit->missed;
	limit->missed = 0;
	return true;
}
