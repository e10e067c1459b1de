/* SPDX-License-Identifier: MIT */
#include "repostal/own_listeners.h"

#include <string.h>

#include "repostal/memory.h"

bool own_listeners_add(struct own_listeners *own, const char *address, int port)
{
	struct own_listener *listener = &own->list[own->count];

	REPOSTAL_ASSERT(own->count < OWN_LISTENERS_MAX);
	if (!address_parse(slice_text(address), &listener->address))
		return false;
	listener->port = port;
	own->count++;
	return true;
}

/* Linux connects to its loopback address when it is asked for the unspecified one. */
static bool arrives(const struct address *listener, const struct address *address,
	bool (*is_this_machine)(const struct address *address))
{
	if (memcmp(listener, address, sizeof(*address)) == 0)
		return true;
	if (address_is_unspecified(listener))
		return address_is_unspecified(address) || address_is_loopback(address) ||
		       is_this_machine(address);
	return address_is_unspecified(address) && address_is_loopback(listener);
}

bool own_listeners_have(const struct own_listeners *own, const struct address *address, int port,
	bool (*is_this_machine)(const struct address *address))
{
	struct address inner;
	bool has_inner = address_embedded_ipv4(address, &inner);

	for (size_t i = 0; i < own->count; i++) {
		const struct own_listener *listener = &own->list[i];

		if (listener->port != port)
			continue;
		if (arrives(&listener->address, address, is_this_machine) ||
			(has_inner && arrives(&listener->address, &inner, is_this_machine)))
			return true;
	}
	return false;
}
