/* SPDX-License-Identifier: MIT */
#include "control_private.h"
#include "listing.h"
#include "repostal/envelope.h"
#include "repostal/outcome.h"

void delivery_write_result(struct buf *out, int attempts, int http_status, int transport)
{
	struct outcome outcome = {
		.transport = (enum transport)transport,
		.http_status = http_status,
	};

	/* Neither an answer nor the reason why there is none: no attempt has ended yet. */
	if (attempts == 0 || (http_status == 0 && transport == TRANSPORT_OK)) {
		out_null(out, "status");
		out_null(out, "result");
		return;
	}
	if (http_status == 0)
		out_null(out, "status");
	else
		out_int(out, "status", http_status);
	out_text(out, "result", slice_text(attempt_result_name(outcome_result(&outcome))));
}

static bool is_final(enum delivery_state state)
{
	return state == DELIVERY_DELIVERED || state == DELIVERY_DEAD || state == DELIVERY_DISCARDED;
}

_Static_assert(STORE_TRANSPORT_BACKLOG_FULL == (int)TRANSPORT_BACKLOG_FULL, "one number");

/* Why it is dead although it has attempts left. */
static void write_reason(struct buf *out, const struct store_row *row)
{
	if (row->state == DELIVERY_DEAD && row->transport == TRANSPORT_BACKLOG_FULL)
		out_text(out, "reason", SLICE_LITERAL("backlog_full"));
	else if (row->state == DELIVERY_DEAD && row->transport == TRANSPORT_GIVEN_UP)
		out_text(out, "reason",
			row->http_status == 0 ? SLICE_LITERAL("give_up_age")
					      : SLICE_LITERAL("give_up_status"));
	else
		out_null(out, "reason");
}

void delivery_write_members(struct buf *out, const struct names *names, const struct store_row *row,
	const struct parsed_event *parsed)
{
	enum postal_event_type type = (enum postal_event_type)row->type;
	char sent_as[UUID_TEXT_SIZE];

	parsed_event_print_uuid(parsed, names_target(names, row->target), row->as_new, sent_as);
	out_text_or_null(out, "uuid", slice_text(parsed->uuid));
	out_text_or_null(out, "sent_as", slice_text(sent_as));
	out_text(out, "event",
		slice_text(
			row->type < POSTAL_EVENT_TYPE_COUNT ? postal_event_type_name(type) : ""));
	out_text(out, "target", names_target(names, row->target));
	out_text(out, "state", slice_text(shown_state_name(shown_state_of(row))));
	out_int(out, "attempts", row->attempts);
	if (row->state == DELIVERY_WAITING && !row->is_held)
		out_time_ms(out, "due", row->due_ms);
	else
		out_null(out, "due");
	out_time_ms(out, "received", row->received_us / 1000);
	if (is_final(row->state))
		out_time_ms(out, "finished", row->due_ms);
	else
		out_null(out, "finished");
	delivery_write_result(out, row->attempts, row->http_status, row->transport);
	write_reason(out, row);
	out_int(out, "duration_ms", row->duration_ms);
	out_text(out, "message_id", parsed->event.id);
	out_text(out, "recipient", parsed->event.recipient);
	out_text(out, "source", names_source(names, row->source));
}

static void write_delivery(
	void *context, const struct store_row *row, const struct parsed_event *parsed)
{
	struct call *call = context;
	struct buf *out = &call->answer->body;

	out_open(out, '{');
	delivery_write_members(out, &call->names, row, parsed);
	out_close(out, '}');
}

void deliveries_list(struct call *call)
{
	struct filter filter;
	struct listing listing = {
		.reader = call->control->reader,
		.names = &call->names,
		.filter = &filter,
		.visit = write_delivery,
		.context = call,
	};
	struct buf *out = &call->answer->body;
	struct paging paging;
	struct error err;
	enum status status;
	int64_t next;

	filter_init(&filter);
	if (!call_take_filter(call, &filter, &paging))
		goto out;
	out_open(out, '{');
	out_open_at(out, "deliveries", '[');
	status = listing_page(&listing, paging.before, paging.limit, &next, &err);
	out_close(out, ']');
	call_write_next(call, next);
	out_close(out, '}');
	if (status != STATUS_OK)
		call_refuse_status(call, status, &err);
out:
	filter_free(&filter);
}

void deliveries_count(struct call *call)
{
	struct filter filter;
	struct listing listing = {
		.reader = call->control->reader,
		.names = &call->names,
		.filter = &filter,
	};
	struct paging paging;
	struct error err;
	enum status status;
	int64_t next;

	filter_init(&filter);
	if (!call_take_filter(call, &filter, &paging))
		goto out;
	status = listing_page(&listing, paging.before, LISTING_COUNT_MAX, &next, &err);
	out_open(&call->answer->body, '{');
	out_int(&call->answer->body, "count", listing.found);
	call_write_next(call, next);
	out_close(&call->answer->body, '}');
	if (status != STATUS_OK)
		call_refuse_status(call, status, &err);
out:
	filter_free(&filter);
}
