/* SPDX-License-Identifier: MIT */
/*
 * The answers of this server and of libh2o: their reasons, and how long they took.
 */
#include "http_private.h"
#include "repostal/memory.h"

static const struct {
	int status;
	const char *reason;
} codes[HTTP_CODES_COUNT] = {
	{ 200, "OK" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 413, "Request Entity Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 429, "Too Many Requests" },
	{ 500, "Internal Server Error" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 0, "Status" },
};

static size_t index_of(int status)
{
	size_t index = 0;

	while (index < ARRAY_COUNT(codes) - 1 && codes[index].status != status)
		index++;
	return index;
}

int http_code(size_t index)
{
	return codes[index].status;
}

const char *http_reason(int status)
{
	return codes[index_of(status)].reason;
}

void http_codes_init(struct http_metrics *metrics)
{
	for (size_t i = 0; i < HTTP_CODES_COUNT; i++)
		histogram_init(&metrics->answer_seconds[i], &histogram_seconds);
}

void http_codes_note(struct http_metrics *metrics, int status, int64_t duration_us)
{
	histogram_observe(&metrics->answer_seconds[index_of(status)], (double)duration_us / 1e6);
}
