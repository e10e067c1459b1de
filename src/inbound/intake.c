/* SPDX-License-Identifier: MIT */
#include "intake.h"

#include "rejection.h"
#include "repostal/buf.h"
#include "repostal/event_row.h"
#include "repostal/handoff.h"
#include "repostal/memory.h"
#include "repostal/outgoing.h"

enum {
	ANSWER_SIZE_MAX = 8 * 1024
};

/* What an http loop sends on its way and gets back; one allocation with all that it copies. */
struct intake_ticket {
	struct http_ticket http;
	union {
		struct store_request request;
		struct store_append_request append;
		struct store_quarantine_request quarantine;
	} store;
	struct inbound *inbound;
	struct inbound_view *view; /* a reference */
	const struct routed_source *source;
	struct outgoing *outgoing; /* NULL: nothing goes on from memory */
	enum bizmail_kind kind;
	enum bizmail_problem problem;
	enum status status;
	struct slice message_id;
	struct address peer;
	struct http_lines forwarded_for; /* the request's own, for as long as it waits */
	struct store_new_delivery deliveries[];
};

/* The answers, on the loop. */

static void answer_accepted(const struct intake_ticket *ticket, struct http_exchange *exchange)
{
	struct http_answer answer = { .status = 200, .content_type = "application/json" };
	const char *status = ticket->problem != BIZMAIL_PROBLEM_NONE ? "quarantined"
			     : ticket->store.append.event.duplicate  ? "duplicate"
								     : "accepted";
	struct buf body;

	buf_init(&body, ANSWER_SIZE_MAX);
	buf_append_text(&body, "{\"code\":200,\"status\":\"");
	buf_append_text(&body, status);
	buf_append_text(&body, "\",\"message_id\":");
	buf_append_json_string(&body, ticket->message_id);
	buf_append_char(&body, '}');
	answer.body = buf_slice(&body);
	http_answer(exchange, &answer);
	buf_free(&body);
}

static void refuse(const struct intake_ticket *ticket, struct http_exchange *exchange)
{
	const struct http_request request = {
		.peer = ticket->peer,
		.forwarded_for = ticket->forwarded_for,
	};
	const struct arrival arrival = {
		.inbound = ticket->inbound,
		.view = ticket->view,
		.source = ticket->source,
		.exchange = exchange,
		.request = &request,
	};

	reject_unavailable(&arrival, ticket->status);
}

static void on_answerable(struct http_ticket *http, struct http_exchange *exchange)
{
	struct intake_ticket *ticket = (struct intake_ticket *)http;

	if (exchange == NULL)
		goto out;
	if (ticket->status != STATUS_OK)
		refuse(ticket, exchange);
	else if (ticket->problem == BIZMAIL_PROBLEM_UNPARSEABLE)
		http_answer_error(
			exchange, 400, "the body is not a JSON object or a form", "body", "body");
	else
		answer_accepted(ticket, exchange);
out:
	inbound_release_view(ticket->view);
	free(ticket);
}

/* The way to the disk and on, on the store thread. */

static struct intake_ticket *ticket_of(struct store_request *request)
{
	return (struct intake_ticket *)((char *)request - offsetof(struct intake_ticket, store));
}

static void give_slots_back(struct intake_ticket *ticket)
{
	const struct store_event *event = &ticket->store.append.event;

	for (size_t i = 0; i < event->deliveries_count; i++)
		if (event->deliveries[i].leased)
			dispatcher_release(
				ticket->inbound->dispatcher, event->deliveries[i].target);
	if (ticket->outgoing != NULL)
		outgoing_release(ticket->outgoing, (int)ticket->outgoing->deliveries_count);
}

/* What its target has no room for was stored as dead: nothing of it goes on. */
static void drop_refused(struct intake_ticket *ticket)
{
	const struct store_event *event = &ticket->store.append.event;
	struct dispatcher *dispatcher = ticket->inbound->dispatcher;
	size_t leased = 0; /* so far: the numbers of the outgoing's deliveries */

	for (size_t i = 0; i < event->deliveries_count; i++) {
		const struct store_new_delivery *delivery = &event->deliveries[i];

		if (!delivery->is_refused) {
			leased += delivery->leased;
			continue;
		}
		dispatcher_note_refused(dispatcher, delivery->target, event->id);
		if (!delivery->leased)
			continue;
		dispatcher_release(dispatcher, delivery->target);
		if (!outgoing_remove(ticket->outgoing, leased))
			ticket->outgoing = NULL;
	}
}

static void send_on(struct intake_ticket *ticket)
{
	const struct store_event *event = &ticket->store.append.event;
	struct dispatcher *dispatcher = ticket->inbound->dispatcher;

	drop_refused(ticket);

	if (ticket->outgoing != NULL) {
		outgoing_set_stored(ticket->outgoing, event);
		dispatcher_offer(dispatcher, ticket->outgoing);
	}
	for (size_t i = 0; i < event->deliveries_count; i++)
		if (!event->deliveries[i].leased && !event->deliveries[i].is_refused)
			dispatcher_wake(dispatcher, event->deliveries[i].target, event->type);
}

static void count_stored(const struct intake_ticket *ticket)
{
	struct inbound_source_metrics *metrics =
		ticket->inbound->source_metrics[ticket->source->number];

	counter_add(&metrics->received[ticket->kind], 1);
	if (ticket->problem != BIZMAIL_PROBLEM_NONE)
		counter_add(&metrics->quarantined[ticket->problem], 1);
	else if (ticket->store.append.event.duplicate)
		counter_add(&metrics->duplicates, 1);
}

static void on_appended(struct store_request *request, enum status status, void *context)
{
	struct intake_ticket *ticket = ticket_of(request);

	(void)context;
	ticket->status = status;
	if (status == STATUS_OK)
		count_stored(ticket);
	if (status == STATUS_OK && !ticket->store.append.event.duplicate)
		send_on(ticket);
	else
		give_slots_back(ticket);
	http_tickets_add(&ticket->inbound->answered, &ticket->http);
}

static void on_quarantined(struct store_request *request, enum status status, void *context)
{
	struct intake_ticket *ticket = ticket_of(request);

	(void)context;
	ticket->status = status;
	if (status == STATUS_OK) {
		count_stored(ticket);
		log_limited(&inbound_lines(ticket->view, ticket->source)->quarantined,
			LOG_STR("reason", bizmail_problem_name(ticket->problem)),
			LOG_INT("id", ticket->store.quarantine.quarantined.id));
	}
	http_tickets_add(&ticket->inbound->answered, &ticket->http);
}

void inbound_on_batch_done(void *context)
{
	struct inbound *inbound = context;

	/* Another process's hint may come before there is anything to hand over. */
	if (!atomic_load(&inbound->is_connected))
		return;
	/* Deliveries first: their way is longer. */
	dispatcher_flush(inbound->dispatcher);
	http_tickets_flush(inbound->server, &inbound->answered);
}

/* The making of a ticket, on the loop. */

static struct slice copy_behind(char **at, struct slice slice)
{
	struct slice copy = slice_of(*at, slice.size);

	if (slice.size > 0)
		memcpy(*at, slice.data, slice.size);
	*at += slice.size;
	return copy;
}

/* The record's bytes are from now on the ticket's. */
static struct intake_ticket *ticket_new(const struct arrival *arrival, size_t deliveries_count,
	struct slice message_id, struct event_record *record)
{
	size_t head =
		sizeof(struct intake_ticket) + deliveries_count * sizeof(struct store_new_delivery);
	struct intake_ticket *ticket =
		memory_alloc(head + record->content_type.size + record->raw.size + message_id.size);
	char *at = (char *)ticket + head;

	memset(ticket, 0, head);
	ticket->http.complete = on_answerable;
	ticket->inbound = arrival->inbound;
	ticket->view = arrival->view;
	atomic_fetch_add(&arrival->view->references, 1);
	ticket->source = arrival->source;
	record->content_type = copy_behind(&at, record->content_type);
	record->raw = copy_behind(&at, record->raw);
	ticket->message_id = copy_behind(&at, message_id);
	ticket->peer = arrival->request->peer;
	ticket->forwarded_for = arrival->request->forwarded_for;
	return ticket;
}

/* Returns how many got a slot and go on from memory; what must keep an order goes over the disk. */
static size_t reserve_slots(struct dispatcher *dispatcher, const struct store_event *event)
{
	size_t leased = 0;

	for (size_t i = 0; i < event->deliveries_count; i++) {
		struct store_new_delivery *delivery = &event->deliveries[i];

		delivery->leased = delivery->order_key == 0 &&
				   dispatcher_reserve(dispatcher, delivery->target, event->type);
		leased += delivery->leased;
	}
	return leased;
}

/* Continues from memory when it is stored; its envelope is made then. */
static struct outgoing *make_outgoing(struct dispatcher *dispatcher,
	struct parsed_event *parsed_taken, const struct store_event *event, size_t leased)
{
	struct outgoing *outgoing = outgoing_new(parsed_taken, leased);
	size_t index = 0;

	for (size_t i = 0; i < event->deliveries_count; i++)
		if (event->deliveries[i].leased)
			dispatcher_address(dispatcher, outgoing, index++,
				event->deliveries[i].target, event->type);
	return outgoing;
}

void intake_event(const struct arrival *arrival, const struct event_record *record,
	struct parsed_event *parsed)
{
	struct inbound *inbound = arrival->inbound;
	enum postal_event_type type =
		translate_type(arrival->view->rules.translate, &parsed->event);
	size_t count = event_takers_count(arrival->source, parsed, type);
	struct event_record kept = *record;
	struct intake_ticket *ticket = ticket_new(arrival, count, parsed->event.id, &kept);
	struct store_event *event = &ticket->store.append.event;
	size_t leased;

	ticket->kind = parsed->event.kind;
	ticket->store.append.request = (struct store_request){
		.kind = STORE_REQUEST_APPEND,
		.done = on_appended,
	};
	*event = event_row(&kept, parsed, type);
	event->deliveries = ticket->deliveries;
	event->deliveries_count = count;
	event_takers_fill(arrival->source, parsed, type, ticket->deliveries);
	leased = reserve_slots(inbound->dispatcher, event);
	if (leased > 0)
		ticket->outgoing = make_outgoing(inbound->dispatcher, parsed, event, leased);
	http_defer(arrival->exchange, &ticket->http);
	store_thread_post(inbound->store, &ticket->store.request);
}

void intake_quarantine(const struct arrival *arrival, const struct event_record *record,
	const struct parsed_event *parsed)
{
	struct slice id = parsed->event.id;
	struct event_record kept = *record;
	struct intake_ticket *ticket = ticket_new(
		arrival, 0, id.size <= BIZMAIL_ID_SIZE_MAX ? id : slice_of(NULL, 0), &kept);

	ticket->problem = parsed->problem;
	ticket->kind = BIZMAIL_UNKNOWN;
	ticket->store.quarantine = (struct store_quarantine_request){
		.request = { .kind = STORE_REQUEST_QUARANTINE, .done = on_quarantined },
		.quarantined = event_quarantine_row(&kept, parsed->problem),
	};
	http_defer(arrival->exchange, &ticket->http);
	store_thread_post(arrival->inbound->store, &ticket->store.request);
}
