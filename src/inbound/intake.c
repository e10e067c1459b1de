/* SPDX-License-Identifier: MIT */
#include "intake.h"

#include "repostal/buf.h"
#include "repostal/clock.h"
#include "repostal/handoff.h"
#include "repostal/memory.h"
#include "repostal/outgoing.h"
#include "repostal/search_key.h"

enum {
	ANSWER_SIZE_MAX = 8 * 1024
};

#define RETRY_AFTER_S "30"

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

void intake_unavailable(struct inbound *inbound, const struct inbound_view *view,
	const struct routed_source *source, struct http_exchange *exchange,
	const struct http_request *request, enum status status)
{
	bool is_full = status == STATUS_FULL;
	enum reject_reason reason = is_full ? REJECT_BACKLOG_FULL : REJECT_UNAVAILABLE;
	struct http_header header = {
		.name = "retry-after",
		.value = SLICE_LITERAL(RETRY_AFTER_S),
	};

	inbound_count_rejected(inbound, source, reason);
	inbound_log_rejection(view, source, request, reason);
	http_answer_error_with(exchange, 503,
		is_full ? "the backlog is full; nothing was accepted, try again later"
			: "the event could not be stored; nothing was accepted, try again later",
		"server", "server", header);
}

static void refuse(const struct intake_ticket *ticket, struct http_exchange *exchange)
{
	struct http_request request = {
		.peer = ticket->peer,
		.forwarded_for = ticket->forwarded_for,
	};

	intake_unavailable(
		ticket->inbound, ticket->view, ticket->source, exchange, &request, ticket->status);
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
		ticket->outgoing->event = event->id;
		ticket->outgoing->lease = event->lease;
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

struct copies {
	struct slice content_type;
	struct slice raw;
};

static struct intake_ticket *ticket_new(struct inbound *inbound, struct inbound_view *view,
	const struct routed_source *source, size_t deliveries_count,
	const struct http_request *request, struct slice message_id, struct copies *copies_out)
{
	size_t head =
		sizeof(struct intake_ticket) + deliveries_count * sizeof(struct store_new_delivery);
	struct intake_ticket *ticket = memory_alloc(
		head + request->content_type.size + request->body.size + message_id.size);
	char *at = (char *)ticket + head;

	memset(ticket, 0, head);
	ticket->http.complete = on_answerable;
	ticket->inbound = inbound;
	ticket->view = view;
	atomic_fetch_add(&view->references, 1);
	ticket->source = source;
	copies_out->content_type = copy_behind(&at, request->content_type);
	copies_out->raw = copy_behind(&at, request->body);
	ticket->message_id = copy_behind(&at, message_id);
	ticket->peer = request->peer;
	ticket->forwarded_for = request->forwarded_for;
	return ticket;
}

static size_t count_takers(const struct routed_source *source, enum postal_event_type type,
	const struct bizmail_event *event)
{
	size_t count = 0;

	for (size_t i = 0; i < source->routes_count; i++)
		count += event_route_takes(&source->routes[i], type, event);
	return count;
}

/* Returns how many got a slot and go on from memory; what must keep an order goes over the disk. */
static size_t reserve_takers(struct dispatcher *dispatcher, const struct routed_source *source,
	enum postal_event_type type, const struct bizmail_event *event,
	struct store_new_delivery *deliveries)
{
	size_t count = 0, leased = 0;

	for (size_t i = 0; i < source->routes_count; i++) {
		const struct event_route *route = &source->routes[i];
		struct store_new_delivery *delivery = &deliveries[count];

		if (!event_route_takes(route, type, event))
			continue;
		delivery->target = route->target;
		delivery->max_open = route->max_open;
		if (route->ordered)
			delivery->order_key = search_key_order(
				slice_text(source->settings->name), event->id, event->recipient);
		else
			delivery->leased =
				dispatcher_reserve(dispatcher, route->target, (uint8_t)type);
		leased += delivery->leased;
		count++;
	}
	return leased;
}

static struct outgoing *make_outgoing(struct inbound *inbound, const struct inbound_view *view,
	const struct routed_source *source, const struct bizmail_event *event,
	const struct event_identity *identity, int64_t received_us, size_t leased,
	struct intake_ticket *ticket, size_t count)
{
	enum postal_event_type type = translate_type(view->translate, event);
	struct error err;
	struct outgoing *outgoing =
		outgoing_translate(view->translate, slice_text(source->settings->name),
			&source->settings->defaults, event, identity, received_us, leased, &err);
	size_t index = 0;

	if (outgoing != NULL)
		outgoing->source = source->number;
	for (size_t i = 0; i < count; i++) {
		struct store_new_delivery *delivery = &ticket->deliveries[i];

		if (!delivery->leased)
			continue;
		if (outgoing != NULL) {
			dispatcher_address(inbound->dispatcher, outgoing, index++, delivery->target,
				(uint8_t)type);
			continue;
		}
		/* No envelope can be made of it: the way over the disk ends where people see it. */
		dispatcher_release(inbound->dispatcher, delivery->target);
		delivery->leased = false;
	}
	return outgoing;
}

static void fill_search_keys(const struct bizmail_event *event,
	const struct event_identity *identity, int64_t keys[STORE_SEARCH_KEYS])
{
	char uuid[UUID_TEXT_SIZE];

	uuid_format(&identity->uuid, uuid);
	keys[0] = search_key_uuid(slice_text(uuid));
	keys[1] = search_key_message(event->id);
	keys[2] = search_key_recipient(event->recipient);
}

void intake_event(struct inbound *inbound, struct inbound_view *view,
	const struct routed_source *source, struct http_exchange *exchange,
	const struct http_request *request, const struct bizmail_event *event)
{
	enum postal_event_type type = translate_type(view->translate, event);
	struct event_identity identity =
		translate_identity(slice_text(source->settings->name), event);
	int64_t received_us = clock_unix_us();
	size_t count = count_takers(source, type, event);
	struct copies copies;
	struct intake_ticket *ticket =
		ticket_new(inbound, view, source, count, request, event->id, &copies);
	size_t leased =
		reserve_takers(inbound->dispatcher, source, type, event, ticket->deliveries);

	ticket->kind = event->kind;
	if (leased > 0)
		ticket->outgoing = make_outgoing(inbound, view, source, event, &identity,
			received_us, leased, ticket, count);
	ticket->store.append = (struct store_append_request){
		.request = { .kind = STORE_REQUEST_APPEND, .done = on_appended },
		.event = {
			.occurred_ms = event->time_ms,
			.identity = identity.hash,
			.received_us = received_us,
			.source = source->number,
			.kind = (uint8_t)event->kind,
			.type = (uint8_t)type,
			.content_type = copies.content_type,
			.raw = copies.raw,
			.deliveries = ticket->deliveries,
			.deliveries_count = count,
		},
	};
	fill_search_keys(event, &identity, ticket->store.append.event.search_keys);
	http_defer(exchange, &ticket->http);
	store_thread_post(inbound->store, &ticket->store.request);
}

void intake_quarantine(struct inbound *inbound, struct inbound_view *view,
	const struct routed_source *source, struct http_exchange *exchange,
	const struct http_request *request, enum bizmail_problem problem, enum bizmail_kind kind,
	struct slice message_id)
{
	struct copies copies;
	struct intake_ticket *ticket = ticket_new(inbound, view, source, 0, request,
		message_id.size <= BIZMAIL_ID_SIZE_MAX ? message_id : slice_of(NULL, 0), &copies);

	ticket->problem = problem;
	ticket->kind = BIZMAIL_UNKNOWN;
	ticket->store.quarantine = (struct store_quarantine_request){
		.request = { .kind = STORE_REQUEST_QUARANTINE, .done = on_quarantined },
		.quarantined = {
			.received_us = clock_unix_us(),
			.source = source->number,
			.kind = (uint8_t)kind,
			.reason = bizmail_problem_name(problem),
			.content_type = copies.content_type,
			.raw = copies.raw,
		},
	};
	http_defer(exchange, &ticket->http);
	store_thread_post(inbound->store, &ticket->store.request);
}
