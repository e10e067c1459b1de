/* SPDX-License-Identifier: MIT */
/*
 * fields.h - the few fields that matter, whatever they were encoded in
 *
 * Promise    JSON, form and multipart each fill the same table, and one function (event.c) reads
 *            it: the three encodings cannot behave differently. Numbers are in the table as decimal
 *            text.
 * Threads    Values.
 * Ownership  While a body is read the values borrow from it. fields_own() then copies them to one
 *            block, `memory`, which passes to the event.
 * Errors     STATUS_INVALID with a text for the sender; no part of the body is in it.
 */
#ifndef REPOSTAL_BIZMAIL_FIELDS_H
#define REPOSTAL_BIZMAIL_FIELDS_H

#include <stdbool.h>

#include "repostal/error.h"
#include "repostal/slice.h"

enum field {
	FIELD_EVENT,
	FIELD_ACTION,
	FIELD_ID,
	FIELD_RECIPIENT,
	FIELD_TO,
	FIELD_TIME,
	FIELD_MX_HOSTNAME,
	FIELD_RESPONSE,
	FIELD_CATEGORY,
	FIELD_REASON,
	FIELD_RETURN_PATH,
};
enum {
	FIELD_COUNT = FIELD_RETURN_PATH + 1
};

struct fields {
	/* Empty when missing: no field means anything when empty. */
	struct slice values[FIELD_COUNT];
	char *memory;
};

/* As BizMail spells it; case matters. */
const char *field_name(enum field field);
/* False for a field that nobody asks for. */
bool field_find(struct slice name, enum field *field_out);

/* Moves the values to memory of their own, with invalid UTF-8 repaired. Once, as the last step. */
void fields_own(struct fields *fields);

/* What follows the first size bytes. */
static inline struct slice slice_behind(struct slice slice, size_t size)
{
	return slice_of(slice.data + size, slice.size - size);
}

/* Each reads a body into an empty table; the values are owned on STATUS_OK only. */
enum status json_read_fields(struct slice body, struct fields *fields, struct error *err);
enum status form_read_fields(struct slice body, struct fields *fields, struct error *err);
enum status multipart_read_fields(
	struct slice content_type, struct slice body, struct fields *fields, struct error *err);

struct slice json_without_byte_order_mark(struct slice body);

/* What an SMTP reply says about the address: true when it is dead for certain. */
bool reply_is_permanent(struct slice response);

#endif
