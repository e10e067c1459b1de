/* SPDX-License-Identifier: MIT */
/*
 * What became of a message, or of all messages to somebody: deliveries, gathered by event, and events
 * by message. A page covers so many deliveries; what stands on its edge shows on both sides.
 */
#include <stdlib.h>

#include "control_private.h"
#include "listing.h"
#include "repostal/envelope.h"
#include "repostal/memory.h"

struct message_row {
	struct store_row row; /* without its bytes */
	char *message_id;
	char *recipient;
	char uuid[UUID_TEXT_SIZE];
	bool is_written;
};

struct message_page {
	struct message_row rows[LISTING_LIMIT_MAX];
	size_t count;
};

static void on_row(void *context, const struct store_row *row, const struct parsed_event *parsed)
{
	struct message_page *page = context;
	struct message_row *kept = &page->rows[page->count++];

	kept->row = *row;
	kept->message_id = memory_copy_bytes(parsed->event.id.data, parsed->event.id.size);
	kept->recipient =
		memory_copy_bytes(parsed->event.recipient.data, parsed->event.recipient.size);
	memcpy(kept->uuid, parsed->uuid, sizeof(kept->uuid));
}

static void write_event_deliveries(
	struct buf *out, const struct names *names, struct message_page *page, size_t first)
{
	int64_t event = page->rows[first].row.event;

	out_open_at(out, "deliveries", '[');
	for (size_t i = first; i < page->count; i++) {
		const struct store_row *row = &page->rows[i].row;

		if (row->event != event)
			continue;
		page->rows[i].is_written = true;
		out_open(out, '{');
		out_text(out, "target", names_target(names, row->target));
		out_text(out, "state", slice_text(shown_state_name(shown_state_of(row))));
		out_int(out, "attempts", row->attempts);
		delivery_write_result(out, row->attempts, row->http_status, row->transport);
		out_close(out, '}');
	}
	out_close(out, ']');
}

static bool is_same_message(const struct message_row *a, const struct message_row *b)
{
	return slice_is(slice_text(a->message_id), b->message_id) &&
	       slice_is(slice_text(a->recipient), b->recipient);
}

static void write_message(
	struct buf *out, const struct names *names, struct message_page *page, size_t first)
{
	const struct message_row *message = &page->rows[first];

	out_open(out, '{');
	out_text(out, "message_id", slice_text(message->message_id));
	out_text(out, "recipient", slice_text(message->recipient));
	out_open_at(out, "events", '[');
	for (size_t i = first; i < page->count; i++) {
		const struct message_row *row = &page->rows[i];

		if (row->is_written || !is_same_message(message, row))
			continue;
		out_open(out, '{');
		out_text_or_null(out, "uuid", slice_text(row->uuid));
		out_text(out, "event",
			slice_text(row->row.type < POSTAL_EVENT_TYPE_COUNT
					   ? postal_event_type_name(
						     (enum postal_event_type)row->row.type)
					   : ""));
		out_time_ms(out, "received", row->row.received_us / 1000);
		write_event_deliveries(out, names, page, i);
		out_close(out, '}');
	}
	out_close(out, ']');
	out_close(out, '}');
}

static void write_page(struct call *call, struct message_page *page, int64_t next)
{
	struct buf *out = &call->answer->body;

	out_open(out, '{');
	out_open_at(out, "messages", '[');
	for (size_t i = 0; i < page->count; i++)
		if (!page->rows[i].is_written)
			write_message(out, &call->names, page, i);
	out_close(out, ']');
	call_write_next(call, next);
	out_close(out, '}');
}

void messages_list(struct call *call)
{
	struct message_page *page = memory_zalloc(sizeof(*page));
	struct filter filter;
	struct listing listing = {
		.reader = call->control->reader,
		.names = &call->names,
		.filter = &filter,
		.visit = on_row,
		.context = page,
	};
	struct paging paging;
	struct error err;
	enum status status;
	int64_t next;

	filter_init(&filter);
	if (!call_take_filter(call, &filter, &paging))
		goto out;
	if (filter.message_id == NULL && filter.recipient == NULL) {
		call_refuse(call, 400, "message_id", "query",
			"a message_id or a recipient is expected");
		goto out;
	}
	status = listing_page(&listing, paging.before, paging.limit, &next, &err);
	if (status == STATUS_OK)
		write_page(call, page, next);
	else
		call_refuse_status(call, status, &err);
out:
	for (size_t i = 0; i < page->count; i++) {
		free(page->rows[i].message_id);
		free(page->rows[i].recipient);
	}
	free(page);
	filter_free(&filter);
}
