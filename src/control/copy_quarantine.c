/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "repostal/digest.h"
#include "repostal/memory.h"

enum {
	PAGE_COUNT = 32,
	PORTION_COUNT_MAX = 64,
	PORTION_SIZE_MAX = 8 * 1024 * 1024,
	SLOTS_MIN = 256,
};

/* Never 0 as a whole. Two bodies that looked alike would be one after the copy. */
static struct copy_body body_of(uint16_t source, struct slice raw)
{
	const struct slice parts[] = { slice_of((const char *)&source, sizeof(source)), raw };
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct copy_body body;

	digest_sha256(parts, ARRAY_COUNT(parts), digest);
	memcpy(&body.hash, digest, sizeof(body.hash));
	memcpy(&body.other, digest + sizeof(body.hash), sizeof(body.other));
	body.hash |= 1;
	return body;
}

/* The slot that has the body, or the free one where it belongs. */
static struct copy_body *slot_of(const struct copy_known *known, struct copy_body body)
{
	size_t mask = known->slots_count - 1;
	size_t i = (size_t)(body.hash >> 1) & mask;

	while (known->slots[i].hash != 0 &&
		(known->slots[i].hash != body.hash || known->slots[i].other != body.other))
		i = (i + 1) & mask;
	return &known->slots[i];
}

static void grow(struct copy_known *known)
{
	const struct copy_known old = *known;

	known->slots_count = old.slots_count == 0 ? SLOTS_MIN : 2 * old.slots_count;
	known->slots = memory_zalloc(known->slots_count * sizeof(*known->slots));
	for (size_t i = 0; i < old.slots_count; i++)
		if (old.slots[i].hash != 0)
			*slot_of(known, old.slots[i]) = old.slots[i];
	free(old.slots);
}

bool copy_known_add(struct copy_known *known, uint16_t source, struct slice raw)
{
	const struct copy_body body = body_of(source, raw);
	struct copy_body *slot;

	if (2 * (known->count + 1) > known->slots_count)
		grow(known);
	slot = slot_of(known, body);
	if (slot->hash != 0)
		return true;
	*slot = body;
	known->count++;
	return false;
}

void copy_known_free(struct copy_known *known)
{
	free(known->slots);
	*known = (struct copy_known){ 0 };
}

static void note_known(void *context, const struct store_quarantine_row *row)
{
	copy_known_add(context, row->source, row->raw);
}

enum status copy_known_read(struct copy *copy, struct error *err)
{
	struct store_reader *reader = NULL;
	struct store_page page = { .count_max = PAGE_COUNT };
	enum status status = store_reader_open(copy->settings->to, &reader, err);

	if (status != STATUS_OK)
		return status;
	do
		status = store_reader_quarantine(reader, &page, note_known, &copy->known, err);
	while (status == STATUS_OK && page.next != 0);
	store_reader_close(&reader);
	return status;
}

/* Pages begin with the newest, but the oldest is to get the lowest number again. */
struct ids {
	int64_t *list;
	size_t count, room;
};

static void note_id(void *context, const struct store_quarantine_row *row)
{
	struct ids *ids = context;

	if (ids->count == ids->room) {
		ids->room = ids->room == 0 ? SLOTS_MIN : 2 * ids->room;
		ids->list = memory_regrow(ids->list, ids->room, sizeof(*ids->list));
	}
	ids->list[ids->count++] = row->id;
}

static enum status read_ids(struct copy *copy, struct ids *ids, struct error *err)
{
	struct store_page page = { .count_max = PAGE_COUNT };
	enum status status;

	do
		status = store_reader_quarantine(copy->reader, &page, note_id, ids, err);
	while (status == STATUS_OK && page.next != 0);
	return status;
}

struct body {
	struct store_quarantined quarantined;
	int64_t last_seen_us;
	char *reason;
	char *bytes; /* content type and raw */
};

struct portion {
	struct copy *copy;
	struct body bodies[PORTION_COUNT_MAX];
	size_t count;
	size_t size;
	struct store_copy_counts added;
	enum status status;
	struct error *err;
};

static void add_body(void *context, const struct store_quarantine_row *row)
{
	struct portion *portion = context;
	struct body *body = &portion->bodies[portion->count];
	uint16_t source = 0;

	portion->status = copy_source_number(portion->copy, row->source, &source, portion->err);
	if (portion->status != STATUS_OK)
		return;
	if (copy_known_add(&portion->copy->known, source, row->raw)) {
		portion->added.quarantined_known++;
		return;
	}
	*body = (struct body){
		.last_seen_us = row->last_seen_us,
		.reason = memory_copy_bytes(row->reason.data, row->reason.size),
		.bytes = memory_alloc(row->content_type.size + row->raw.size + 1),
	};
	memcpy(body->bytes, row->content_type.data, row->content_type.size);
	memcpy(body->bytes + row->content_type.size, row->raw.data, row->raw.size);
	body->quarantined = (struct store_quarantined){
		.received_us = row->received_us,
		.source = source,
		.kind = row->kind,
		.reason = body->reason,
		.content_type = slice_of(body->bytes, row->content_type.size),
		.raw = slice_of(body->bytes + row->content_type.size, row->raw.size),
	};
	portion->count++;
	portion->size += row->raw.size;
	portion->added.quarantined++;
}

static void empty(struct portion *portion)
{
	for (size_t i = 0; i < portion->count; i++) {
		free(portion->bodies[i].reason);
		free(portion->bodies[i].bytes);
	}
	portion->count = 0;
	portion->size = 0;
	portion->added = (struct store_copy_counts){ 0 };
}

/* A second time when it was seen again: how long it is kept counts from then. */
static enum status write_body(struct store *to, struct body *body, struct error *err)
{
	enum status status = store_quarantine(to, &body->quarantined, err);

	if (status != STATUS_OK || body->last_seen_us <= body->quarantined.received_us)
		return status;
	body->quarantined.received_us = body->last_seen_us;
	return store_quarantine(to, &body->quarantined, err);
}

static enum status write_portion(struct portion *portion, struct error *err)
{
	struct copy *copy = portion->copy;
	enum status status = store_begin(copy->to, err);

	for (size_t i = 0; status == STATUS_OK && i < portion->count; i++)
		status = write_body(copy->to, &portion->bodies[i], err);
	if (status == STATUS_OK)
		status = copy_commit(copy, &portion->added, err);
	empty(portion);
	return status;
}

enum status copy_quarantine(struct copy *copy, struct error *err)
{
	struct portion *portion = memory_zalloc(sizeof(*portion));
	struct ids ids = { 0 };
	enum status status = read_ids(copy, &ids, err);

	portion->copy = copy;
	portion->err = err;
	for (size_t left = ids.count; status == STATUS_OK && left > 0; left--) {
		status = store_reader_quarantined(
			copy->reader, ids.list[left - 1], add_body, portion, err);
		if (status == STATUS_OK)
			status = portion->status;
		if (status == STATUS_OK && (left == 1 || portion->count == PORTION_COUNT_MAX ||
						   portion->size >= PORTION_SIZE_MAX))
			status = write_portion(portion, err);
	}
	empty(portion);
	free(portion);
	free(ids.list);
	return status;
}
