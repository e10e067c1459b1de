/* SPDX-License-Identifier: MIT */
#include "url.h"

#include "repostal/address.h"
#include "repostal/text.h"

enum {
	PORT_MAX = 65535
};

static bool find(struct slice text, const char *wanted, size_t *at_out)
{
	size_t wanted_size = strlen(wanted);

	for (size_t i = 0; i + wanted_size <= text.size; i++) {
		if (memcmp(text.data + i, wanted, wanted_size) == 0) {
			*at_out = i;
			return true;
		}
	}
	return false;
}

/* How many bytes come before the first of these characters. */
static size_t span_until(struct slice text, const char *ends)
{
	size_t size = 0;

	while (size < text.size && strchr(ends, text.data[size]) == NULL)
		size++;
	return size;
}

static struct slice skip(struct slice text, size_t size)
{
	return slice_of(text.data + size, text.size - size);
}

static bool characters_are_plain(struct slice url, struct error *err)
{
	for (size_t i = 0; i < url.size; i++) {
		unsigned char c = (unsigned char)url.data[i];

		if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL) {
			error_set(err,
				"must be a URL: spaces, control characters, quotes, brackets and "
				"letters beyond ASCII are written as %%xx");
			return false;
		}
		if (c == '#') {
			error_set(err, "must be a URL without a fragment ('#...')");
			return false;
		}
	}
	return true;
}

static bool host_is_name(struct slice host)
{
	for (size_t i = 0; i < host.size; i++) {
		char c = host.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '-' || c == '.' || c == '_'))
			return false;
	}
	return host.size > 0 && host.data[0] != '.';
}

/* "host", "host:port", "[address]" or "[address]:port". */
static bool split_host(struct slice text, struct url_parts *parts)
{
	struct address address;
	size_t size;
	int64_t port;

	if (text.size > 0 && text.data[0] == '[') {
		size = span_until(text, "]");
		if (size == text.size)
			return false;
		parts->host = slice_of(text.data + 1, size - 1);
		if (memchr(parts->host.data, ':', parts->host.size) == NULL ||
			!address_parse(parts->host, &address))
			return false;
		size++;
	} else {
		size = span_until(text, ":");
		parts->host = slice_of(text.data, size);
		if (!host_is_name(parts->host))
			return false;
	}
	if (size == text.size)
		return true;
	if (text.data[size] != ':')
		return false;
	parts->port = skip(text, size + 1);
	return text_parse_uint(parts->port, &port) && port >= 1 && port <= PORT_MAX;
}

bool url_split(struct slice url, struct url_parts *parts_out, struct error *err)
{
	struct url_parts parts = { 0 };
	struct slice authority;
	size_t at;

	if (!characters_are_plain(url, err))
		return false;
	if (!find(url, "://", &at) || at == 0 || span_until(url, ":/?@") != at) {
		error_set(err, "must be a URL with a scheme, such as \"https://app.example.com/\"");
		return false;
	}
	parts.scheme = slice_of(url.data, at);
	authority = skip(url, at + 3);
	parts.rest = skip(authority, span_until(authority, "/?"));
	authority.size -= parts.rest.size;
	at = span_until(authority, "@");
	if (at < authority.size) {
		parts.user = slice_of(authority.data, at);
		authority = skip(authority, at + 1);
	}
	if (!split_host(authority, &parts)) {
		error_set(err, "must be a URL with a host, and a port from 1 to 65535 if any");
		return false;
	}
	*parts_out = parts;
	return true;
}

bool url_is_loopback(const struct url_parts *parts)
{
	static const char suffix[] = ".localhost";
	size_t suffix_size = sizeof(suffix) - 1;
	struct address address;

	if (address_parse(parts->host, &address))
		return address_is_loopback(&address);
	if (slice_is_nocase(parts->host, "localhost"))
		return true;
	return parts->host.size > suffix_size &&
	       slice_is_nocase(skip(parts->host, parts->host.size - suffix_size), suffix);
}

void url_append_masked(struct buf *out, struct slice url)
{
	struct url_parts parts;
	struct slice before;
	size_t shown;

	if (url.size == 0 || !url_split(url, &parts, NULL) || parts.user.data == NULL) {
		buf_append_slice(out, url);
		return;
	}
	before = slice_of(url.data, (size_t)(parts.user.data - url.data));
	shown = span_until(parts.user, ":");
	buf_append_slice(out, before);
	if (shown < parts.user.size)
		buf_append(out, parts.user.data, shown + 1);
	buf_append_text(out, "***");
	buf_append_slice(out, skip(url, before.size + parts.user.size));
}
