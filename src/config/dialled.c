/* SPDX-License-Identifier: MIT */
#include "repostal/config.h"

#include <string.h>

#include "repostal/text.h"
#include "url.h"

enum {
	HTTP_PORT = 80,
	HTTPS_PORT = 443,
	PROXY_PORT = 1080 /* libcurl's, of every proxy that is not reached by https */
};

static int port_of(const struct url_parts *parts, bool is_proxy)
{
	int64_t port;

	if (parts->port.size > 0 && text_parse_uint(parts->port, &port))
		return (int)port;
	if (slice_is_nocase(parts->scheme, "https"))
		return HTTPS_PORT;
	return is_proxy ? PROXY_PORT : HTTP_PORT;
}

bool config_dialled_host(const struct target_settings *target, struct config_host *host_out)
{
	bool is_proxy = target->proxy != NULL && target->proxy[0] != '\0';
	struct url_parts parts, dialled;

	if (target->url == NULL || !url_split(slice_text(target->url), &parts, NULL))
		return false;
	dialled = parts;
	if (is_proxy && !url_split(slice_text(target->proxy), &dialled, NULL))
		return false;
	if (dialled.host.size >= sizeof(host_out->name))
		return false;
	*host_out = (struct config_host){
		.port = port_of(&dialled, is_proxy),
		.is_proxy = is_proxy,
		.is_tls = slice_is_nocase(parts.scheme, "https") ||
			  slice_is_nocase(dialled.scheme, "https"),
	};
	memcpy(host_out->name, dialled.host.data, dialled.host.size);
	return true;
}
