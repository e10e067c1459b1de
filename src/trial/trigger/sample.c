/* SPDX-License-Identifier: MIT */
#include "sample.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "repostal/slice.h"

#define BOUNDARY "repostal-sample-7MA4YWxkTrZu0gW"

enum {
	MIX_SIZE = 20,
	FIELDS_MAX = 9,
	ID_SIZE = 96,
	RECIPIENT_SIZE = 48,
	TIME_SIZE = 24,
	RECIPIENTS_COUNT = 100000,
};

struct field {
	const char *name;
	const char *value;
	bool is_number; /* in JSON */
};

const char *const sample_kind_names[] = {
	[SAMPLE_DELIVERED] = "delivered",
	[SAMPLE_BOUNCE] = "bounce",
	[SAMPLE_SOFT_BOUNCE] = "soft-bounce",
	[SAMPLE_DROP] = "drop",
	[SAMPLE_MIX] = "mix",
	NULL,
};

const char *const sample_encoding_names[] = {
	[SAMPLE_JSON] = "json",
	[SAMPLE_FORM] = "form",
	[SAMPLE_MULTIPART] = "multipart",
	NULL,
};

const char *sample_content_type(enum sample_encoding encoding)
{
	switch (encoding) {
	case SAMPLE_JSON:
		return "Content-Type: application/json";
	case SAMPLE_FORM:
		return "Content-Type: application/x-www-form-urlencoded";
	case SAMPLE_MULTIPART:
		return "Content-Type: multipart/form-data; boundary=" BOUNDARY;
	}
	return NULL; /* not reached: -Wswitch guards the cases */
}

/* Spread over each twenty, so that also a short run has some of each. */
static enum sample_kind kind_in_mix(int64_t number)
{
	switch (number % MIX_SIZE) {
	case 3:
	case 13:
		return SAMPLE_BOUNCE;
	case 7:
	case 17:
		return SAMPLE_SOFT_BOUNCE;
	case 5:
		return SAMPLE_DROP;
	default:
		return SAMPLE_DELIVERED;
	}
}

/* The documented fields in the documented order; a drop has no time. */
static size_t fill(enum sample_kind kind, const char *id, const char *recipient, const char *time,
	struct field fields[FIELDS_MAX])
{
	bool is_hard = kind == SAMPLE_BOUNCE;
	size_t count = 0;

#define ADD(...)                         \
	fields[count++] = (struct field) \
	{                                \
		__VA_ARGS__              \
	}
	if (kind == SAMPLE_DELIVERED) {
		ADD("event", "delivered", false);
		ADD("id", id, false);
		ADD("recipient", recipient, false);
		ADD("time", time, true);
		ADD("mxHostname", "mx.example.com", false);
		ADD("response", "250 2.0.0 OK", false);
	} else if (kind == SAMPLE_DROP) {
		ADD("action", "drop", false);
		ADD("id", id, false);
		ADD("recipient", recipient, false);
		ADD("reason", "Suppressed address", false);
		ADD("user", "", false);
		ADD("seq", "", false);
	} else {
		ADD("event", "bounce", false);
		ADD("id", id, false);
		ADD("to", recipient, false);
		ADD("time", time, true);
		ADD("response",
			is_hard ? "550 5.1.1 The email account does not exist"
				: "452 4.2.2 Mailbox full",
			false);
		ADD("category", is_hard ? "hard_bounce" : "soft_bounce", false);
		ADD("user", "", false);
		ADD("seq", "", false);
		ADD("returnPath", "bounce@bizfly.vn", false);
	}
#undef ADD
	return count;
}

/* As text: there are thousands of them a second, and none needs a tree. */
static void write_json(struct buf *out, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		buf_append_char(out, i == 0 ? '{' : ',');
		buf_append_json_string(out, slice_text(fields[i].name));
		buf_append_char(out, ':');
		if (fields[i].is_number)
			buf_append_text(out, fields[i].value);
		else
			buf_append_json_string(out, slice_text(fields[i].value));
	}
	buf_append_char(out, '}');
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static void write_form(struct buf *out, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_append_char(out, '&');
		buf_append_text(out, fields[i].name);
		buf_append_char(out, '=');
		for (const char *c = fields[i].value; *c != '\0'; c++)
			if (is_unreserved(*c))
				buf_append_char(out, *c);
			else
				buf_printf(out, "%%%02X", (unsigned char)*c);
	}
}

static void write_multipart(struct buf *out, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(out,
			"--" BOUNDARY "\r\n"
			"Content-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n",
			fields[i].name, fields[i].value);
	buf_append_text(out, "--" BOUNDARY "--\r\n");
}

void sample_write(struct buf *out, enum sample_encoding encoding, enum sample_kind kind,
	const char *run, int64_t number, int64_t time_ms)
{
	struct field fields[FIELDS_MAX];
	char recipient[RECIPIENT_SIZE];
	char time[TIME_SIZE];
	char id[ID_SIZE];
	size_t count;

	snprintf(id, sizeof(id), "%s-%" PRId64 "@bizfly.vn", run, number);
	snprintf(recipient, sizeof(recipient), "user%" PRId64 "@example.com",
		number % RECIPIENTS_COUNT);
	snprintf(time, sizeof(time), "%" PRId64, time_ms);
	if (kind == SAMPLE_MIX)
		kind = kind_in_mix(number);
	count = fill(kind, id, recipient, time, fields);
	switch (encoding) {
	case SAMPLE_JSON:
		write_json(out, fields, count);
		break;
	case SAMPLE_FORM:
		write_form(out, fields, count);
		break;
	case SAMPLE_MULTIPART:
		write_multipart(out, fields, count);
		break;
	}
}
