/* SPDX-License-Identifier: MIT */
#include "repostal/egress.h"

#include "repostal/memory.h"

#define V4(a, b, c, d)                                                                           \
	{                                                                                        \
		{                                                                                \
			[10] = 0xff, [11] = 0xff, [12] = (a), [13] = (b), [14] = (c), [15] = (d) \
		}                                                                                \
	}

/* Of most clouds: Amazon, Google, Azure, OpenStack, Oracle, DigitalOcean, Hetzner. */
static const struct address metadata_service = V4(169, 254, 169, 254);

/* What answers there tells any client the credentials of the machine. */
static bool is_metadata_service(const struct address *address)
{
	static struct address_range list[] = {
		/* Alibaba; Oracle's older one; Azure's WireServer */
		{ V4(100, 100, 100, 200), 128 },
		{ V4(192, 0, 0, 192), 128 },
		{ V4(168, 63, 129, 16), 128 },
		/* Amazon: fd00:ec2::254, and what else it serves at fd00:ec2::/32 */
		{ { { 0xfd, 0x00, 0x0e, 0xc2 } }, 32 },
		/* Google: fd20:ce::254 */
		{ { { 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54 } }, 128 },
		/* Oracle: fd00:c1::a9fe:a9fe */
		{ { { 0xfd, 0x00, 0x00,
			  0xc1, [12] = 0xa9, [13] = 0xfe, [14] = 0xa9, [15] = 0xfe } },
			128 },
		/* Scaleway: fd00:42::42 */
		{ { { 0xfd, 0x00, 0x00, 0x42, [15] = 0x42 } }, 128 },
	};
	static const struct address_ranges ranges = { .list = list, .count = ARRAY_COUNT(list) };

	return address_in_ranges(address, &ranges);
}

static bool is_denied(const struct address_ranges *deny, const struct address *address)
{
	if (address_dials_into(address, deny))
		return true;
	return is_metadata_service(address) && address_in_ranges(&metadata_service, deny);
}

bool egress_denies(const struct egress_settings *settings, const struct address *address)
{
	struct address inner;

	return is_denied(&settings->deny, address) ||
	       (address_embedded_ipv4(address, &inner) && is_denied(&settings->deny, &inner));
}
