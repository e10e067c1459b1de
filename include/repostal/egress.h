/* SPDX-License-Identifier: MIT */
/*
 * egress.h - may this address be dialled?
 *
 * Promise    Pure. Every spelling of an address is the address: IPv4 inside IPv6 (mapped, translated,
 *            NAT64, 6to4) is checked as the IPv4 address it leads to. Who denies 169.254.169.254, as
 *            the default does, denies the other addresses at which clouds hand out credentials too.
 * Threads    Values.
 */
#ifndef REPOSTAL_EGRESS_H
#define REPOSTAL_EGRESS_H

#include <stdbool.h>

#include "repostal/address.h"
#include "repostal/target_settings.h"

bool egress_denies(const struct egress_settings *settings, const struct address *address);

#endif
