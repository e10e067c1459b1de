/* SPDX-License-Identifier: MIT */
/*
 * form.c - application/x-www-form-urlencoded, what ZoneMTA's bounce notifier sends
 */
#include <stdlib.h>

#include "fields.h"
#include "repostal/bizmail.h"
#include "repostal/memory.h"
#include "repostal/text.h"

/* part lies in text, which is ours to change. */
static struct slice decode(char *text, struct slice part)
{
	char *data = text + (part.data - text);

	return slice_of(data, text_percent_decode(data, part.size, true));
}

/* Takes the form's own copy apart, in place. */
static enum status form_read_copy(char *text, size_t size, struct fields *fields, struct error *err)
{
	struct slice rest = slice_of(text, size);
	size_t field_count = 0;
	size_t part_count = 0;

	while (rest.size > 0) {
		struct slice value = slice_cut(&rest, '&');
		struct slice name = slice_cut(&value, '=');
		enum field field;

		if (++part_count > BIZMAIL_FIELDS_MAX) {
			error_set(err, "the form has more than %d fields", BIZMAIL_FIELDS_MAX);
			return STATUS_INVALID;
		}
		if (value.data == NULL || name.size == 0)
			continue;
		field_count++;
		if (field_find(decode(text, name), &field))
			fields->values[field] = decode(text, value);
	}
	if (field_count == 0) {
		error_set(err, "the form has no field");
		return STATUS_INVALID;
	}
	fields_own(fields);
	return STATUS_OK;
}

enum status form_read_fields(struct slice body, struct fields *fields, struct error *err)
{
	struct slice trimmed = slice_trim(body);
	enum status status;
	char *copy;

	if (trimmed.size == 0) {
		error_set(err, "the form is empty");
		return STATUS_INVALID;
	}
	copy = memory_copy_bytes(trimmed.data, trimmed.size);
	status = form_read_copy(copy, trimmed.size, fields, err);
	free(copy);
	return status;
}
