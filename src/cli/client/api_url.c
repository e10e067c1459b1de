/* SPDX-License-Identifier: MIT */
#include "api_url.h"

#include <stdbool.h>
#include <string.h>

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._~", c) != NULL);
}

void api_append_origin(struct buf *out, const char *address, int port)
{
	const char *host = address;

	if (strcmp(address, "0.0.0.0") == 0)
		host = "127.0.0.1";
	else if (strcmp(address, "::") == 0)
		host = "::1";
	buf_printf(out, strchr(host, ':') == NULL ? "http://%s:%d" : "http://[%s]:%d", host, port);
}

void api_append_encoded(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.size; i++)
		if (is_unreserved(text.data[i]))
			buf_append_char(out, text.data[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)text.data[i]);
}

void api_append_parameter(struct buf *query, const char *name, const char *value)
{
	if (query->size > 0)
		buf_append_char(query, '&');
	buf_printf(query, "%s=", name);
	api_append_encoded(query, slice_text(value));
}
