/* SPDX-License-Identifier: MIT */
#include "repostal/url.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "repostal/memory.h"

enum {
	QUERY_SIZE_MAX = 64 * 1024
};

struct url {
	CURLU *handle;
};

struct url *url_parse(const char *text)
{
	struct url *url;
	CURLU *handle = curl_url();

	REPOSTAL_ASSERT(handle != NULL);
	if (curl_url_set(handle, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
		curl_url_cleanup(handle);
		return NULL;
	}
	url = memory_zalloc(sizeof(*url));
	url->handle = handle;
	return url;
}

void url_free(struct url **urlp)
{
	struct url *url = *urlp;

	if (url == NULL)
		return;
	*urlp = NULL;
	curl_url_cleanup(url->handle);
	free(url);
}

static CURLUPart part_of(enum url_part part)
{
	switch (part) {
	case URL_SCHEME:
		return CURLUPART_SCHEME;
	case URL_USER:
		return CURLUPART_USER;
	case URL_PASSWORD:
		return CURLUPART_PASSWORD;
	case URL_HOST:
		return CURLUPART_HOST;
	case URL_PORT:
		return CURLUPART_PORT;
	case URL_PATH:
		return CURLUPART_PATH;
	case URL_QUERY:
		return CURLUPART_QUERY;
	case URL_FRAGMENT:
		return CURLUPART_FRAGMENT;
	}
	return CURLUPART_URL; /* not reached: -Wswitch guards the cases */
}

static bool append(const struct url *url, CURLUPart part, struct buf *out)
{
	char *text = NULL;

	if (curl_url_get(url->handle, part, &text, 0) != CURLUE_OK)
		return false;
	buf_append_text(out, text);
	curl_free(text);
	return true;
}

bool url_append_part(const struct url *url, enum url_part part, struct buf *out)
{
	return append(url, part_of(part), out);
}

void url_append(const struct url *url, struct buf *out)
{
	(void)append(url, CURLUPART_URL, out);
}

bool url_add_parameter(struct url *url, const char *name, const char *value)
{
	struct buf query;
	bool fits;

	buf_init(&query, QUERY_SIZE_MAX);
	url_append_parameter(&query, name, value);
	fits = !query.overflowed && curl_url_set(url->handle, CURLUPART_QUERY, query.data,
					    CURLU_APPENDQUERY) == CURLUE_OK;
	buf_free(&query);
	return fits;
}

void url_append_origin(struct buf *out, const char *scheme, const char *address, int port)
{
	const char *host = address;

	if (strcmp(address, "0.0.0.0") == 0)
		host = "127.0.0.1";
	else if (strcmp(address, "::") == 0)
		host = "::1";
	buf_printf(
		out, strchr(host, ':') == NULL ? "%s://%s:%d" : "%s://[%s]:%d", scheme, host, port);
}

void url_append_encoded(struct buf *out, struct slice text)
{
	char *encoded;

	/* libcurl would take the length from a text that has none. */
	if (text.size == 0)
		return;
	REPOSTAL_ASSERT(text.size <= INT_MAX);
	encoded = curl_easy_escape(NULL, text.data, (int)text.size);
	REPOSTAL_ASSERT(encoded != NULL);
	buf_append_text(out, encoded);
	curl_free(encoded);
}

void url_append_parameter(struct buf *query, const char *name, const char *value)
{
	if (query->size > 0)
		buf_append_char(query, '&');
	buf_printf(query, "%s=", name);
	url_append_encoded(query, slice_text(value));
}
