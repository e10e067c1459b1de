/* SPDX-License-Identifier: MIT */
#include "repostal/outgoing.h"

#include <string.h>

#include "repostal/event_envelope.h"
#include "repostal/event_row.h"
#include "repostal/memory.h"

enum {
	ENVELOPE_SIZE_USUAL = 1024,
};

struct origin {
	struct parsed_event parsed;
	struct known_message known;    /* of its message, by the store */
	struct store_claimed *claimed; /* what is to be parsed; NULL: parsed is, already */
	struct slice target;           /* whose claim that was */
	char name[];                   /* of the source, or of the target */
};

/* The name is copied: settings may change before the envelope is made. */
static struct origin *origin_new(struct slice name)
{
	struct origin *origin = memory_zalloc(sizeof(*origin) + name.size);

	if (name.size > 0)
		memcpy(origin->name, name.data, name.size);
	return origin;
}

static void origin_free(struct outgoing *outgoing)
{
	struct origin *origin = outgoing->origin;

	if (origin == NULL)
		return;
	outgoing->origin = NULL;
	parsed_event_release(&origin->parsed);
	free(origin->claimed);
	free(origin);
}

/* What a parsed event has in memory. */
static size_t texts_size(const struct bizmail_event *event)
{
	return event->id.size + event->recipient.size + event->mx_hostname.size +
	       event->response.size + event->category.size + event->reason.size +
	       event->return_path.size + event->time_text.size;
}

static size_t head_size(size_t deliveries_count)
{
	return sizeof(struct outgoing) + deliveries_count * sizeof(struct delivery);
}

static struct outgoing *new_outgoing(
	struct origin *origin, size_t origin_size, uint16_t source, size_t deliveries_count)
{
	struct outgoing *outgoing = memory_zalloc(head_size(deliveries_count));

	outgoing->origin = origin;
	outgoing->source = source;
	outgoing->memory_size = head_size(deliveries_count) + sizeof(*origin) + origin_size;
	outgoing->deliveries_count = deliveries_count;
	for (size_t i = 0; i < deliveries_count; i++)
		outgoing->deliveries[i].outgoing = outgoing;
	atomic_store(&outgoing->references, (int)deliveries_count);
	return outgoing;
}

struct outgoing *outgoing_new(struct parsed_event *parsed_taken, size_t deliveries_count)
{
	struct slice name = parsed_taken->source_name;
	struct origin *origin = origin_new(name);
	struct outgoing *outgoing = new_outgoing(
		origin, texts_size(&parsed_taken->event), parsed_taken->source, deliveries_count);

	outgoing->received_us = parsed_taken->received_us;
	origin->parsed = *parsed_taken;
	origin->parsed.source_name = slice_of(origin->name, name.size);
	parsed_taken->event = (struct bizmail_event){ .kind = BIZMAIL_UNKNOWN };
	return outgoing;
}

void outgoing_set_stored(struct outgoing *outgoing, const struct store_event *event)
{
	outgoing->event = event->id;
	outgoing->lease = event->lease;
}

struct outgoing *outgoing_of_claimed(struct store_claimed *claimed_taken, struct slice target)
{
	struct origin *origin = origin_new(target);
	struct outgoing *outgoing =
		new_outgoing(origin, claimed_taken->content_type.size + claimed_taken->raw.size,
			claimed_taken->source, 1);

	outgoing->event = claimed_taken->event;
	outgoing->lease = claimed_taken->lease;
	outgoing->received_us = claimed_taken->received_us;
	origin->claimed = claimed_taken;
	origin->target = slice_of(origin->name, target.size);
	return outgoing;
}

/* As at its arrival, but for the uuid of one that is sent as new. */
static bool parse_claimed(struct origin *origin, struct error *err)
{
	const struct store_claimed *claimed = origin->claimed;
	const struct event_record record = event_record_of_claimed(claimed);

	if (event_parse(&record, &origin->parsed) != BIZMAIL_PROBLEM_NONE)
		error_set(err, "cannot be translated any more: %s",
			bizmail_problem_name(origin->parsed.problem));
	else if (record.source_name.size == 0)
		error_set(err, "cannot be translated: source number %d is not known",
			claimed->source);
	else
		parsed_event_send_as_new(&origin->parsed, origin->target, claimed->as_new);
	return origin->parsed.problem == BIZMAIL_PROBLEM_NONE && record.source_name.size > 0;
}

static bool write_envelope(struct outgoing *outgoing, const struct origin *origin,
	const struct event_rules *rules, struct error *err)
{
	struct buf envelope;
	size_t size;

	buf_init(&envelope, ENVELOPE_SIZE_MAX);
	(void)buf_reserve(&envelope, ENVELOPE_SIZE_USUAL);
	if (!event_envelope(rules, &origin->parsed, &origin->known, &envelope)) {
		error_set(err, "the envelope would exceed %d bytes", ENVELOPE_SIZE_MAX);
		buf_free(&envelope);
		return false;
	}
	size = envelope.size;
	outgoing->body = slice_of(buf_take(&envelope), size);
	outgoing->happened_ms = parsed_event_timestamp_us(&origin->parsed) / 1000;
	return true;
}

static void account(struct outgoing *outgoing)
{
	size_t size = head_size(outgoing->deliveries_count) + outgoing->body.size;

	if (outgoing->budget != NULL)
		atomic_fetch_add(outgoing->budget, (int64_t)size - (int64_t)outgoing->memory_size);
	outgoing->memory_size = size;
}

void outgoing_make(struct outgoing *outgoing, const struct event_rules *rules)
{
	struct origin *origin = outgoing->origin;
	struct error err;

	if (origin == NULL)
		return;
	if ((origin->claimed != NULL && !parse_claimed(origin, &err)) ||
		!write_envelope(outgoing, origin, rules, &err))
		outgoing->problem = memory_copy_text(err.text);
	origin_free(outgoing);
	account(outgoing);
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
	origin_free(outgoing);
	free(outgoing->problem);
	free((char *)(uintptr_t)outgoing->body.data);
	free(outgoing->signature);
	free(outgoing);
}

/* An envelope ends in "uuid":"..."} */
struct slice outgoing_uuid(const struct outgoing *outgoing)
{
	size_t tail = UUID_TEXT_SIZE - 1 + sizeof("\"}") - 1;

	if (outgoing->body.size < tail)
		return slice_of(NULL, 0);
	return slice_of(outgoing->body.data + outgoing->body.size - tail, UUID_TEXT_SIZE - 1);
}
