/* SPDX-License-Identifier: MIT */
/*
 * Events with their deliveries, oldest first. An event and all that became of its deliveries are one
 * transaction: nobody sees a delivered one as if it still waited, and a repeated run finds an event
 * whole or not at all.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "repostal/event_row.h"
#include "repostal/memory.h"
#include "repostal/search_key.h"

enum {
	PAGE_COUNT = 32,
	PORTION_EVENTS = 256, /* a portion is written when it has so many, or so much */
	PORTION_SIZE = 8 * 1024 * 1024,
	EVENTS_MAX = PORTION_EVENTS + PAGE_COUNT,
	DELIVERIES_MAX = 4096,
	/* The event that a page broke off, and another page. */
	DELIVERIES_FULL = DELIVERIES_MAX - STORE_TARGETS_MAX - PAGE_COUNT,
};

struct copied_delivery {
	struct store_row row; /* without its bytes */
	/* of the last attempt */
	int64_t started_ms;
	char *answer;
	size_t answer_size;
};

struct copied_event {
	int64_t id; /* in the source */
	struct event_record record;
	uint8_t type;
	struct store_event event;
	struct uuid uuid;
	enum bizmail_problem problem; /* not NONE: it cannot be understood, and event is empty */
	char *bytes;                  /* content type and raw */
	size_t first;                 /* of its deliveries */
	size_t deliveries_count;
};

struct portion {
	struct copy *copy;
	struct copied_event events[EVENTS_MAX];
	size_t events_count;
	struct copied_delivery deliveries[DELIVERIES_MAX];
	struct store_new_delivery new_deliveries[DELIVERIES_MAX]; /* the same, for the store */
	size_t deliveries_count;
	size_t size; /* of raw bytes */
	struct store_copy_counts added;
};

/* From the source. */

static void begin_event(struct portion *portion, const struct store_row *row)
{
	struct copied_event *copied = &portion->events[portion->events_count++];
	size_t type_size = row->content_type.size;

	*copied = (struct copied_event){
		.id = row->event,
		.bytes = memory_alloc(type_size + row->raw.size + 1),
		.first = portion->deliveries_count,
	};
	memcpy(copied->bytes, row->content_type.data, type_size);
	memcpy(copied->bytes + type_size, row->raw.data, row->raw.size);
	copied->type = row->type;
	copied->record = event_record_of_row(row, names_source(&portion->copy->names, row->source));
	copied->record.content_type.data = copied->bytes;
	copied->record.raw.data = copied->bytes + type_size;
	portion->size += row->raw.size;
}

static void add_row(void *context, const struct store_row *row)
{
	struct portion *portion = context;
	struct copied_delivery *delivery;

	if (portion->events_count == 0 ||
		portion->events[portion->events_count - 1].id != row->event)
		begin_event(portion, row);
	REPOSTAL_ASSERT(portion->deliveries_count < DELIVERIES_MAX);
	delivery = &portion->deliveries[portion->deliveries_count++];
	*delivery = (struct copied_delivery){
		.row = *row,
		.started_ms = row->received_us / 1000,
	};
	delivery->row.content_type = slice_of(NULL, 0);
	delivery->row.raw = slice_of(NULL, 0);
	portion->events[portion->events_count - 1].deliveries_count++;
}

/* The last attempt of each target comes last. */
struct attempts {
	struct copied_delivery *deliveries;
	size_t deliveries_count;
};

static void add_attempt(void *context, const struct store_attempt *attempt)
{
	const struct attempts *attempts = context;

	for (size_t i = 0; i < attempts->deliveries_count; i++) {
		struct copied_delivery *delivery = &attempts->deliveries[i];

		if (delivery->row.target != attempt->target)
			continue;
		free(delivery->answer);
		delivery->answer = memory_copy_bytes(attempt->answer.data, attempt->answer.size);
		delivery->answer_size = attempt->answer.size;
		delivery->started_ms = attempt->started_ms;
	}
}

/* What went well needs no words. */
static enum status read_attempts(
	struct portion *portion, const struct copied_event *copied, struct error *err)
{
	struct attempts attempts = { &portion->deliveries[copied->first],
		copied->deliveries_count };

	for (size_t i = 0; i < attempts.deliveries_count; i++)
		if (attempts.deliveries[i].row.attempts > 0 &&
			attempts.deliveries[i].row.state != DELIVERY_DELIVERED)
			return store_reader_attempts(
				portion->copy->reader, copied->id, add_attempt, &attempts, err);
	return STATUS_OK;
}

/* Into the terms of the destination. */

static bool is_open(const struct store_row *row)
{
	return row->state == DELIVERY_WAITING || row->state == DELIVERY_LEASED;
}

static bool is_ordered(const struct copy *copy, const struct store_row *row)
{
	return is_open(row) && (row->is_held || copy->is_ordered[row->target]);
}

/* More is to be said than that it waits and is due. */
static bool needs_verdict(const struct copy *copy, const struct store_row *row)
{
	if (is_ordered(copy, row))
		return false;
	return !is_open(row) || row->attempts > 0 || row->due_ms > row->received_us / 1000;
}

static void add_deliveries(struct portion *portion, struct copied_event *copied, int64_t order_key)
{
	const struct copy *copy = portion->copy;

	for (size_t i = copied->first; i < copied->first + copied->deliveries_count; i++) {
		const struct store_row *row = &portion->deliveries[i].row;

		portion->new_deliveries[i] = (struct store_new_delivery){
			.target = copy->targets[row->target],
			.max_open = INT64_MAX,
			.leased = needs_verdict(copy, row),
			.order_key = is_ordered(copy, row) ? order_key : 0,
		};
	}
	copied->event.deliveries = &portion->new_deliveries[copied->first];
	copied->event.deliveries_count = copied->deliveries_count;
}

static void understand(struct portion *portion, struct copied_event *copied)
{
	struct parsed_event parsed;

	copied->problem = event_parse(&copied->record, &parsed);
	if (copied->problem == BIZMAIL_PROBLEM_NONE) {
		copied->uuid = parsed.identity.uuid;
		copied->event =
			event_row(&copied->record, &parsed, (enum postal_event_type)copied->type);
		add_deliveries(portion, copied, event_order_key(&parsed));
	}
	parsed_event_release(&parsed);
}

static enum status check_targets(
	const struct portion *portion, const struct copied_event *copied, struct error *err)
{
	const struct copy *copy = portion->copy;

	for (size_t i = copied->first; i < copied->first + copied->deliveries_count; i++) {
		uint16_t target = portion->deliveries[i].row.target;

		if (names_target(&copy->names, target).size > 0)
			continue;
		error_set(err, "store '%s' is damaged: it has no name for its target number %d",
			copy->settings->from, target);
		return STATUS_INVALID;
	}
	return STATUS_OK;
}

static enum status prepare(struct portion *portion, struct copied_event *copied, struct error *err)
{
	enum status status = check_targets(portion, copied, err);

	if (status == STATUS_OK)
		status = read_attempts(portion, copied, err);
	if (status == STATUS_OK)
		status = copy_source_number(
			portion->copy, copied->record.source, &copied->record.source, err);
	if (status == STATUS_OK)
		understand(portion, copied);
	return status;
}

/* Into the destination. */

static enum status put_aside(
	struct portion *portion, const struct copied_event *copied, struct error *err)
{
	const struct event_record *record = &copied->record;
	struct store_quarantined quarantined = event_quarantine_row(record, copied->problem);

	if (copy_known_add(&portion->copy->known, record->source, record->raw)) {
		portion->added.quarantined_known++;
		return STATUS_OK;
	}
	portion->added.unreadable++;
	portion->added.quarantined++;
	return store_quarantine(portion->copy->to, &quarantined, err);
}

/* Its own attempts count from one: retries of the destination must not meet their numbers. */
static enum status record(struct portion *portion, const struct copied_event *copied,
	const struct copied_delivery *delivery, struct error *err)
{
	const struct store_row *row = &delivery->row;
	bool waits = is_open(row);
	struct store_verdict verdict = {
		.event = copied->event.id,
		.lease = copied->event.lease,
		.target = portion->copy->targets[row->target],
		.source = copied->record.source,
		.next = waits                              ? DELIVERY_WAITING
			: row->state == DELIVERY_DISCARDED ? DELIVERY_DEAD
							   : row->state,
		.release = waits && row->attempts == 0,
		.attempts = 1,
		.due_ms = row->due_ms,
		.started_ms = waits ? delivery->started_ms : row->due_ms - row->duration_ms,
		.duration_ms = row->duration_ms,
		.http_status = row->http_status,
		.transport = row->transport,
		.answer = slice_of(delivery->answer, delivery->answer_size),
	};

	return store_record(portion->copy->to, &verdict, err);
}

/* Discarded is what an operator makes of a dead one. */
static enum status discard(struct portion *portion, const struct copied_event *copied,
	const struct store_row *row, struct error *err)
{
	struct store_change change = {
		.kind = STORE_CHANGE_DISCARD,
		.filter = { .target = portion->copy->targets[row->target],
			.type = -1,
			.event = copied->event.id },
		.now_ms = row->due_ms,
		.count_max = 1,
		.scan_limit = STORE_TARGETS_MAX,
	};
	enum status status = STATUS_OK;

	while (status == STATUS_OK && change.changed == 0 && !change.done)
		status = store_change(portion->copy->to, &change, err);
	return status;
}

static enum status settle(
	struct portion *portion, const struct copied_event *copied, struct error *err)
{
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < copied->deliveries_count; i++) {
		const struct copied_delivery *delivery = &portion->deliveries[copied->first + i];

		if (copied->event.deliveries[i].leased)
			status = record(portion, copied, delivery, err);
		portion->added.deliveries[is_open(&delivery->row) ? DELIVERY_WAITING
								  : delivery->row.state]++;
	}
	return status;
}

/* Under the uuid that it was sent under last, and no new one that it had before. */
static enum status keep_as_new(struct portion *portion, const struct copied_event *copied,
	const struct store_row *row, struct error *err)
{
	struct slice target = names_target(&portion->copy->names, row->target);
	enum status status;
	int number = 0;

	status = store_number_anew(portion->copy->to, copied->event.id,
		portion->copy->targets[row->target], row->as_new, &number, err);
	for (int n = number; status == STATUS_OK && n >= event_first_as_new(row->as_new); n--) {
		struct uuid uuid = event_uuid_as_new(&copied->uuid, target, n);
		char text[UUID_TEXT_SIZE];

		uuid_format(&uuid, text);
		status = store_add_search_key(portion->copy->to, copied->event.id,
			search_key_uuid(slice_text(text)), row->received_us / 1000, err);
	}
	return status;
}

/* After all verdicts: these are carried out at once. */
static enum status amend(
	struct portion *portion, const struct copied_event *copied, struct error *err)
{
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < copied->deliveries_count; i++) {
		const struct store_row *row = &portion->deliveries[copied->first + i].row;

		if (row->state == DELIVERY_DISCARDED)
			status = discard(portion, copied, row, err);
		if (status == STATUS_OK && row->as_new > 0)
			status = keep_as_new(portion, copied, row, err);
	}
	return status;
}

static bool is_new(const struct copied_event *copied)
{
	return copied->problem == BIZMAIL_PROBLEM_NONE && !copied->event.duplicate;
}

static enum status check_backlog(const struct portion *portion, struct error *err)
{
	const struct copy *copy = portion->copy;
	int64_t open = store_backlog(copy->to) + portion->added.deliveries[DELIVERY_WAITING];

	if (portion->added.deliveries[DELIVERY_WAITING] == 0 ||
		open <= copy->settings->to->max_backlog)
		return STATUS_OK;
	error_set(err,
		"%" PRId64 " deliveries would wait, but store.max_backlog is %" PRId64
		": raise it, and run this again",
		open, copy->settings->to->max_backlog);
	return STATUS_FULL;
}

static enum status settle_all(struct portion *portion, size_t count, struct error *err)
{
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < count; i++) {
		const struct copied_event *copied = &portion->events[i];

		portion->added.duplicates += copied->event.duplicate;
		portion->added.events += is_new(copied);
		if (is_new(copied))
			status = settle(portion, copied, err);
	}
	for (size_t i = 0; status == STATUS_OK && i < count; i++)
		if (is_new(&portion->events[i]))
			status = amend(portion, &portion->events[i], err);
	return status == STATUS_OK ? check_backlog(portion, err) : status;
}

static enum status write_events(struct portion *portion, size_t count, struct error *err)
{
	struct store *to = portion->copy->to;
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < count; i++)
		status = prepare(portion, &portion->events[i], err);
	if (status == STATUS_OK)
		status = store_begin(to, err);
	for (size_t i = 0; status == STATUS_OK && i < count; i++) {
		struct copied_event *copied = &portion->events[i];

		status = copied->problem == BIZMAIL_PROBLEM_NONE
				 ? store_append(to, &copied->event, err)
				 : put_aside(portion, copied, err);
	}
	/* Their ids and leases are known from here on. */
	if (status == STATUS_OK)
		status = store_flush(to, err);
	if (status == STATUS_OK)
		status = settle_all(portion, count, err);
	return status == STATUS_OK ? copy_commit(portion->copy, &portion->added, err) : status;
}

/* What was written goes; an event that the page broke off moves to the front. */
static void forget(struct portion *portion, size_t count)
{
	size_t gone = count < portion->events_count ? portion->events[count].first
						    : portion->deliveries_count;

	for (size_t i = 0; i < gone; i++)
		free(portion->deliveries[i].answer);
	for (size_t i = 0; i < count; i++) {
		portion->size -= portion->events[i].record.raw.size;
		free(portion->events[i].bytes);
	}
	portion->events_count -= count;
	portion->deliveries_count -= gone;
	memmove(portion->events, portion->events + count,
		portion->events_count * sizeof(portion->events[0]));
	memmove(portion->deliveries, portion->deliveries + gone,
		portion->deliveries_count * sizeof(portion->deliveries[0]));
	for (size_t i = 0; i < portion->events_count; i++)
		portion->events[i].first -= gone;
	portion->added = (struct store_copy_counts){ 0 };
}

static bool is_full(const struct portion *portion)
{
	return portion->events_count > PORTION_EVENTS || portion->size >= PORTION_SIZE ||
	       portion->deliveries_count >= DELIVERIES_FULL;
}

enum status copy_events(struct copy *copy, struct error *err)
{
	static const struct store_filter any = { .target = -1, .type = -1 };
	struct portion *portion = memory_zalloc(sizeof(*portion));
	struct store_page page = { .count_max = PAGE_COUNT };
	enum status status;

	portion->copy = copy;
	do {
		status = store_reader_walk(copy->reader, &any, &page, add_row, portion, err);
		/* Only the end tells that the last event has no further delivery. */
		if (status == STATUS_OK && (page.next == 0 || is_full(portion))) {
			size_t count = portion->events_count - (page.next == 0 ? 0 : 1);

			if (count > 0)
				status = write_events(portion, count, err);
			forget(portion, count);
		}
	} while (status == STATUS_OK && page.next != 0);
	forget(portion, portion->events_count);
	free(portion);
	return status;
}
