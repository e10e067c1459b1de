/* SPDX-License-Identifier: MIT */
#include "json_values.h"

#include <stdbool.h>

enum {
	DEPTH_MAX = 64, /* also keeps the work linear: nothing is scanned more often than this */
};

struct scan {
	int depth;
	bool in_string;
	bool wants_more; /* the last character in sight lets a value follow: one of , : [ */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Moves to the offset and counts the lines on the way. */
static void advance(struct json_values *values, size_t to)
{
	for (; values->at < to; values->at++)
		if (values->text.data[values->at] == '\n')
			values->line++;
}

/* The next line that begins with '{', or the end of the text. */
static size_t next_object_line(struct slice text, size_t at)
{
	for (at++; at < text.size; at++)
		if (text.data[at] == '{' && text.data[at - 1] == '\n')
			break;
	return at;
}

/*
 * A line that begins with '{' starts a value of its own unless one may follow here: so a forgotten
 * quote or bracket does not swallow the events after it.
 */
static bool is_stray_start(const struct scan *scan, struct slice text, size_t at)
{
	return text.data[at] == '{' && text.data[at - 1] == '\n' &&
	       (scan->in_string || !scan->wants_more);
}

static void scan_step(struct scan *scan, char c)
{
	if (c == '"')
		scan->in_string = !scan->in_string;
	else if (scan->in_string)
		return;
	else if (c == '{' || c == '[')
		scan->depth++;
	else if (c == '}' || c == ']')
		scan->depth--;
	if (!is_space(c))
		scan->wants_more = c == ',' || c == ':' || c == '[';
}

/* The offset after the value that begins at the bracket at start; 0: there is no end. */
static size_t scan_brackets(struct slice text, size_t start)
{
	struct scan scan = { 0 };

	for (size_t at = start; at < text.size; at++) {
		if (at > start && is_stray_start(&scan, text, at))
			return 0;
		if (scan.in_string && text.data[at] == '\\') {
			at++;
			continue;
		}
		scan_step(&scan, text.data[at]);
		if (scan.depth == 0)
			return at + 1;
		if (scan.depth > DEPTH_MAX)
			return 0;
	}
	return 0;
}

static size_t scan_other(struct slice text, size_t at)
{
	while (at < text.size && text.data[at] != '\n' && text.data[at] != '{')
		at++;
	return at;
}

void json_values_init(struct json_values *values, struct slice text)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	size_t mark_size = sizeof(byte_order_mark) - 1;

	*values = (struct json_values){ .text = text, .line = 1 };
	if (text.size >= mark_size && memcmp(text.data, byte_order_mark, mark_size) == 0)
		values->at = mark_size;
}

enum json_value_found json_values_next(
	struct json_values *values, struct slice *value_out, int64_t *line_out)
{
	struct slice text = values->text;
	enum json_value_found found;
	size_t start = values->at;
	size_t end;

	while (start < text.size && is_space(text.data[start]))
		start++;
	advance(values, start);
	*line_out = values->line;
	if (start == text.size)
		return JSON_VALUE_END;
	if (text.data[start] != '{' && text.data[start] != '[') {
		found = JSON_VALUE_OTHER;
		end = scan_other(text, start);
	} else {
		found = text.data[start] == '{' ? JSON_VALUE_OBJECT : JSON_VALUE_OTHER;
		end = scan_brackets(text, start);
	}
	if (end == 0) {
		found = JSON_VALUE_BROKEN;
		end = next_object_line(text, start);
	}
	*value_out = slice_of(text.data + start, end - start);
	advance(values, end);
	return found;
}
