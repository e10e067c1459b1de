/* SPDX-License-Identifier: MIT */
/*
 * address.h - IP addresses and ranges of them
 *
 * Promise    An IPv4 address inside IPv6 (::ffff:a.b.c.d) is treated as the IPv4 address it is,
 *            everywhere: a rule for one form holds for the other, and a range of IPv6 as wide as
 *            ::/0 holds no IPv4 address.
 * Threads    Values.
 */
#ifndef REPOSTAL_ADDRESS_H
#define REPOSTAL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "repostal/slice.h"

enum {
	ADDRESS_TEXT_SIZE = 64
};

struct address {
	uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct address_range {
	struct address base;
	uint8_t prefix_bits; /* of 128 */
};

struct address_ranges {
	struct address_range *list;
	size_t count;
};

bool address_parse(struct slice text, struct address *out);
/*
 * As proxies write it into X-Forwarded-For and Forwarded (RFC 7239, section 6): also with a port, in
 * brackets ("[2001:db8::1]:443") and in quotes. "unknown" and "_names" are no addresses.
 */
bool address_parse_node(struct slice text, struct address *out);
/* False for families other than IPv4 and IPv6. */
bool address_from_sockaddr(const struct sockaddr *sa, struct address *out);
void address_format(const struct address *address, char out[ADDRESS_TEXT_SIZE]);
bool address_is_loopback(const struct address *address);
bool address_is_ipv4(const struct address *address);
/* 0.0.0.0 or ::, which listens on all addresses and dials this machine. */
bool address_is_unspecified(const struct address *address);

/* "203.0.113.0/24", "fe80::/10", or a bare address. Bits below the prefix must be zero. */
bool address_range_parse(struct slice text, struct address_range *out);
bool address_in_ranges(const struct address *address, const struct address_ranges *ranges);
/* The same for where a connection would go: an unspecified address is loopback then. */
bool address_dials_into(const struct address *address, const struct address_ranges *ranges);
/*
 * Where translators and tunnels on the way would take it: NAT64 (64:ff9b::/96, 64:ff9b:1::/48), 6to4
 * (2002::/16), and the compatible and translated forms (::a.b.c.d, ::ffff:0:a.b.c.d). False: nowhere else.
 */
bool address_embedded_ipv4(const struct address *address, struct address *out);

#endif
