/* SPDX-License-Identifier: MIT */
#include "refuse.h"

#include <stdarg.h>
#include <stdio.h>

#include "expect.h"
#include "repostal/buf.h"

enum {
	MESSAGE_SIZE_MAX = 1024,
	SHOWN_SIZE_MAX = 64
};

/* A text in the wrong place may be a secret: it is shown only where words are expected. */
static bool text_may_be_shown(const struct setting *row)
{
	switch (row->kind) {
	case SETTING_DURATION:
	case SETTING_SIZE:
	case SETTING_RATE:
	case SETTING_EVENT:
	case SETTING_EVENTS:
	case SETTING_RETRY:
	case SETTING_STATUSES:
		return true;
	case SETTING_CHOICE:
		return !row->or_group; /* auth = "token" instead of auth = { token = "token"; } */
	case SETTING_TEXT:
	case SETTING_URL:
	case SETTING_ROUTE:
	case SETTING_SECRET:
	case SETTING_INTEGER:
	case SETTING_FRACTION:
	case SETTING_BOOLEAN:
	case SETTING_TEXTS:
	case SETTING_RANGES:
	case SETTING_HEADERS:
	case SETTING_ELEMENTS:
		return false;
	}
	return false;
}

static void append_shown(struct buf *out, const struct setting *row, const config_setting_t *value)
{
	struct slice text;

	switch (config_setting_type(value)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		if (row->kind == SETTING_SECRET)
			buf_append_text(out, "a number");
		else
			buf_append_int(out, config_setting_get_int64(value));
		break;
	case CONFIG_TYPE_FLOAT:
		buf_append_text(out, "a number with a fraction");
		if (row->kind == SETTING_FRACTION)
			buf_printf(out, " of %g", config_setting_get_float(value));
		break;
	case CONFIG_TYPE_STRING:
		text = slice_text(config_setting_get_string(value));
		if (!text_may_be_shown(row) || text.size > SHOWN_SIZE_MAX)
			buf_printf(out, "a text of %zu bytes", text.size);
		else
			buf_append_json_string(out, text);
		break;
	case CONFIG_TYPE_BOOL:
		buf_append_text(out, config_setting_get_bool(value) ? "true" : "false");
		break;
	case CONFIG_TYPE_GROUP:
		buf_append_text(out, "a group");
		break;
	default:
		buf_printf(out, "a list of %d", config_setting_length(value));
		break;
	}
}

/* What to write instead, when only the quotes are wrong. */
static void append_advice(struct buf *out, const struct setting *row, const config_setting_t *value)
{
	int type = config_setting_type(value);
	bool is_number =
		type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64 || type == CONFIG_TYPE_FLOAT;

	switch (row->kind) {
	case SETTING_INTEGER:
	case SETTING_FRACTION:
		if (type == CONFIG_TYPE_STRING)
			buf_append_text(out, ": write the number without quotes");
		break;
	case SETTING_TEXT:
	case SETTING_URL:
	case SETTING_ROUTE:
	case SETTING_SECRET:
		if (is_number || type == CONFIG_TYPE_BOOL)
			buf_append_text(out, ": write it in quotes");
		break;
	case SETTING_TEXTS:
	case SETTING_RANGES:
		if (type == CONFIG_TYPE_STRING)
			buf_append_text(out, ": write it in brackets, [ \"...\" ]");
		break;
	case SETTING_DURATION:
	case SETTING_SIZE:
	case SETTING_RATE:
	case SETTING_BOOLEAN:
	case SETTING_CHOICE:
	case SETTING_EVENT:
	case SETTING_EVENTS:
	case SETTING_RETRY:
	case SETTING_STATUSES:
	case SETTING_HEADERS:
	case SETTING_ELEMENTS:
		break;
	}
}

bool refuse_value(const struct reading *reading, const config_setting_t *value)
{
	struct buf message;

	buf_init(&message, MESSAGE_SIZE_MAX);
	expect_append(&message, reading->row);
	buf_append_text(&message, ", not ");
	append_shown(&message, reading->row, value);
	append_advice(&message, reading->row, value);
	problems_error(reading->problems, (int)value->line, "'%s' must be %s", reading->name,
		message.data);
	buf_free(&message);
	return false;
}

bool refuse_with(
	const struct reading *reading, const config_setting_t *value, const char *format, ...)
{
	char text[MESSAGE_SIZE_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	problems_error(reading->problems, (int)value->line, "'%s' %s", reading->name, text);
	return false;
}
