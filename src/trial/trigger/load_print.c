/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "load.h"
#include "repostal/memory.h"

enum {
	STATUS_SIZE = 24
};

static const struct {
	const char *name;
	double share;
} quantiles[] = {
	{ "p50", 0.5 },
	{ "p90", 0.9 },
	{ "p99", 0.99 },
	{ "max", 1 },
};

int64_t load_acknowledged(const struct load_result *result)
{
	return result->accepted + result->duplicates + result->quarantined;
}

static int64_t sum(const int64_t *counts, size_t size)
{
	int64_t total = 0;

	for (size_t i = 0; i < size; i++)
		total += counts[i];
	return total;
}

static double seconds(const struct load_result *result)
{
	return (double)result->duration_us / 1e6;
}

static double rate_per_second(const struct load_result *result)
{
	return result->duration_us == 0 ? 0 : (double)load_acknowledged(result) / seconds(result);
}

static double quantile_ms(const struct load_result *result, size_t i)
{
	return (double)latency_quantile_us(&result->latency, quantiles[i].share) / 1e3;
}

/* "  401: 3, 503: 1" after the total. */
static void print_refused(const struct load_result *result, struct buf *out)
{
	const char *separator = "  (";

	buf_printf(
		out, "refused      %" PRId64, sum(result->refused, ARRAY_COUNT(result->refused)));
	for (size_t i = 0; i < ARRAY_COUNT(result->refused); i++)
		if (result->refused[i] > 0) {
			buf_printf(out, "%s%zu: %" PRId64, separator, i, result->refused[i]);
			separator = ", ";
		}
	buf_append_text(out, separator[0] == ',' ? ")\n" : "\n");
}

static void print_errors(const struct load_result *result, struct buf *out)
{
	const char *separator = "  (";

	buf_printf(out, "errors       %" PRId64, sum(result->errors, ARRAY_COUNT(result->errors)));
	for (size_t i = 0; i < ARRAY_COUNT(result->errors); i++)
		if (result->errors[i] > 0) {
			buf_printf(out, "%s%s: %" PRId64, separator,
				curl_easy_strerror((CURLcode)i), result->errors[i]);
			separator = ", ";
		}
	buf_append_text(out, separator[0] == ',' ? ")\n" : "\n");
}

void load_print(const struct load_result *result, struct buf *out)
{
	buf_printf(out, "sent         %" PRId64 "\n", result->sent);
	buf_printf(out, "accepted     %" PRId64 "\n", result->accepted);
	buf_printf(out, "duplicates   %" PRId64 "\n", result->duplicates);
	buf_printf(out, "quarantined  %" PRId64 "\n", result->quarantined);
	print_refused(result, out);
	print_errors(result, out);
	if (result->unanswered > 0)
		buf_printf(out, "unanswered   %" PRId64 "\n", result->unanswered);
	buf_printf(out, "seconds      %.3f\n", seconds(result));
	buf_printf(out, "rate         %.1f/s\n", rate_per_second(result));
	buf_append_text(out, "latency ms  ");
	for (size_t i = 0; i < ARRAY_COUNT(quantiles); i++)
		buf_printf(out, " %s %.3f", quantiles[i].name, quantile_ms(result, i));
	buf_append_char(out, '\n');
}

static void set_count(json_t *json, const char *name, int64_t count)
{
	json_object_set_new(json, name, json_integer(count));
}

static json_t *refused_by_status(const struct load_result *result)
{
	json_t *json = json_object();
	char status[STATUS_SIZE];

	for (size_t i = 0; i < ARRAY_COUNT(result->refused); i++) {
		if (result->refused[i] == 0)
			continue;
		(void)snprintf(status, sizeof(status), "%zu", i);
		set_count(json, status, result->refused[i]);
	}
	return json;
}

static json_t *errors_by_reason(const struct load_result *result)
{
	json_t *json = json_object();

	for (size_t i = 0; i < ARRAY_COUNT(result->errors); i++)
		if (result->errors[i] > 0)
			set_count(json, curl_easy_strerror((CURLcode)i), result->errors[i]);
	return json;
}

static json_t *latencies_ms(const struct load_result *result)
{
	json_t *json = json_object();

	for (size_t i = 0; i < ARRAY_COUNT(quantiles); i++)
		json_object_set_new(json, quantiles[i].name, json_real(quantile_ms(result, i)));
	return json;
}

json_t *load_to_json(const struct load_result *result)
{
	json_t *json = json_object();

	set_count(json, "sent", result->sent);
	set_count(json, "acknowledged", load_acknowledged(result));
	set_count(json, "accepted", result->accepted);
	set_count(json, "duplicates", result->duplicates);
	set_count(json, "quarantined", result->quarantined);
	set_count(json, "refused", sum(result->refused, ARRAY_COUNT(result->refused)));
	json_object_set_new(json, "refused_by_status", refused_by_status(result));
	set_count(json, "errors", sum(result->errors, ARRAY_COUNT(result->errors)));
	json_object_set_new(json, "errors_by_reason", errors_by_reason(result));
	set_count(json, "unanswered", result->unanswered);
	json_object_set_new(json, "seconds", json_real(seconds(result)));
	json_object_set_new(json, "rate_per_second", json_real(rate_per_second(result)));
	json_object_set_new(json, "latency_ms", latencies_ms(result));
	return json;
}
