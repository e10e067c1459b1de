/* SPDX-License-Identifier: MIT */
/*
 * client_place.h - whether an address is one of this machine's
 *
 * Promise    Asks the kernel for the way there; nothing is sent.
 * Threads    Any.
 */
#ifndef REPOSTAL_DELIVERY_CLIENT_PLACE_H
#define REPOSTAL_DELIVERY_CLIENT_PLACE_H

#include <stdbool.h>

#include "repostal/address.h"

bool client_is_this_machine(const struct address *address);

#endif
