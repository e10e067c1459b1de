/* SPDX-License-Identifier: MIT */
/*
 * json.c - the documented encoding: one JSON object
 *
 * Of a key that is there twice, the last one counts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fields.h"
#include "json_scan.h"
#include "repostal/bizmail.h"
#include "repostal/memory.h"
#include "repostal/text.h"

enum {
	NUMBER_TEXT_SIZE = 32,
	NAME_SIZE_MAX = 6 * 16, /* every character of a known name may be written as \u1234 */
};

/* What the object says of the fields that we know, not decoded yet. */
struct found {
	struct json_scan_member members[FIELD_COUNT];
	bool is_given[FIELD_COUNT];
};

static void on_member(void *context, const struct json_scan_member *member)
{
	struct found *found = context;
	char name[NAME_SIZE_MAX];
	enum field field;

	if (member->name.size > sizeof(name) ||
		!field_find(slice_of(name, json_scan_decode(member->name, name)), &field))
		return;
	found->members[field] = *member;
	found->is_given[field] = member->kind != JSON_SCAN_OTHER;
}

/*
 * A number as text, the same for all spellings of it ("1.50", "15e-1"); one that a double does not hold
 * as it was sent. Integers keep all their digits.
 */
static struct slice number_text(struct slice text, char out[NUMBER_TEXT_SIZE])
{
	double number;
	int size;

	if (slice_is(text, "-0"))
		return SLICE_LITERAL("0");
	for (size_t i = 0; i < text.size; i++) {
		if (strchr(".eE", text.data[i]) == NULL)
			continue;
		if (!text_parse_double(text, &number))
			return text;
		size = snprintf(out, NUMBER_TEXT_SIZE, "%.17g", number);
		REPOSTAL_ASSERT(size > 0 && size < NUMBER_TEXT_SIZE);
		return slice_of(out, (size_t)size);
	}
	return text;
}

/* One block for all of them: decoding makes no text longer. */
static void read_found(const struct found *found, struct fields *fields)
{
	char numbers[FIELD_COUNT][NUMBER_TEXT_SIZE];
	char *decoded;
	size_t size = 0;

	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (found->is_given[i] && found->members[i].kind == JSON_SCAN_STRING)
			size += found->members[i].value.size;
	decoded = memory_alloc(size + 1);
	size = 0;
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const struct json_scan_member *member = &found->members[i];

		if (!found->is_given[i])
			continue;
		if (member->kind == JSON_SCAN_NUMBER) {
			fields->values[i] = number_text(member->value, numbers[i]);
			continue;
		}
		fields->values[i] =
			slice_of(decoded + size, json_scan_decode(member->value, decoded + size));
		size += fields->values[i].size;
	}
	fields_own(fields);
	free(decoded);
}

enum status json_read_fields(struct slice body, struct fields *fields, struct error *err)
{
	enum status status = STATUS_INVALID;
	struct found found = { .is_given = { false } };
	char *repaired = NULL;
	int line = 0;

	if (body.size == 0) {
		error_set(err, "the body is empty");
		return STATUS_INVALID;
	}
	switch (json_scan(bizmail_json_repair(body, &repaired), on_member, &found, &line)) {
	case JSON_SCAN_OBJECT:
		read_found(&found, fields);
		status = STATUS_OK;
		break;
	case JSON_SCAN_NO_OBJECT:
		error_set(err, "the JSON value is not an object");
		break;
	case JSON_SCAN_INVALID:
		error_set(err, "not valid JSON, in line %d", line);
		break;
	}
	free(repaired);
	return status;
}
