/* SPDX-License-Identifier: MIT */
#include "repostal/uuid.h"

#include "hex.h"

struct uuid uuid_from_sha1(const uint8_t digest[20])
{
	struct uuid uuid;

	memcpy(uuid.bytes, digest, UUID_SIZE);
	uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x50); /* version 5 */
	uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80); /* the variant of RFC 9562 */
	return uuid;
}

/* A hyphen stands in front of these bytes. */
static bool starts_group(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_format(const struct uuid *uuid, char out[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *at = out;

	for (size_t i = 0; i < UUID_SIZE; i++) {
		if (starts_group(i))
			*at++ = '-';
		*at++ = digits[uuid->bytes[i] >> 4];
		*at++ = digits[uuid->bytes[i] & 0x0f];
	}
	*at = '\0';
}

bool uuid_parse(struct slice text, struct uuid *out)
{
	struct uuid uuid;
	const char *at = text.data;

	if (text.size != UUID_TEXT_SIZE - 1)
		return false;
	for (size_t i = 0; i < UUID_SIZE; i++) {
		int high;
		int low;

		if (starts_group(i) && *at++ != '-')
			return false;
		high = hex_value(*at++);
		low = hex_value(*at++);
		if (high < 0 || low < 0)
			return false;
		uuid.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*out = uuid;
	return true;
}
