/* SPDX-License-Identifier: MIT */
#include "format.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <unistd.h>

#include "repostal/address.h"
#include "repostal/memory.h"
#include "repostal/secret.h"
#include "repostal/text.h"
#include "url.h"

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool consists_of(struct slice text, const char *others)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];

		if (!is_alphanumeric(c) && (c == '\0' || strchr(others, c) == NULL))
			return false;
	}
	return true;
}

bool must_be_printable(struct slice text, struct error *err)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text_control_sequence(text.data + i, text.size - i) > 0) {
			error_set(err, "must not hold control characters or line breaks");
			return false;
		}
	}
	if (!text_is_utf8(text)) {
		error_set(err, "must be valid UTF-8");
		return false;
	}
	return true;
}

bool must_be_name(struct slice text, struct error *err)
{
	if (consists_of(text, "._-"))
		return true;
	error_set(err, "must consist of letters, digits, '.', '_' and '-'");
	return false;
}

bool must_be_address(struct slice text, struct error *err)
{
	struct address address;

	if (address_parse(text, &address))
		return true;
	error_set(err, "must be an IPv4 or IPv6 address, such as \"127.0.0.1\" or \"::1\"");
	return false;
}

static bool is_at_or_below(struct slice path, struct slice folder)
{
	return path.size >= folder.size && memcmp(path.data, folder.data, folder.size) == 0 &&
	       (path.size == folder.size || path.data[folder.size] == '/');
}

/* The segments behind the first '/'; empty ones and dots are rewritten by clients and proxies. */
static bool segments_are_plain(struct slice path)
{
	struct slice rest = slice_of(path.data + 1, path.size - 1);

	while (rest.size > 0) {
		struct slice segment = slice_cut(&rest, '/');

		if (segment.size == 0 || slice_is(segment, ".") || slice_is(segment, ".."))
			return false;
	}
	return true;
}

bool must_be_route(struct slice text, struct error *err)
{
	static const char *const reserved[] = { "/healthz", "/.well-known" };

	if (text.data[0] != '/') {
		error_set(err, "must begin with '/'");
		return false;
	}
	if (text.size > 1 && text.data[text.size - 1] == '/') {
		error_set(err, "must not end with '/'");
		return false;
	}
	if (!consists_of(text, "/-._~!$&'()*+,;=:@") || !segments_are_plain(text)) {
		error_set(err,
			"must be a plain path, such as \"/webhooks/bizmail\": no query, no %%xx, "
			"no empty segment, no '.' or '..'");
		return false;
	}
	for (size_t i = 0; i < ARRAY_COUNT(reserved); i++) {
		if (is_at_or_below(text, slice_text(reserved[i]))) {
			error_set(err, "must not be %s or below: that is repostal's own",
				reserved[i]);
			return false;
		}
	}
	return true;
}

/* Of a URL that check --print has written. */
static bool has_mask(const struct url_parts *parts, struct error *err)
{
	static const char mask[] = SECRET_MASK;
	size_t size = sizeof(mask) - 1;

	if (parts->user.size < size ||
		memcmp(parts->user.data + parts->user.size - size, mask, size) != 0)
		return false;
	error_set(err, "holds the \"%s\" that check --print writes for a password: put it back",
		mask);
	return true;
}

bool must_be_target_url(struct slice text, struct error *err)
{
	struct url_parts parts;

	if (!url_split(text, &parts, err) || has_mask(&parts, err))
		return false;
	if (slice_is_nocase(parts.scheme, "http") || slice_is_nocase(parts.scheme, "https"))
		return true;
	error_set(err, "must begin with http:// or https://");
	return false;
}

bool must_be_proxy_url(struct slice text, struct error *err)
{
	static const char *const schemes[] = { "http", "https", "socks5", "socks5h" };
	struct url_parts parts;

	if (text.size == 0)
		return true;
	if (!url_split(text, &parts, err) || has_mask(&parts, err))
		return false;
	if (parts.rest.size > 1 || (parts.rest.size == 1 && parts.rest.data[0] != '/')) {
		error_set(err, "must end behind the host and the port");
		return false;
	}
	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
		if (slice_is_nocase(parts.scheme, schemes[i]))
			return true;
	}
	error_set(err, "must begin with http://, https://, socks5:// or socks5h://");
	return false;
}

bool must_be_basic_credentials(struct slice text, struct error *err)
{
	if (memchr(text.data, ':', text.size) != NULL)
		return true;
	error_set(err, "must be \"user:password\"");
	return false;
}

bool must_be_readable_file(struct slice text, struct error *err)
{
	char path[PATH_MAX];

	if (text.size == 0)
		return true;
	if (text.size >= sizeof(path)) {
		error_set(err, "is too long for the path of a file");
		return false;
	}
	memcpy(path, text.data, text.size);
	path[text.size] = '\0';
	if (access(path, R_OK) == 0)
		return true;
	error_set(err, "must be a file that can be read: %.256s: %s", path, strerror(errno));
	return false;
}

bool must_be_store_path(struct slice text, struct error *err)
{
	/* SQLite takes ":memory:" and its like for databases that die with the process. */
	if (text.data[0] != ':')
		return true;
	error_set(err, "must be the path of a file");
	return false;
}

bool must_be_socket(struct slice text, struct error *err)
{
	if (text.size == 0 || slice_is(text, "none") || text.data[0] == '/')
		return true;
	error_set(err, "must be a path that begins with '/', or \"none\"");
	return false;
}
