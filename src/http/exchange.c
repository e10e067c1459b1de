/* SPDX-License-Identifier: MIT */
/*
 * The hardest lifetime of this program is the request that waits for the disk. Its exchange lives
 * in libh2o's pool of the request; the ticket lives with the event that is on its way to the disk.
 * Each points to the other, and whichever goes first cuts the link. Both run on the loop only.
 */
#include "head.h"
#include "http_private.h"
#include "repostal/buf.h"
#include "repostal/clock.h"
#include "repostal/memory.h"

enum {
	ERROR_BODY_SIZE_MAX = 1024
};

static struct slice slice_of_iovec(h2o_iovec_t vec)
{
	return slice_of(vec.base, vec.len);
}

static struct slice header_value(const h2o_req_t *req, const h2o_token_t *token)
{
	ssize_t at = h2o_find_header(&req->headers, token, -1);

	return at < 0 ? slice_of(NULL, 0) : slice_of_iovec(req->headers.entries[at].value);
}

struct slice http_request_header(const struct http_exchange *exchange, const char *lower_case_name)
{
	const h2o_headers_t *headers = &exchange->req->headers;
	ssize_t at;

	/* libh2o takes this one out. */
	if (strcmp(lower_case_name, "host") == 0)
		return exchange->authority.size > 0
			       ? exchange->authority
			       : slice_of_iovec(exchange->req->input.authority);
	at = h2o_find_header_by_str(headers, lower_case_name, strlen(lower_case_name), -1);
	return at < 0 ? slice_of(NULL, 0) : slice_of_iovec(headers->entries[at].value);
}

static struct http_lines forwarded_for(h2o_req_t *req)
{
	struct slice *list = NULL;
	size_t count = 0, filled = 0;
	ssize_t at = -1;

	while ((at = h2o_find_header(&req->headers, H2O_TOKEN_X_FORWARDED_FOR, at)) >= 0)
		count++;
	if (count > 0)
		list = libh2o_alloc(req, count * sizeof(*list));
	for (at = -1; filled < count; filled++) {
		at = h2o_find_header(&req->headers, H2O_TOKEN_X_FORWARDED_FOR, at);
		list[filled] = slice_of_iovec(req->headers.entries[at].value);
	}
	return (struct http_lines){ .list = list, .count = count };
}

static bool is_encoded(const h2o_req_t *req)
{
	ssize_t at = -1;

	while ((at = h2o_find_header(&req->headers, H2O_TOKEN_CONTENT_ENCODING, at)) >= 0) {
		struct slice value = slice_trim(slice_of_iovec(req->headers.entries[at].value));

		if (value.size > 0 && !slice_is_nocase(value, "identity"))
			return true;
	}
	return false;
}

void http_exchange_begin(struct http_exchange *exchange, h2o_req_t *req)
{
	*exchange = (struct http_exchange){
		.req = req,
		.connection = http_connection_of(req),
		.authority = slice_of(NULL, 0),
		.began_us = clock_monotonic_us(),
	};
}

void http_exchange_read(struct http_exchange *exchange, struct http_request *request_out)
{
	h2o_req_t *req = exchange->req;

	*request_out = (struct http_request){
		.method = slice_of_iovec(req->method),
		.content_type = header_value(req, H2O_TOKEN_CONTENT_TYPE),
		.is_encoded = is_encoded(req),
		.authorization = header_value(req, H2O_TOKEN_AUTHORIZATION),
		.forwarded_for = forwarded_for(req),
		.body = slice_of(NULL, 0),
		.peer = exchange->connection->peer,
		.is_local = exchange->connection->is_local,
	};
	exchange->authority = head_split_target(
		slice_of_iovec(req->path), &request_out->path, &request_out->query);
}

void http_exchange_end(struct http_exchange *exchange)
{
	if (exchange->ticket != NULL)
		exchange->ticket->exchange = NULL;
}

static void on_exchange_dispose(void *data)
{
	http_exchange_end(data);
}

static void refuse_framing(struct http_exchange *exchange)
{
	counter_add(&exchange->connection->loop->server->metrics.bad_requests, 1);
	http_answer_error(exchange, 400, "the end of the request can be understood in two ways",
		"request", "headers");
}

void http_exchange_refuse_size(struct http_exchange *exchange)
{
	counter_add(&exchange->connection->loop->server->metrics.too_large, 1);
	http_answer_error(exchange, 413, "Request Entity Too Large", "body", "body");
}

int http_on_request(h2o_handler_t *handler, h2o_req_t *req)
{
	struct http_exchange *exchange =
		h2o_mem_alloc_shared(&req->pool, sizeof(*exchange), on_exchange_dispose);
	struct http_server *server;
	struct http_gate *gate;
	struct http_request request;

	(void)handler;
	http_exchange_begin(exchange, req);
	server = exchange->connection->loop->server;
	gate = &exchange->connection->gate;
	http_connection_enter(exchange->connection, HTTP_WAITING);
	exchange->connection->is_deferred = false;
	if (gate->is_broken) {
		refuse_framing(exchange);
		return 0;
	}
	http_exchange_read(exchange, &request);
	request.body = slice_of_iovec(req->entity);
	request.body_refused = gate->is_hidden;
	if (gate->is_too_large)
		http_exchange_refuse_size(exchange);
	else
		server->handler(server->handler_context, exchange, &request);
	return 0;
}

static void begin_answer(struct http_exchange *exchange)
{
	struct http_connection *connection = exchange->connection;

	h2o_socket_dont_read(connection->socket, 0);
	/* What follows a hidden body's head is not what its sender calls a request. */
	connection->lingers = connection->gate.is_hidden;
	if (connection->lingers || atomic_load(&connection->loop->command) != HTTP_LOOP_RUN)
		exchange->req->http1_is_persistent = 0;
	connection->is_last = !exchange->req->http1_is_persistent;
	http_connection_enter(connection, HTTP_WRITING);
}

void http_answer(struct http_exchange *exchange, const struct http_answer *answer)
{
	static h2o_generator_t generator = { NULL, NULL };
	h2o_req_t *req = exchange->req;
	struct http_connection *connection = exchange->connection;
	h2o_iovec_t body = h2o_strdup(&req->pool, answer->body.data, answer->body.size);
	bool is_head = h2o_memis(req->method.base, req->method.len, H2O_STRLIT("HEAD"));

	http_codes_note(&connection->loop->server->metrics, answer->status,
		clock_monotonic_us() - exchange->began_us);
	if (exchange->stream != NULL)
		http2_answer_begin(exchange);
	else
		begin_answer(exchange);
	req->res.status = answer->status;
	req->res.reason = http_reason(answer->status);
	if (answer->status != 204)
		req->res.content_length = body.len;
	if (answer->content_type != NULL)
		h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
			answer->content_type, strlen(answer->content_type));
	for (size_t i = 0; i < answer->headers_count; i++) {
		const struct http_header *header = &answer->headers[i];
		h2o_iovec_t value = h2o_strdup(&req->pool, header->value.data, header->value.size);

		h2o_add_header_by_str(&req->pool, &req->res.headers, header->name,
			strlen(header->name), 1, NULL, value.base, value.len);
	}
	libh2o_add_date(req);
	h2o_start_response(req, &generator);
	h2o_send(req, &body, is_head || body.len == 0 ? 0 : 1, H2O_SEND_STATE_FINAL);
	if (exchange->stream != NULL)
		http2_answer_end(exchange);
	else
		http_gate_watch(connection);
}

void http_answer_error_with(struct http_exchange *exchange, int status, const char *message,
	const char *param, const char *location, struct http_header header)
{
	struct http_answer answer = { .status = status, .content_type = "application/json" };
	struct buf body;

	buf_init(&body, ERROR_BODY_SIZE_MAX);
	buf_append_text(&body, "{\"errors\":[{\"msg\":");
	buf_append_json_string(&body, slice_text(message));
	buf_append_text(&body, ",\"param\":");
	buf_append_json_string(&body, slice_text(param));
	buf_append_text(&body, ",\"location\":");
	buf_append_json_string(&body, slice_text(location));
	buf_append_text(&body, "}]}");
	answer.body = buf_slice(&body);
	if (header.name != NULL)
		answer.headers[answer.headers_count++] = header;
	http_answer(exchange, &answer);
	buf_free(&body);
}

void http_answer_error(struct http_exchange *exchange, int status, const char *message,
	const char *param, const char *location)
{
	http_answer_error_with(
		exchange, status, message, param, location, (struct http_header){ .name = NULL });
}

/* The next request came early, or the sender left: either has to wait for the answer to this one. */
static void on_early_input(h2o_socket_t *socket, const char *error)
{
	(void)error;
	h2o_socket_read_stop(socket);
}

/*
 * While a request is being answered libh2o looks away from its connection: without this it would tell the
 * kernel twice for each event. Nothing is read, for the request lies in the buffer that would grow.
 */
static void watch_unread(struct http_connection *connection)
{
	h2o_socket_dont_read(connection->socket, 1);
	h2o_socket_read_start(connection->socket, on_early_input);
}

void http_defer(struct http_exchange *exchange, struct http_ticket *ticket)
{
	if (exchange->stream == NULL)
		watch_unread(exchange->connection);
	ticket->exchange = exchange;
	ticket->loop = exchange->connection->loop;
	exchange->ticket = ticket;
	exchange->connection->is_deferred = true;
}

void http_tickets_add(struct http_ticket_batch *batch, struct http_ticket *ticket)
{
	struct http_loop *loop = ticket->loop;

	mailbox_chain_add(&batch->chains[loop->index], &ticket->item);
}

void http_tickets_flush(struct http_server *server, struct http_ticket_batch *batch)
{
	for (size_t i = 0; i < server->loops_count; i++)
		mailbox_post_chain(&server->loops[i].ready, &batch->chains[i]);
}

void http_complete_tickets(struct http_loop *loop)
{
	struct mailbox_chain chain = mailbox_take(&loop->ready);
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct http_ticket *ticket = MAILBOX_ENTRY(item, struct http_ticket, item);
		struct http_exchange *exchange = ticket->exchange;

		if (exchange != NULL)
			exchange->ticket = NULL;
		ticket->complete(ticket, exchange);
	}
}
