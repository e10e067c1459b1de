/* SPDX-License-Identifier: MIT */
/*
 * Rules about addresses: two listeners on one port, and a target that is the gateway itself.
 */
#include <string.h>

#include "repostal/address.h"
#include "rules.h"

struct endpoint {
	struct address address;
	int port; /* 0: any free one, so nobody knows it yet */
};

static bool endpoint_of(const char *address, int port, struct endpoint *out)
{
	out->port = port;
	return port != 0 && address_parse(slice_text(address), &out->address);
}

/* "::" takes IPv4, too. */
static bool covers(const struct address *wildcard, const struct address *address)
{
	return address_is_unspecified(wildcard) &&
	       (!address_is_ipv4(wildcard) || address_is_ipv4(address));
}

static bool overlap(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0 || covers(a, b) || covers(b, a);
}

void rule_ports_differ(const struct config *config, struct problems *problems)
{
	struct endpoint listen, admin;

	if (!endpoint_of(config->listen.address, config->listen.port, &listen) ||
		!endpoint_of(config->admin.address, config->admin.port, &admin) ||
		listen.port != admin.port || !overlap(&listen.address, &admin.address))
		return;
	problems_error(problems, problems_line(problems, &config->admin.port, &config->listen.port),
		"'listen.port' and 'admin.port' must differ on the same address: %s port %d and "
		"%s port %d",
		config->listen.address, config->listen.port, config->admin.address,
		config->admin.port);
}

/* Whether dialling the host arrives at an endpoint of this machine. */
static bool arrives(const struct config_host *host, const struct endpoint *endpoint)
{
	struct address address;
	bool is_local;

	if (host->port != endpoint->port)
		return false;
	if (!address_parse(slice_text(host->name), &address))
		return slice_is_nocase(slice_text(host->name), "localhost") &&
		       (address_is_loopback(&endpoint->address) ||
			       address_is_unspecified(&endpoint->address));
	is_local = address_is_loopback(&address) || address_is_unspecified(&address);
	return memcmp(&address, &endpoint->address, sizeof(address)) == 0 ||
	       (is_local && address_is_unspecified(&endpoint->address)) ||
	       (address_is_unspecified(&address) && address_is_loopback(&endpoint->address));
}

void rule_target_is_elsewhere(const struct config *config, size_t index, struct problems *problems)
{
	const struct target_settings *target = &config->targets[index];
	const char *which = NULL;
	struct endpoint endpoint;
	struct config_host host;

	if (!config_dialled_host(target, &host) || host.is_proxy)
		return;
	if (endpoint_of(config->listen.address, config->listen.port, &endpoint) &&
		arrives(&host, &endpoint))
		which = "listen";
	else if (endpoint_of(config->admin.address, config->admin.port, &endpoint) &&
		 arrives(&host, &endpoint))
		which = "admin";
	if (which == NULL)
		return;
	problems_warn(problems, problems_line(problems, &target->url, target),
		"'targets.url': %s port %d is repostal's own '%s' address", host.name, host.port,
		which);
}
