/* SPDX-License-Identifier: MIT */
#include "expect.h"

#include <inttypes.h>

#include "repostal/envelope.h"
#include "repostal/retry.h"
#include "repostal/text.h"

static void append_separator(struct buf *out, size_t count)
{
	if (count > 0)
		buf_append_text(out, ", ");
}

static void append_quoted(struct buf *out, const char *text)
{
	buf_printf(out, "\"%s\"", text);
}

static size_t choices_count(const struct setting_choice *choices)
{
	size_t count = 0;

	while (choices[count].name != NULL)
		count++;
	return count;
}

static void append_choices(struct buf *out, const struct setting *row)
{
	size_t count = 0;

	if (choices_count(row->choices) > 1)
		buf_append_text(out, "one of ");
	for (const struct setting_choice *choice = row->choices; choice->name != NULL; choice++) {
		append_separator(out, count++);
		append_quoted(out, choice->name);
	}
	if (row->or_group)
		buf_append_text(out, " or a group, { ... }");
}

static void append_events(struct buf *out, const struct setting *row, const char *before)
{
	size_t count = 0;

	buf_append_text(out, before);
	for (int type = 0; type < POSTAL_EVENT_TYPE_COUNT; type++) {
		if ((row->events & UINT32_C(1) << type) == 0)
			continue;
		append_separator(out, count++);
		append_quoted(out, postal_event_type_name((enum postal_event_type)type));
	}
}

static void append_limits(
	struct buf *out, const struct setting *row, void (*append)(struct buf *out, int64_t value))
{
	buf_append_text(out, "from \"");
	append(out, row->min);
	buf_append_text(out, "\" to \"");
	append(out, row->max);
	buf_append_text(out, "\"");
}

/* "at most 5", or "1 to 5". */
static void append_counts(struct buf *out, const struct setting *row)
{
	if (row->min == 0)
		buf_printf(out, "at most %" PRId64, row->max);
	else
		buf_printf(out, "%" PRId64 " to %" PRId64, row->min, row->max);
}

static void append_retry(struct buf *out, const struct setting *row)
{
	buf_printf(out,
		"\"postal\", \"postal-extended\", \"standard-webhooks\", or a list of at most %d "
		"delays ",
		RETRY_DELAYS_MAX);
	append_limits(out, row, text_format_duration);
	buf_append_text(out, ", such as [ \"5s\", \"1m\", \"10m\" ]");
}

/* What stands before, and behind, the number of bytes or elements. */
static void append_counted(
	struct buf *out, const struct setting *row, const char *before, const char *behind)
{
	buf_append_text(out, before);
	append_counts(out, row);
	buf_append_text(out, behind);
}

void expect_append(struct buf *out, const struct setting *row)
{
	switch (row->kind) {
	case SETTING_TEXT:
	case SETTING_URL:
	case SETTING_ROUTE:
		append_counted(out, row, "a text in quotes of ", " bytes");
		break;
	case SETTING_SECRET:
		append_counted(out, row, "a secret of ",
			" bytes: a text in quotes, \"env:NAME\" or \"file:/path\"");
		break;
	case SETTING_INTEGER:
		buf_printf(out, "a whole number from %" PRId64 " to %" PRId64, row->min, row->max);
		break;
	case SETTING_FRACTION:
		buf_printf(out, "a number from %" PRId64 " to %" PRId64, row->min, row->max);
		break;
	case SETTING_DURATION:
		buf_append_text(out, "a duration ");
		append_limits(out, row, text_format_duration);
		buf_append_text(out, ", in quotes with its unit (ms, s, m, h, d)");
		if (row->may_be_none)
			buf_append_text(out, ", or \"\" for none");
		break;
	case SETTING_SIZE:
		buf_append_text(out, "a size ");
		append_limits(out, row, text_format_size);
		buf_append_text(out, ", in quotes with its unit (B, KiB, MiB, GiB)");
		break;
	case SETTING_RATE:
		append_counted(out, row, "a rate in quotes of ",
			" events a second, such as \"100/s\", \"600/m\", \"10/h\", or \"none\"");
		break;
	case SETTING_BOOLEAN:
		buf_append_text(out, "true or false, without quotes");
		break;
	case SETTING_CHOICE:
		append_choices(out, row);
		break;
	case SETTING_EVENT:
		append_events(out, row, "one of ");
		break;
	case SETTING_EVENTS:
		append_events(out, row, "a list, [ ... ], of some of ");
		break;
	case SETTING_RETRY:
		append_retry(out, row);
		break;
	case SETTING_STATUSES:
		append_counted(out, row, "a list of ",
			" HTTP status codes from 300 to 599 or classes of them, such as [ 404, "
			"\"4xx\" ]");
		break;
	case SETTING_TEXTS:
		append_counted(out, row, "a list of ", " texts, such as [ \"one\", \"two\" ]");
		break;
	case SETTING_RANGES:
		append_counted(out, row, "a list of ",
			" addresses, such as [ \"203.0.113.0/24\", \"::1\" ]");
		break;
	case SETTING_HEADERS:
		append_counted(out, row, "a group of ", " headers, { Name = \"value\"; }");
		break;
	case SETTING_ELEMENTS:
		append_counted(out, row, "a list of ", " groups, ( { ... }, { ... } )");
		break;
	}
}
