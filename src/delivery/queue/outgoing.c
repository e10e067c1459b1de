/* SPDX-License-Identifier: MIT */
#include "repostal/outgoing.h"

#include <string.h>

#include "repostal/memory.h"

struct outgoing *outgoing_new(struct slice body, int64_t received_us, size_t deliveries_count)
{
	size_t head = sizeof(struct outgoing) + deliveries_count * sizeof(struct delivery);
	struct outgoing *outgoing = memory_alloc(head + body.size);

	memset(outgoing, 0, head);
	memcpy((char *)outgoing + head, body.data, body.size);
	outgoing->body = slice_of((char *)outgoing + head, body.size);
	outgoing->received_us = received_us;
	outgoing->memory_size = head + body.size;
	outgoing->deliveries_count = deliveries_count;
	for (size_t i = 0; i < deliveries_count; i++)
		outgoing->deliveries[i].outgoing = outgoing;
	atomic_store(&outgoing->references, (int)deliveries_count);
	return outgoing;
}

bool outgoing_remove(struct outgoing *outgoing, size_t index)
{
	bool is_last = outgoing->deliveries_count == 1;

	outgoing->deliveries_count--;
	for (size_t i = index; i < outgoing->deliveries_count; i++)
		outgoing->deliveries[i] = outgoing->deliveries[i + 1];
	outgoing_release(outgoing, 1);
	return !is_last;
}

void outgoing_release(struct outgoing *outgoing, int count)
{
	if (atomic_fetch_sub(&outgoing->references, count) != count)
		return;
	if (outgoing->budget != NULL)
		atomic_fetch_sub(outgoing->budget, (int64_t)outgoing->memory_size);
	free(outgoing->signature);
	free(outgoing);
}

struct outgoing *outgoing_translate(const struct event_rules *rules,
	const struct parsed_event *parsed, const struct known_message *known,
	size_t deliveries_count, struct error *err)
{
	struct outgoing *outgoing = NULL;
	struct buf envelope;

	buf_init(&envelope, ENVELOPE_SIZE_MAX);
	if (event_envelope(rules, parsed, known, &envelope)) {
		outgoing =
			outgoing_new(buf_slice(&envelope), parsed->received_us, deliveries_count);
		outgoing->source = parsed->source;
		outgoing->happened_ms = parsed_event_timestamp_us(parsed) / 1000;
	} else {
		error_set(err, "the envelope would exceed %d bytes", ENVELOPE_SIZE_MAX);
	}
	buf_free(&envelope);
	return outgoing;
}

/* An envelope ends in "uuid":"..."} */
struct slice outgoing_uuid(const struct outgoing *outgoing)
{
	size_t tail = UUID_TEXT_SIZE - 1 + sizeof("\"}") - 1;

	if (outgoing->body.size < tail)
		return slice_of(NULL, 0);
	return slice_of(outgoing->body.data + outgoing->body.size - tail, UUID_TEXT_SIZE - 1);
}
