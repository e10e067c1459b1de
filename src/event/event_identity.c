/* SPDX-License-Identifier: MIT */
/*
 * What is derived by hash. Receivers keep these values for years, so nothing here may ever change:
 * not the namespace, not the order of the fields, not the way they are joined.
 *
 * The canonical text of some fields is each field's size in bytes as a decimal number, a colon, and
 * its bytes, one after another ("3:abc0:2:de"): no contents of a field can look like another field.
 *
 * event      SHA-1 of the namespace and the canonical text of (source, kind, id, recipient with its
 *            domain in lower case, time in milliseconds or, where it was not understood, as it was
 *            sent, category, response). The first 16 bytes make the UUID of version 5, the last 8,
 *            without the lowest bit, the hash.
 * message    SHA-1 of the canonical text of (source, message id, recipient in lower case): a mail server
 *            may treat the case of a local part as it likes, but the mail is one. The first 4 bytes make
 *            the id, the next 8 and the last 8 (big-endian) eight characters of the token each.
 * bounce     like message, with "bounce" as a fourth field.
 * as new     SHA-1 of the namespace and the canonical text of ("as new", the 16 bytes of the event's UUID, the
 *            target's name, the number). The first 16 bytes make the UUID of version 5.
 */
#include "repostal/event_identity.h"

#include "repostal/digest.h"
#include "repostal/memory.h"

enum {
	FIELDS_MAX = 7,
	NUMBER_SIZE = 24, /* of 64 bits and a colon */
	ID_BITS = 30,
	TOKEN_HALF = (POSTAL_TOKEN_SIZE - 1) / 2,
};

/* bd74462d-74bb-4a28-b5ca-5bf2e95cea74, drawn once for this program. */
static const char namespace_bytes[UUID_SIZE] =
	"\xbd\x74\x46\x2d\x74\xbb\x4a\x28\xb5\xca\x5b\xf2\xe9\x5c\xea\x74";

struct canonical {
	struct slice parts[2 * FIELDS_MAX + 1];
	size_t parts_count;
	char sizes[FIELDS_MAX][NUMBER_SIZE];
	size_t fields_count;
};

static struct slice print_number(uint64_t number, char text[NUMBER_SIZE], const char *suffix)
{
	char *end = text + NUMBER_SIZE;
	char *start = end;

	if (*suffix != '\0')
		*--start = *suffix;
	do {
		*--start = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return slice_of(start, (size_t)(end - start));
}

static void add_field(struct canonical *canonical, struct slice field)
{
	char *size;

	REPOSTAL_ASSERT(canonical->fields_count < FIELDS_MAX);
	size = canonical->sizes[canonical->fields_count++];
	canonical->parts[canonical->parts_count++] = print_number(field.size, size, ":");
	canonical->parts[canonical->parts_count++] = field;
}

static void begin_in_namespace(struct canonical *canonical)
{
	canonical->parts[0] = slice_of(namespace_bytes, sizeof(namespace_bytes));
	canonical->parts_count = 1;
	canonical->fields_count = 0;
}

static uint64_t read_big_endian(const uint8_t *bytes, size_t size)
{
	uint64_t number = 0;

	for (size_t i = 0; i < size; i++)
		number = number << 8 | bytes[i];
	return number;
}

/* text as it is, but in lower case from the offset on; ASCII only, as domains on the wire are. */
static struct slice lower_from(struct slice text, size_t from, char out[BIZMAIL_ADDRESS_SIZE_MAX])
{
	if (text.size > BIZMAIL_ADDRESS_SIZE_MAX)
		return text;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];

		out[i] = i >= from && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	return slice_of(out, text.size);
}

static size_t domain_at(struct slice address)
{
	const char *at = address.size == 0 ? NULL : memrchr(address.data, '@', address.size);

	return at == NULL ? address.size : (size_t)(at - address.data);
}

struct event_identity event_identity_of(struct slice source, const struct bizmail_event *event)
{
	struct canonical canonical;
	char time[NUMBER_SIZE];
	char recipient[BIZMAIL_ADDRESS_SIZE_MAX];
	uint8_t digest[DIGEST_SHA1_SIZE];
	struct event_identity identity;

	begin_in_namespace(&canonical);
	add_field(&canonical, source);
	add_field(&canonical, slice_text(bizmail_kind_name(event->kind)));
	add_field(&canonical, event->id);
	add_field(&canonical, lower_from(event->recipient, domain_at(event->recipient), recipient));
	add_field(&canonical, event->time_text.size > 0
				      ? event->time_text
				      : print_number((uint64_t)event->time_ms, time, ""));
	add_field(&canonical, event->category);
	add_field(&canonical, event->response);
	digest_sha1(canonical.parts, canonical.parts_count, digest);
	identity.uuid = uuid_from_sha1(digest);
	identity.hash = read_big_endian(digest + sizeof(digest) - 8, 8) >> 1;
	return identity;
}

struct uuid event_uuid_as_new(const struct uuid *own, struct slice target, int number)
{
	struct canonical canonical;
	char text[NUMBER_SIZE];
	uint8_t digest[DIGEST_SHA1_SIZE];

	if (number <= 0)
		return *own;
	begin_in_namespace(&canonical);
	add_field(&canonical, SLICE_LITERAL("as new"));
	add_field(&canonical, slice_of((const char *)own->bytes, UUID_SIZE));
	add_field(&canonical, target);
	add_field(&canonical, print_number((uint64_t)number, text, ""));
	digest_sha1(canonical.parts, canonical.parts_count, digest);
	return uuid_from_sha1(digest);
}

static void write_token_half(uint64_t number, char *out)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < TOKEN_HALF; i++) {
		out[i] = alphabet[number % (sizeof(alphabet) - 1)];
		number /= sizeof(alphabet) - 1;
	}
}

static void derive(const struct canonical *canonical, struct postal_message *message_out)
{
	uint8_t digest[DIGEST_SHA1_SIZE];
	uint32_t id_bits;

	digest_sha1(canonical->parts, canonical->parts_count, digest);
	id_bits = (uint32_t)read_big_endian(digest, 4) & ((UINT32_C(1) << ID_BITS) - 1);
	message_out->id = (int32_t)(UINT32_C(1) << ID_BITS | id_bits);
	write_token_half(read_big_endian(digest + 4, 8), message_out->token);
	write_token_half(read_big_endian(digest + 12, 8), message_out->token + TOKEN_HALF);
	message_out->token[POSTAL_TOKEN_SIZE - 1] = '\0';
}

static void add_message(struct canonical *canonical, struct slice source, struct slice message_id,
	struct slice recipient)
{
	canonical->parts_count = 0;
	canonical->fields_count = 0;
	add_field(canonical, source);
	add_field(canonical, message_id);
	add_field(canonical, recipient);
}

void event_message_identity(struct slice source, struct slice message_id, struct slice recipient,
	struct postal_message *message_out)
{
	struct canonical canonical;
	char lower[BIZMAIL_ADDRESS_SIZE_MAX];

	add_message(&canonical, source, message_id, lower_from(recipient, 0, lower));
	derive(&canonical, message_out);
}

void event_bounce_identity(struct slice source, struct slice message_id, struct slice recipient,
	struct postal_message *bounce_out)
{
	struct canonical canonical;
	char lower[BIZMAIL_ADDRESS_SIZE_MAX];

	add_message(&canonical, source, message_id, lower_from(recipient, 0, lower));
	add_field(&canonical, SLICE_LITERAL("bounce"));
	derive(&canonical, bounce_out);
}
