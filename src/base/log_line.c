/* SPDX-License-Identifier: MIT */
#include "log_line.h"

#include <string.h>

#include "log_queue.h"
#include "repostal/clock.h"
#include "repostal/error.h"
#include "repostal/text.h"

/*
 * A value as long as an error text is shown whole. Escaping makes six bytes of one at most, so that
 * one value always fits the line.
 */
enum {
	LINE_END_SIZE_MAX = 32,
	VALUE_SIZE_MAX = ERROR_TEXT_SIZE
};

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

const char *log_line_priority(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_DEBUG:
		return "<7>";
	case LOG_LEVEL_INFO:
		return "<6>";
	case LOG_LEVEL_WARN:
		return "<4>";
	case LOG_LEVEL_ERROR:
		return "<3>";
	}
	return "<3>"; /* not reached */
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

	buf_init(&readable, LOG_LINE_SIZE_MAX);
	buf_init(&quoted, LOG_LINE_SIZE_MAX);
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
	}
}

void log_line_begin(struct log_line *line, enum log_format format, bool for_journal,
	enum log_level level, const char *event, int64_t unix_ms)
{
	char time[CLOCK_TEXT_SIZE];

	*line = (struct log_line){ .format = format };
	buf_init(&line->text, LOG_LINE_SIZE_MAX);
	clock_format_utc(unix_ms, time);
	if (for_journal)
		buf_append_text(&line->text, log_line_priority(level));
	if (format == LOG_FORMAT_JSON)
		buf_printf(&line->text, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", time,
			level_name(level), event);
	else if (for_journal)
		buf_printf(&line->text, "%s %s", level_name(level), event);
	else
		buf_printf(&line->text, "%s %s %s", time, level_name(level), event);
}

/* False: there is no room for this field, nor for those behind it. */
static bool append_field(struct log_line *line, const struct log_field *field)
{
	struct buf text;
	bool fits;

	buf_init(&text, LOG_LINE_SIZE_MAX);
	buf_printf(&text, line->format == LOG_FORMAT_JSON ? ",\"%s\":" : " %s=", field->name);
	append_value(&text, line->format, field);
	fits = !text.overflowed &&
	       line->text.size + text.size <= LOG_LINE_SIZE_MAX - LINE_END_SIZE_MAX;
	if (fits)
		buf_append_slice(&line->text, buf_slice(&text));
	buf_free(&text);
	return fits;
}

void log_line_add(struct log_line *line, const struct log_field *fields, size_t count)
{
	for (size_t i = 0; i < count && !line->is_cut; i++)
		line->is_cut = !append_field(line, &fields[i]);
}

struct slice log_line_end(struct log_line *line)
{
	bool is_json = line->format == LOG_FORMAT_JSON;

	if (line->is_cut)
		buf_append_text(&line->text, is_json ? ",\"truncated\":1" : " truncated=1");
	buf_append_text(&line->text, is_json ? "}\n" : "\n");
	return buf_slice(&line->text);
}

void log_line_free(struct log_line *line)
{
	buf_free(&line->text);
}
