/* SPDX-License-Identifier: MIT */
/*
 * Senders choose the texts, so the hash is one that nobody can aim: with a weaker one they could give any
 * number of events one key, and each search and each order would walk through all of them.
 */
#include "repostal/search_key.h"

#include <string.h>

#include "repostal/digest.h"
#include "repostal/memory.h"
#include "repostal/uuid.h"

enum {
	FOLDED_SIZE_MAX = 1024, /* what is longer is no id and no address */
	NOBODY = 1,             /* the key of a text that is no uuid */
};

struct folded {
	char text[FOLDED_SIZE_MAX];
};

static struct slice fold(struct slice text, struct folded *folded)
{
	if (text.size > sizeof(folded->text))
		return text;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];

		folded->text[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	return slice_of(folded->text, text.size);
}

static int64_t read_key(const uint8_t *bytes)
{
	uint64_t number = 0;

	for (size_t i = 0; i < sizeof(number); i++)
		number = number << 8 | bytes[i];
	number &= INT64_MAX;
	return number == 0 ? NOBODY : (int64_t)number;
}

static int64_t key_of(const struct slice *parts, size_t count)
{
	uint8_t digest[DIGEST_SHA256_SIZE];

	digest_sha256(parts, count, digest);
	return read_key(digest);
}

/* A uuid is the beginning of a digest already: half of it will do. */
int64_t search_key_uuid(struct slice text)
{
	struct uuid uuid;

	return uuid_parse(text, &uuid) ? read_key(uuid.bytes + UUID_SIZE - sizeof(int64_t))
				       : NOBODY;
}

int64_t search_key_message(struct slice message_id)
{
	struct folded folded;
	const struct slice parts[] = { SLICE_LITERAL("message"), SLICE_LITERAL("\0"),
		fold(message_id, &folded) };

	return key_of(parts, ARRAY_COUNT(parts));
}

int64_t search_key_recipient(struct slice recipient)
{
	struct folded folded;
	const struct slice parts[] = { SLICE_LITERAL("recipient"), SLICE_LITERAL("\0"),
		fold(recipient, &folded) };

	return key_of(parts, ARRAY_COUNT(parts));
}

/* No name, message id or address holds a NUL. */
int64_t search_key_order(struct slice source, struct slice message_id, struct slice recipient)
{
	struct folded id, address;
	const struct slice parts[] = {
		SLICE_LITERAL("order"),
		SLICE_LITERAL("\0"),
		source,
		SLICE_LITERAL("\0"),
		fold(message_id, &id),
		SLICE_LITERAL("\0"),
		fold(recipient, &address),
	};

	return key_of(parts, ARRAY_COUNT(parts));
}
