/* SPDX-License-Identifier: MIT */
#include "repostal/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "repostal/memory.h"
#include "repostal/text.h"

enum {
	ADDRESS_BITS = 128,
	MAPPED_PREFIX_SIZE = 12,
	MAPPED_PREFIX_BITS = 96
};

static const uint8_t mapped_prefix[MAPPED_PREFIX_SIZE] = { [10] = 0xff, [11] = 0xff };

bool address_is_ipv4(const struct address *address)
{
	return memcmp(address->bytes, mapped_prefix, MAPPED_PREFIX_SIZE) == 0;
}

static void set_ipv4(struct address *address, const void *four_bytes)
{
	memcpy(address->bytes, mapped_prefix, MAPPED_PREFIX_SIZE);
	memcpy(address->bytes + MAPPED_PREFIX_SIZE, four_bytes, 4);
}

bool address_parse(struct slice text, struct address *out)
{
	char terminated[ADDRESS_TEXT_SIZE];
	struct in_addr ipv4;
	struct in6_addr ipv6;

	if (text.size == 0 || text.size >= sizeof(terminated) ||
		memchr(text.data, '\0', text.size) != NULL)
		return false;
	memcpy(terminated, text.data, text.size);
	terminated[text.size] = '\0';
	if (inet_pton(AF_INET, terminated, &ipv4) == 1) {
		set_ipv4(out, &ipv4);
		return true;
	}
	if (inet_pton(AF_INET6, terminated, &ipv6) == 1) {
		memcpy(out->bytes, &ipv6, sizeof(out->bytes));
		return true;
	}
	return false;
}

/* ":123", or nothing. */
static bool is_port(struct slice text)
{
	int64_t port;

	if (text.size == 0)
		return true;
	return text.data[0] == ':' && text.size <= sizeof(":65535") - 1 &&
	       text_parse_uint(slice_of(text.data + 1, text.size - 1), &port) && port <= UINT16_MAX;
}

bool address_parse_node(struct slice text, struct address *out)
{
	struct slice rest = slice_trim(text);
	struct slice host;

	if (rest.size >= 2 && rest.data[0] == '"' && rest.data[rest.size - 1] == '"')
		rest = slice_trim(slice_of(rest.data + 1, rest.size - 2));
	if (address_parse(rest, out))
		return true;
	if (rest.size > 0 && rest.data[0] == '[') {
		rest = slice_of(rest.data + 1, rest.size - 1);
		host = slice_cut(&rest, ']');
		return rest.data != NULL && memchr(host.data, ':', host.size) != NULL &&
		       is_port(rest) && address_parse(host, out);
	}
	host = slice_cut(&rest, ':');
	return rest.data != NULL && is_port(slice_of(rest.data - 1, rest.size + 1)) &&
	       address_parse(host, out);
}

bool address_from_sockaddr(const struct sockaddr *sa, struct address *out)
{
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;

	if (sa->sa_family == AF_INET) {
		memcpy(&ipv4, sa, sizeof(ipv4));
		set_ipv4(out, &ipv4.sin_addr);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&ipv6, sa, sizeof(ipv6));
		memcpy(out->bytes, &ipv6.sin6_addr, sizeof(out->bytes));
		return true;
	}
	return false;
}

void address_format(const struct address *address, char out[ADDRESS_TEXT_SIZE])
{
	const char *text = address_is_ipv4(address)
				   ? inet_ntop(AF_INET, address->bytes + MAPPED_PREFIX_SIZE, out,
					     ADDRESS_TEXT_SIZE)
				   : inet_ntop(AF_INET6, address->bytes, out, ADDRESS_TEXT_SIZE);

	REPOSTAL_ASSERT(text != NULL);
}

bool address_is_loopback(const struct address *address)
{
	static const struct address ipv6_loopback = { .bytes = { [15] = 1 } };

	if (address_is_ipv4(address))
		return address->bytes[MAPPED_PREFIX_SIZE] == 127;
	return memcmp(address, &ipv6_loopback, sizeof(ipv6_loopback)) == 0;
}

bool address_is_unspecified(const struct address *address)
{
	static const struct address ipv6 = { { 0 } };
	static const struct address ipv4 = { { [10] = 0xff, [11] = 0xff } };

	return memcmp(address, &ipv6, sizeof(ipv6)) == 0 ||
	       memcmp(address, &ipv4, sizeof(ipv4)) == 0;
}

/* Whether the first bits are the same. */
static bool shares_prefix(const struct address *a, const struct address *b, unsigned bits)
{
	unsigned whole_bytes = bits / 8;
	unsigned rest_bits = bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest_bits);

	if (memcmp(a->bytes, b->bytes, whole_bytes) != 0)
		return false;
	return rest_bits == 0 || ((a->bytes[whole_bytes] ^ b->bytes[whole_bytes]) & mask) == 0;
}

/* Whether the bits behind the prefix are zero. */
static bool ends_in_zeros(const struct address *address, unsigned prefix_bits)
{
	for (unsigned bit = prefix_bits; bit < ADDRESS_BITS; bit++) {
		if ((address->bytes[bit / 8] & (0x80 >> bit % 8)) != 0)
			return false;
	}
	return true;
}

bool address_range_parse(struct slice text, struct address_range *out)
{
	struct slice bits_text = text;
	struct slice address_text = slice_cut(&bits_text, '/');
	bool dotted =
		address_text.size > 0 && memchr(address_text.data, ':', address_text.size) == NULL;
	struct address base;
	int64_t bits = ADDRESS_BITS;

	if (!address_parse(address_text, &base))
		return false;
	if (bits_text.data != NULL) {
		if (bits_text.size > 3 || !text_parse_uint(bits_text, &bits))
			return false;
		if (dotted)
			bits += MAPPED_PREFIX_BITS;
	}
	if (bits > ADDRESS_BITS || !ends_in_zeros(&base, (unsigned)bits))
		return false;
	*out = (struct address_range){ .base = base, .prefix_bits = (uint8_t)bits };
	return true;
}

bool address_in_ranges(const struct address *address, const struct address_ranges *ranges)
{
	for (size_t i = 0; i < ranges->count; i++) {
		const struct address_range *range = &ranges->list[i];

		/* "::/0" is every IPv6 address; that IPv4 is spelt inside it here is our affair. */
		if (address_is_ipv4(address) && range->prefix_bits < MAPPED_PREFIX_BITS)
			continue;
		if (shares_prefix(address, &range->base, range->prefix_bits))
			return true;
	}
	return false;
}

/* Linux connects to itself when it is asked for the unspecified address of either family. */
bool address_dials_into(const struct address *address, const struct address_ranges *ranges)
{
	static const struct address loopback_v4 = {
		{ [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 }
	};
	static const struct address loopback_v6 = { { [15] = 1 } };

	if (address_in_ranges(address, ranges))
		return true;
	return address_is_unspecified(address) &&
	       (address_in_ranges(&loopback_v4, ranges) || address_in_ranges(&loopback_v6, ranges));
}

bool address_embedded_ipv4(const struct address *address, struct address *out)
{
	static const struct {
		struct address_range range;
		uint8_t offset; /* of the four bytes */
	} forms[] = {
		{ { { { 0x00, 0x64, 0xff, 0x9b } }, 96 }, 12 },
		{ { { { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 } }, 48 }, 12 },
		{ { { { 0x20, 0x02 } }, 16 }, 2 },
		{ { { { [8] = 0xff, [9] = 0xff } }, 96 }, 12 },
		{ { { { 0 } }, 96 }, 12 },
	};

	if (address_is_unspecified(address) || address_is_loopback(address))
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
		if (shares_prefix(address, &forms[i].range.base, forms[i].range.prefix_bits)) {
			set_ipv4(out, address->bytes + forms[i].offset);
			return true;
		}
	return false;
}
