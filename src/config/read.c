/* SPDX-License-Identifier: MIT */
#include "read.h"

#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "read_list.h"
#include "repostal/envelope.h"
#include "repostal/memory.h"
#include "repostal/secret.h"
#include "repostal/text.h"

static bool is_in_limits(const struct setting *row, int64_t number)
{
	return number >= row->min && number <= row->max;
}

static bool has_type(const config_setting_t *value, int type)
{
	return config_setting_type(value) == type;
}

static bool is_whole_number(const config_setting_t *value)
{
	return has_type(value, CONFIG_TYPE_INT) || has_type(value, CONFIG_TYPE_INT64);
}

bool passes_format(const struct reading *reading, const config_setting_t *value, struct slice text)
{
	const struct setting *row = reading->row;
	struct error err;

	if (must_be_printable(text, &err) &&
		(row->format == NULL || (row->is_file && !reading->is_needed) ||
			row->format(text, &err))) {
		if (row->is_file && text.size > 0)
			problems_file(reading->problems, config_setting_get_string(value),
				reading->name, (int)value->line);
		return true;
	}
	return refuse_with(reading, value, "%s", err.text);
}

static bool read_text(const struct reading *reading, char **field, const config_setting_t *value)
{
	const struct setting *row = reading->row;
	struct slice text;

	if (!has_type(value, CONFIG_TYPE_STRING))
		return refuse_value(reading, value);
	text = slice_text(config_setting_get_string(value));
	if (!is_in_limits(row, (int64_t)text.size))
		return refuse_value(reading, value);
	if (!passes_format(reading, value, text))
		return false;
	/* Paths of requests are told apart as "path + /rest"; the root has nothing before its
	 * slash. */
	if (row->kind == SETTING_ROUTE && slice_is(text, "/"))
		text.size = 0;
	*field = memory_copy_bytes(text.data, text.size);
	return true;
}

char *read_secret(const struct reading *reading, const config_setting_t *value)
{
	struct error err;
	const char *text;
	char *secret;

	if (!has_type(value, CONFIG_TYPE_STRING)) {
		refuse_value(reading, value);
		return NULL;
	}
	text = config_setting_get_string(value);
	if (!reading->is_needed && !secret_is_literal(text))
		return memory_copy_text("");
	secret = secret_resolve(text, &err);
	if (secret == NULL) {
		refuse_with(reading, value, "%s", err.text);
		return NULL;
	}
	if (strcmp(text, SECRET_MASK) == 0 ||
		(reading->row->mask != NULL && strcmp(text, reading->row->mask) == 0)) {
		refuse_with(reading, value,
			"is the \"%s\" that check --print writes for a secret: put the secret back",
			text);
		free(secret);
		return NULL;
	}
	if (secret_file(text) != NULL)
		problems_file(
			reading->problems, secret_file(text), reading->name, (int)value->line);
	if (secret_file_is_open(text))
		problems_warn(reading->problems, (int)value->line,
			"'%s' stands in a file that everybody can read: chmod o-r", reading->name);
	if (!is_in_limits(reading->row, (int64_t)strlen(secret)))
		refuse_with(reading, value, "%s",
			secret[0] == '\0' ? "must not be empty" : "is too long");
	else if (passes_format(reading, value, slice_text(secret)))
		return secret;
	free(secret);
	return NULL;
}

void note_origin(const struct reading *reading, const void *field, const config_setting_t *value)
{
	if (!secret_is_literal(config_setting_get_string(value)))
		problems_origin(reading->problems, field, config_setting_get_string(value));
}

static bool read_secret_field(
	const struct reading *reading, char **field, const config_setting_t *value)
{
	char *secret = read_secret(reading, value);

	if (secret == NULL)
		return false;
	if (reading->world_readable && secret_is_literal(config_setting_get_string(value)))
		problems_warn(reading->problems, (int)value->line,
			"'%s' is written in a file that everybody can read: "
			"use \"env:NAME\" or \"file:/path\", or chmod o-r",
			reading->name);
	if (secret[0] != '\0' && (int64_t)strlen(secret) < reading->row->safe_size)
		problems_warn(reading->problems, (int)value->line,
			"'%s' can be guessed: it has less than %d characters", reading->name,
			(int)reading->row->safe_size);
	*field = secret;
	note_origin(reading, field, value);
	return true;
}

static bool read_integer(const struct reading *reading, void *base, const config_setting_t *value)
{
	int64_t number;

	if (!is_whole_number(value))
		return refuse_value(reading, value);
	number = config_setting_get_int64(value);
	if (!is_in_limits(reading->row, number))
		return refuse_value(reading, value);
	setting_store_integer(reading->row, base, number);
	return true;
}

static bool read_fraction(
	const struct reading *reading, double *field, const config_setting_t *value)
{
	double number;

	if (has_type(value, CONFIG_TYPE_FLOAT))
		number = config_setting_get_float(value);
	else if (is_whole_number(value))
		number = (double)config_setting_get_int64(value);
	else
		return refuse_value(reading, value);
	if (!(number >= (double)reading->row->min && number <= (double)reading->row->max))
		return refuse_value(reading, value);
	*field = number;
	return true;
}

static bool read_with_unit(const struct reading *reading, int64_t *field,
	const config_setting_t *value, bool (*parse)(struct slice text, int64_t *out))
{
	int64_t number;

	if (!has_type(value, CONFIG_TYPE_STRING) ||
		!parse(slice_text(config_setting_get_string(value)), &number) ||
		!is_in_limits(reading->row, number))
		return refuse_value(reading, value);
	*field = number;
	return true;
}

static bool read_duration(
	const struct reading *reading, int64_t *field, const config_setting_t *value)
{
	if (reading->row->may_be_none && has_type(value, CONFIG_TYPE_STRING) &&
		config_setting_get_string(value)[0] == '\0') {
		*field = 0;
		return true;
	}
	return read_with_unit(reading, field, value, text_parse_duration_ms);
}

static bool read_rate(const struct reading *reading, double *field, const config_setting_t *value)
{
	struct slice text;
	double per_second = 0;

	if (!has_type(value, CONFIG_TYPE_STRING))
		return refuse_value(reading, value);
	text = slice_text(config_setting_get_string(value));
	if (!slice_is(text, "none") && !text_parse_rate(text, &per_second))
		return refuse_value(reading, value);
	if (per_second > (double)reading->row->max)
		return refuse_value(reading, value);
	*field = per_second;
	return true;
}

static bool read_boolean(const struct reading *reading, bool *field, const config_setting_t *value)
{
	if (!has_type(value, CONFIG_TYPE_BOOL))
		return refuse_value(reading, value);
	*field = config_setting_get_bool(value) != CONFIG_FALSE;
	return true;
}

static bool read_choice(const struct reading *reading, void *base, const config_setting_t *value)
{
	const char *text;

	if (!has_type(value, CONFIG_TYPE_STRING))
		return refuse_value(reading, value);
	text = config_setting_get_string(value);
	for (const struct setting_choice *choice = reading->row->choices; choice->name != NULL;
		choice++) {
		if (strcmp(choice->name, text) != 0)
			continue;
		setting_store_integer(reading->row, base, choice->value);
		return true;
	}
	return refuse_value(reading, value);
}

static bool read_event(const struct reading *reading, void *base, const config_setting_t *value)
{
	enum postal_event_type type;

	if (!has_type(value, CONFIG_TYPE_STRING) ||
		!postal_event_type_parse(slice_text(config_setting_get_string(value)), &type) ||
		(reading->row->events & UINT32_C(1) << type) == 0)
		return refuse_value(reading, value);
	setting_store_integer(reading->row, base, (int64_t)type);
	return true;
}

bool read_value(const struct reading *reading, void *base, const config_setting_t *value)
{
	void *field = setting_field(reading->row, base);

	switch (reading->row->kind) {
	case SETTING_TEXT:
	case SETTING_URL:
	case SETTING_ROUTE:
		return read_text(reading, field, value);
	case SETTING_SECRET:
		return read_secret_field(reading, field, value);
	case SETTING_INTEGER:
		return read_integer(reading, base, value);
	case SETTING_FRACTION:
		return read_fraction(reading, field, value);
	case SETTING_DURATION:
		return read_duration(reading, field, value);
	case SETTING_SIZE:
		return read_with_unit(reading, field, value, text_parse_size);
	case SETTING_RATE:
		return read_rate(reading, field, value);
	case SETTING_BOOLEAN:
		return read_boolean(reading, field, value);
	case SETTING_CHOICE:
		return read_choice(reading, base, value);
	case SETTING_EVENT:
		return read_event(reading, base, value);
	case SETTING_EVENTS:
		return read_events(reading, field, value);
	case SETTING_RETRY:
		return read_retry(reading, field, value);
	case SETTING_STATUSES:
		return read_statuses(reading, field, value);
	case SETTING_TEXTS:
		return read_texts(reading, base, value);
	case SETTING_RANGES:
		return read_ranges(reading, base, value);
	case SETTING_HEADERS:
		return read_headers(reading, base, value);
	case SETTING_ELEMENTS:
		break;
	}
	return refuse_value(reading, value);
}
