/* SPDX-License-Identifier: MIT */
#include "read_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "format.h"
#include "read.h"
#include "repostal/address.h"
#include "repostal/envelope.h"
#include "repostal/memory.h"
#include "repostal/target_settings.h"
#include "repostal/text.h"

enum {
	NAME_SIZE = 2 * SETTING_PATH_SIZE,
	NUMBER_SIZE = 16,
};

static bool is_text(const config_setting_t *value)
{
	return config_setting_type(value) == CONFIG_TYPE_STRING;
}

static bool is_list(const config_setting_t *value)
{
	return config_setting_is_array(value) || config_setting_is_list(value);
}

static const config_setting_t *element_at(const config_setting_t *list, size_t index)
{
	return config_setting_get_elem(list, (unsigned int)index);
}

static const char *text_at(const config_setting_t *list, size_t index)
{
	return config_setting_get_string(element_at(list, index));
}

/* Whether text_at(index) stands before index too. */
static bool is_repeated(const config_setting_t *list, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (is_text(element_at(list, i)) &&
			strcmp(text_at(list, i), text_at(list, index)) == 0)
			return true;
	}
	return false;
}

/* A list within the row's limits, all texts, none twice. */
static bool is_list_of_texts(const struct reading *reading, const config_setting_t *value)
{
	size_t count;
	bool good = true;

	if (!is_list(value))
		return refuse_value(reading, value);
	count = (size_t)config_setting_length(value);
	if ((int64_t)count < reading->row->min || (int64_t)count > reading->row->max)
		return refuse_value(reading, value);
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *element = element_at(value, i);

		if (!is_text(element))
			good = refuse_with(reading, element,
				"must be a list of texts in quotes; element %zu is not", i + 1);
		else if (is_repeated(value, i))
			good = refuse_with(
				reading, element, "names the same twice: element %zu", i + 1);
	}
	return good;
}

bool read_events(const struct reading *reading, uint32_t *field, const config_setting_t *value)
{
	size_t count;
	uint32_t events = 0;
	bool good = true;

	if (!is_list_of_texts(reading, value))
		return false;
	count = (size_t)config_setting_length(value);
	for (size_t i = 0; i < count; i++) {
		enum postal_event_type type;

		if (postal_event_type_parse(slice_text(text_at(value, i)), &type) &&
			(reading->row->events & UINT32_C(1) << type) != 0)
			events |= UINT32_C(1) << type;
		else
			good = refuse_value(reading, element_at(value, i));
	}
	if (good)
		*field = events;
	return good;
}

static bool read_delays(
	const struct reading *reading, struct retry_settings *delays, const config_setting_t *value)
{
	size_t count = (size_t)config_setting_length(value);
	bool good = true;

	if (count > RETRY_DELAYS_MAX)
		return refuse_value(reading, value);
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *element = element_at(value, i);
		int64_t delay_ms;

		if (is_text(element) &&
			text_parse_duration_ms(slice_text(text_at(value, i)), &delay_ms) &&
			delay_ms >= reading->row->min && delay_ms <= reading->row->max)
			delays->delays_ms[i] = delay_ms;
		else
			good = refuse_value(reading, element);
	}
	delays->delays_count = count;
	return good;
}

bool read_retry(
	const struct reading *reading, struct retry_settings *field, const config_setting_t *value)
{
	struct retry_settings delays = { 0 };

	if (is_list(value)) {
		if (!read_delays(reading, &delays, value))
			return false;
	} else if (!is_text(value) ||
		   !retry_preset(slice_text(config_setting_get_string(value)), &delays)) {
		return refuse_value(reading, value);
	}
	/* The rest of the struct has rows of its own. */
	memcpy(field->delays_ms, delays.delays_ms, sizeof(field->delays_ms));
	field->delays_count = delays.delays_count;
	return true;
}

/* 404, "404" or "4xx". */
static bool parse_status(const config_setting_t *element, uint16_t *status_out)
{
	char digits[NUMBER_SIZE];

	if (is_text(element))
		return give_up_parse_status(
			slice_text(config_setting_get_string(element)), status_out);
	if (config_setting_type(element) != CONFIG_TYPE_INT)
		return false;
	(void)snprintf(digits, sizeof(digits), "%d", config_setting_get_int(element));
	return give_up_parse_status(slice_text(digits), status_out);
}

static bool has_status(const struct give_up_settings *settings, uint16_t status)
{
	for (size_t i = 0; i < settings->statuses_count; i++)
		if (settings->statuses[i] == status)
			return true;
	return false;
}

bool read_statuses(const struct reading *reading, struct give_up_settings *field,
	const config_setting_t *value)
{
	struct give_up_settings read = { 0 };
	size_t count;
	bool good = true;

	if (!is_list(value))
		return refuse_value(reading, value);
	count = (size_t)config_setting_length(value);
	if ((int64_t)count > reading->row->max)
		return refuse_value(reading, value);
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *element = element_at(value, i);
		uint16_t status;

		if (!parse_status(element, &status))
			good = refuse_value(reading, element);
		else if (has_status(&read, status))
			good = refuse_with(
				reading, element, "names the same twice: element %zu", i + 1);
		else
			read.statuses[read.statuses_count++] = status;
	}
	if (!good)
		return false;
	/* The rest of the struct has a row of its own. */
	memcpy(field->statuses, read.statuses, sizeof(field->statuses));
	field->statuses_count = read.statuses_count;
	return true;
}

static bool is_good_text(const struct reading *reading, const config_setting_t *element)
{
	struct slice text = slice_text(config_setting_get_string(element));

	if (text.size == 0 || text.size > SETTING_TEXT_SIZE_MAX)
		return refuse_with(
			reading, element, "must be texts of 1 to %d bytes", SETTING_TEXT_SIZE_MAX);
	return passes_format(reading, element, text);
}

bool read_texts(const struct reading *reading, void *base, const config_setting_t *value)
{
	size_t count;
	char **texts;
	bool good = true;

	if (!is_list_of_texts(reading, value))
		return false;
	count = (size_t)config_setting_length(value);
	for (size_t i = 0; i < count; i++)
		good = is_good_text(reading, element_at(value, i)) && good;
	if (!good || count == 0)
		return good;
	texts = memory_array(count, sizeof(*texts));
	for (size_t i = 0; i < count; i++)
		texts[i] = memory_copy_text(text_at(value, i));
	for (size_t i = 0; i < count; i++)
		problems_place(
			reading->problems, &texts[i], (int)element_at(value, i)->line, false);
	*(char ***)setting_field(reading->row, base) = texts;
	*setting_count(reading->row, base) = count;
	return true;
}

bool read_ranges(const struct reading *reading, void *base, const config_setting_t *value)
{
	struct address_range *ranges;
	size_t count;
	bool good = true;

	if (!is_list_of_texts(reading, value))
		return false;
	count = (size_t)config_setting_length(value);
	if (count == 0)
		return true;
	ranges = memory_array(count, sizeof(*ranges));
	for (size_t i = 0; i < count; i++) {
		if (!address_range_parse(slice_text(text_at(value, i)), &ranges[i]))
			good = refuse_with(reading, element_at(value, i),
				"must be addresses, such as \"203.0.113.7\", or ranges, such as "
				"\"203.0.113.0/24\" (all zero behind the /24); element %zu is not",
				i + 1);
	}
	if (!good) {
		free(ranges);
		return false;
	}
	*(struct address_range **)setting_field(reading->row, base) = ranges;
	*setting_count(reading->row, base) = count;
	return true;
}

/* What each request says by itself, or what would break it. */
static bool is_reserved_header(const char *name)
{
	static const char *const reserved[] = {
		"Connection",
		"Content-Encoding",
		"Content-Length",
		"Content-Type",
		"Expect",
		"Host",
		"Keep-Alive",
		"Proxy-Connection",
		"TE",
		"Trailer",
		"Transfer-Encoding",
		"Upgrade",
		"X-Postal-Signature",
		"X-Postal-Signature-256",
		"X-Postal-Signature-KID",
	};

	for (size_t i = 0; i < ARRAY_COUNT(reserved); i++) {
		if (strcasecmp(reserved[i], name) == 0)
			return true;
	}
	return false;
}

static bool is_repeated_header(const config_setting_t *group, size_t index)
{
	const char *name = config_setting_name(element_at(group, index));

	for (size_t i = 0; i < index; i++) {
		if (strcasecmp(config_setting_name(element_at(group, i)), name) == 0)
			return true;
	}
	return false;
}

static bool read_header(const struct reading *reading, const config_setting_t *group, size_t index,
	struct target_header *header)
{
	static const struct setting row = { .kind = SETTING_SECRET, .min = 1, .max = 4096 };
	const config_setting_t *value = element_at(group, index);
	const char *header_name = config_setting_name(value);
	char name[NAME_SIZE];
	struct reading of_header = *reading;

	(void)snprintf(name, sizeof(name), "%s.%s", reading->name, header_name);
	of_header.row = &row;
	of_header.name = name;
	if (is_reserved_header(header_name))
		return refuse_with(&of_header, value, "cannot be set: repostal sends its own");
	if (is_repeated_header(group, index))
		return refuse_with(&of_header, value, "is given twice, in other letters");
	header->value = read_secret(&of_header, value);
	if (header->value == NULL)
		return false;
	header->name = memory_copy_text(header_name);
	note_origin(reading, &header->value, value);
	return true;
}

static void free_headers(struct target_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(headers[i].name);
		free(headers[i].value);
	}
	free(headers);
}

bool read_headers(const struct reading *reading, void *base, const config_setting_t *value)
{
	struct target_header *headers;
	size_t count;
	bool good = true;

	if (!config_setting_is_group(value))
		return refuse_value(reading, value);
	count = (size_t)config_setting_length(value);
	if ((int64_t)count > reading->row->max)
		return refuse_value(reading, value);
	if (count == 0)
		return true;
	headers = memory_array(count, sizeof(*headers));
	for (size_t i = 0; i < count; i++)
		good = read_header(reading, value, i, &headers[i]) && good;
	if (!good) {
		free_headers(headers, count);
		return false;
	}
	*(struct target_header **)setting_field(reading->row, base) = headers;
	*setting_count(reading->row, base) = count;
	return true;
}
