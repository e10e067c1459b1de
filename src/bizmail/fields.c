/* SPDX-License-Identifier: MIT */
#include "fields.h"

#include "repostal/buf.h"
#include "repostal/memory.h"
#include "repostal/text.h"

enum {
	REPLACEMENT_SIZE = 3
}; /* of U+FFFD, which may stand for each single byte */

static const char *const field_names[FIELD_COUNT] = {
	[FIELD_EVENT] = "event",
	[FIELD_ACTION] = "action",
	[FIELD_ID] = "id",
	[FIELD_RECIPIENT] = "recipient",
	[FIELD_TO] = "to",
	[FIELD_TIME] = "time",
	[FIELD_MX_HOSTNAME] = "mxHostname",
	[FIELD_RESPONSE] = "response",
	[FIELD_CATEGORY] = "category",
	[FIELD_REASON] = "reason",
	[FIELD_RETURN_PATH] = "returnPath",
};

const char *field_name(enum field field)
{
	return field_names[field];
}

bool field_find(struct slice name, enum field *field_out)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (slice_is(name, field_names[i])) {
			*field_out = (enum field)i;
			return true;
		}
	}
	return false;
}

void fields_own(struct fields *fields)
{
	struct buf text;
	size_t ends[FIELD_COUNT];
	size_t size = 0;

	for (size_t i = 0; i < FIELD_COUNT; i++)
		size += fields->values[i].size;
	buf_init(&text, size * REPLACEMENT_SIZE);
	/* One allocation for the usual event; only repaired text makes it grow. */
	(void)buf_reserve(&text, size);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		text_append_utf8_repaired(&text, fields->values[i]);
		ends[i] = text.size;
	}
	REPOSTAL_ASSERT(!text.overflowed);
	fields->memory = buf_take(&text);
	for (size_t i = 0, start = 0; i < FIELD_COUNT; start = ends[i], i++)
		fields->values[i] = slice_of(fields->memory + start, ends[i] - start);
}
