/* SPDX-License-Identifier: MIT */
/*
 * own_listeners.h - would a connection to this address arrive at ourselves?
 *
 * Promise    Pure, but for what it asks of the caller. Every spelling of an address is the address, as in
 *            egress.h. A target of that kind would steer this gateway (its admin API) or feed it.
 * Threads    Values.
 */
#ifndef REPOSTAL_OWN_LISTENERS_H
#define REPOSTAL_OWN_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "repostal/address.h"

enum {
	OWN_LISTENERS_MAX = 2
};

struct own_listener {
	struct address address;
	int port;
};

struct own_listeners {
	struct own_listener list[OWN_LISTENERS_MAX];
	size_t count;
};

/* False when the text is no address; nothing is added then. */
bool own_listeners_add(struct own_listeners *own, const char *address, int port);
/* is_this_machine is asked only when a listener on all addresses has this port. */
bool own_listeners_have(const struct own_listeners *own, const struct address *address, int port,
	bool (*is_this_machine)(const struct address *address));

#endif
