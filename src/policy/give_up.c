/* SPDX-License-Identifier: MIT */
#include "repostal/give_up.h"

#include <string.h>

#include "repostal/text.h"

enum {
	STATUS_MIN = 300,
	STATUS_MAX = 599,
	CLASS_SIZE = 100,
	HTTP_TOO_MANY_REQUESTS = 429,
	TEXT_SIZE = 3, /* "404", "4xx" */
};

bool give_up_is_class(uint16_t status)
{
	return status < CLASS_SIZE;
}

static bool holds(uint16_t status, int http_status)
{
	if (!give_up_is_class(status))
		return status == http_status;
	return status == http_status / CLASS_SIZE && http_status != HTTP_TOO_MANY_REQUESTS;
}

bool give_up_on_status(const struct give_up_settings *settings, int http_status)
{
	for (size_t i = 0; i < settings->statuses_count; i++)
		if (holds(settings->statuses[i], http_status))
			return true;
	return false;
}

bool give_up_on_age(const struct give_up_settings *settings, int64_t happened_ms, int64_t now_ms)
{
	return settings->age_ms > 0 && happened_ms <= now_ms &&
	       now_ms - happened_ms >= settings->age_ms;
}

bool give_up_parse_status(struct slice text, uint16_t *status_out)
{
	int64_t number;

	if (text.size != TEXT_SIZE)
		return false;
	if (memcmp(text.data + 1, "xx", 2) == 0 && text.data[0] >= '3' && text.data[0] <= '5') {
		*status_out = (uint16_t)(text.data[0] - '0');
		return true;
	}
	if (!text_parse_uint(text, &number) || number < STATUS_MIN || number > STATUS_MAX)
		return false;
	*status_out = (uint16_t)number;
	return true;
}
