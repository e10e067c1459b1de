/* SPDX-License-Identifier: MIT */
/*
 * uuid.h - the text form of a UUID (RFC 9562)
 *
 * Promise    Lower case, 8-4-4-4-12. The bytes come from the caller.
 * Threads    Any.
 */
#ifndef REPOSTAL_UUID_H
#define REPOSTAL_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/slice.h"

enum {
	UUID_SIZE = 16,
	UUID_TEXT_SIZE = 37
};

struct uuid {
	uint8_t bytes[UUID_SIZE];
};

/* The first 16 bytes of a SHA-1, with version 5 and the variant set (RFC 9562, section 5.5). */
struct uuid uuid_from_sha1(const uint8_t digest[20]);
void uuid_format(const struct uuid *uuid, char out[UUID_TEXT_SIZE]);
bool uuid_parse(struct slice text, struct uuid *out);

#endif
