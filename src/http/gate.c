/* SPDX-License-Identifier: MIT */
/*
 * libh2o has no hook between the bytes of a connection and its own parser: a handler sees a request when
 * the body is there, and chunks are decoded where they lie. So we stand in front of the two callbacks
 * of its socket. What is read is looked at first, and what follows a written answer, for libh2o begins with
 * that without reading.
 *
 * A body that is not to be read is hidden: its announcement gets another name in the buffer. libh2o then
 * hands over a request without one, which is refused the usual way, and the connection ends. So is a wish for
 * another protocol: upstream's libh2o would take what follows for it.
 */
#include "head.h"
#include "http_private.h"
#include "repostal/clock.h"

static void on_readable(h2o_socket_t *socket, const char *error);
static void on_written(h2o_socket_t *socket, const char *error);

void http_connection_enter(struct http_connection *connection, enum http_state state)
{
	connection->state = state;
	connection->since_ms = clock_monotonic_ms();
}

static bool may_send_body(const struct http_connection *connection, struct slice head)
{
	const struct http_server *server = connection->loop->server;
	struct slice lines[HEAD_LINES_MAX];
	struct http_request request;

	if (server->settings.may_send_body == NULL)
		return true;
	head_read(head, lines, &request);
	request.peer = connection->peer;
	request.is_local = connection->is_local;
	return server->settings.may_send_body(server->handler_context, &request);
}

static bool is_too_large(const struct http_connection *connection)
{
	return connection->gate.framing.announced >
	       (uint64_t)connection->loop->server->settings.max_body;
}

/* The head has just come, with some of its body or all of it. */
static void judge_head(struct http_connection *connection, char *head)
{
	struct http_gate *gate = &connection->gate;
	struct framing *framing = &gate->framing;

	gate->is_broken = framing->state == FRAMING_BROKEN;
	gate->is_too_large = is_too_large(connection);
	if (!gate->is_broken && !gate->is_too_large &&
		(!framing_awaits_body(framing) ||
			may_send_body(connection, slice_of(head, framing->head_size)))) {
		if (framing->asks_upgrade)
			framing_hide_upgrade(head, framing->head_size);
		return;
	}
	framing_hide_body(head, framing->head_size);
	framing->state = FRAMING_WHOLE;
	gate->is_hidden = true;
}

static h2o_req_t *request_of(struct http_connection *connection)
{
	return libh2o_request_of(&connection->loop->context, connection->socket);
}

/* As libh2o does when its own decoder fails. */
static void refuse_body(struct http_connection *connection, int status, const char *reason)
{
	h2o_socket_read_stop(connection->socket);
	h2o_send_error_generic(
		request_of(connection), status, reason, "", H2O_SEND_ERROR_HTTP1_CLOSE_CONNECTION);
	http_gate_watch(connection);
}

/* Looks at what libh2o will see next, from `begin` in the input. False: it was refused instead. */
static bool let_in(struct http_connection *connection, size_t begin)
{
	struct http_gate *gate = &connection->gate;
	h2o_buffer_t *input = connection->socket->input;
	bool is_head = gate->framing.state == FRAMING_HEAD;
	size_t taken;

	if (input->size <= begin)
		return true;
	taken = framing_take(&gate->framing, slice_of(input->bytes + begin, input->size - begin),
		gate->seen - begin);
	gate->rest = input->size - begin - taken;
	if (is_head && gate->framing.state != FRAMING_HEAD) {
		judge_head(connection, input->bytes + begin);
		return true;
	}
	if (gate->framing.state == FRAMING_BROKEN)
		refuse_body(connection, 400, "Invalid Request");
	else if (is_too_large(connection))
		refuse_body(connection, 413, "Request Entity Too Large");
	else
		return true;
	return false;
}

static void note_head_size(struct http_connection *connection, size_t size)
{
	connection->loop->heads_size += size - connection->gate.head_size;
	connection->gate.head_size = size;
}

/* Whoever sends it is a stranger yet: all of them together get so much memory and no more. */
static bool is_head_too_much(struct http_connection *connection)
{
	const struct http_loop *loop = connection->loop;
	const h2o_buffer_t *input = connection->socket->input;
	bool is_long = connection->gate.framing.state == FRAMING_HEAD && input->size > 0 &&
		       input->capacity > HTTP_HEAD_SIZE_FREE;

	note_head_size(connection, is_long ? input->capacity - HTTP_HEAD_SIZE_FREE : 0);
	return is_long && loop->heads_size > HTTP_HEADS_SIZE_MAX / loop->server->loops_count;
}

void http_gate_forget(struct http_connection *connection)
{
	note_head_size(connection, 0);
}

/* libh2o has done what it could with its input; it may have closed the connection. */
static void settle(struct http_connection *connection, const bool *is_gone)
{
	struct http_gate *gate = &connection->gate;

	if (*is_gone)
		return;
	connection->is_gone = NULL;
	gate->seen = connection->socket->input->size;
	/* After a CONNECT upstream's libh2o takes what follows for what is to be tunnelled. */
	if (gate->rest > gate->seen)
		gate->rest = gate->seen;
	gate->end = gate->seen - gate->rest;
	http_gate_watch(connection);
}

static void pass(struct http_connection *connection, h2o_socket_cb callback, const char *error)
{
	bool is_gone = false;

	connection->is_gone = &is_gone;
	callback(connection->socket, error);
	settle(connection, &is_gone);
}

static void on_readable(h2o_socket_t *socket, const char *error)
{
	struct http_connection *connection = socket->on_close.data;

	if (error == NULL && !let_in(connection, 0))
		return;
	if (error == NULL && is_head_too_much(connection))
		error = h2o_socket_error_out_of_memory;
	pass(connection, connection->gate.read, error);
}

/* What came too early is the beginning of the next request. */
static void begin_next(struct http_connection *connection)
{
	struct http_gate *gate = &connection->gate;

	http_connection_enter(connection, HTTP_READING);
	framing_begin(&gate->framing);
	gate->seen = gate->end;
	gate->rest = 0;
	let_in(connection, gate->end);
}

void http_gate_continue(struct http_connection *connection)
{
	begin_next(connection);
	pass(connection, connection->gate.written, NULL);
}

static bool is_pipelining(const struct http_connection *connection)
{
	return connection->gate.rest > 0;
}

static void on_written(h2o_socket_t *socket, const char *error)
{
	struct http_connection *connection = socket->on_close.data;

	if (libh2o_is_progress(error)) {
		connection->gate.written(socket, error);
		return;
	}
	if (connection->state == HTTP_WRITING) {
		if (error != NULL) {
			/* libh2o 2.2.5 would answer everything that lies in the input, to nobody. */
			libh2o_request_of(&connection->loop->context, connection->socket)
				->http1_is_persistent = 0;
			http_connection_enter(connection, HTTP_CLOSING);
		} else if (connection->lingers) {
			http_linger_begin(connection);
			return;
		} else if (connection->is_last) {
			http_connection_enter(connection, HTTP_CLOSING);
		} else if (is_pipelining(connection) && !connection->is_deferred) {
			http_pace_begin(connection);
			return;
		} else {
			begin_next(connection);
		}
	}
	pass(connection, connection->gate.written, error);
}

/* The socket's callbacks are libh2o's once more: it has started to read, or to write. */
void http_gate_watch(struct http_connection *connection)
{
	struct http_gate *gate = &connection->gate;
	h2o_socket_t *socket = connection->socket;

	if (socket->_cb.read != NULL && socket->_cb.read != on_readable &&
		connection->state == HTTP_READING) {
		gate->read = socket->_cb.read;
		socket->_cb.read = on_readable;
	}
	if (socket->_cb.write != NULL && socket->_cb.write != on_written) {
		gate->written = socket->_cb.write;
		socket->_cb.write = on_written;
	}
}

/* Not h2o_accept(): after a handshake it would begin with what follows before we see that. */
void http_gate_open(struct http_connection *connection)
{
	struct http_loop *loop = connection->loop;
	h2o_accept_ctx_t accept = { .ctx = &loop->context, .hosts = connection->hosts };
	bool is_gone = false;

	framing_begin(&connection->gate.framing);
	let_in(connection, 0);
	connection->is_gone = &is_gone;
	h2o_http1_accept(&accept, connection->socket, libh2o_now(&loop->context));
	settle(connection, &is_gone);
}

void http_gate_close(struct http_connection *connection)
{
	http_connection_enter(connection, HTTP_CLOSING);
	pass(connection, connection->gate.written, NULL);
}
