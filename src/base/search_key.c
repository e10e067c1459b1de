/* SPDX-License-Identifier: MIT */
/*
 * FNV-1a with a final mix: a hit is compared with the text itself by whoever searches, so it only has
 * to spread well.
 */
#include "repostal/search_key.h"

static uint64_t add_byte(uint64_t hash, unsigned char byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t add_folded(uint64_t hash, struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		unsigned char byte = (unsigned char)text.data[i];

		hash = add_byte(hash, byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
	}
	return hash;
}

static uint64_t begin(char use)
{
	return add_byte(UINT64_C(0xcbf29ce484222325), (unsigned char)use);
}

static int64_t finish(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= UINT64_C(0xd6e8feb86659fd93);
	hash ^= hash >> 32;
	hash &= INT64_MAX;
	return hash == 0 ? 1 : (int64_t)hash;
}

int64_t search_key_uuid(struct slice uuid)
{
	return finish(add_folded(begin('u'), uuid));
}

int64_t search_key_message(struct slice message_id)
{
	return finish(add_folded(begin('m'), message_id));
}

int64_t search_key_recipient(struct slice recipient)
{
	return finish(add_folded(begin('r'), recipient));
}

int64_t search_key_order(struct slice message_id, struct slice recipient)
{
	uint64_t hash = add_folded(begin('o'), message_id);

	/* No message id holds a NUL. */
	return finish(add_folded(add_byte(hash, 0), recipient));
}
