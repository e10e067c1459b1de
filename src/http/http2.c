/* SPDX-License-Identifier: MIT */
/*
 * libh2o reads the frames. What the gate is for HTTP/1, this is for a stream: whoever may not send a body is
 * refused with the first of it, every stream has a deadline, and counts as a connection does.
 *
 * A stream becomes known when libh2o hands over its request, or when we look for those that it has not handed
 * over yet: after the connection was read from, and at each sweep. Streams must not be ended while libh2o is
 * at work on their connection, so that is done after the round of the loop.
 */
#include <sys/socket.h>

#include "http_private.h"
#include "repostal/buf.h"
#include "repostal/clock.h"
#include "repostal/memory.h"

/* RFC 9113, section 7 */
enum {
	HTTP2_REFUSED_STREAM = 7, /* nothing of it was done: it may be sent again */
	HTTP2_CANCEL = 8,
	HTTP2_ENHANCE_YOUR_CALM = 11,
};

struct http_stream {
	struct http_exchange exchange;
	struct http_stream *next, **previous;
	uint64_t id;
	enum http_state state;
	int64_t since_ms; /* monotonic */
	struct buf body;
	int reset_code;     /* to be ended with it; 0: not */
	bool is_ended;      /* and has been */
	bool has_body_left; /* it is answered, and its body has not all come */
};

static void on_readable(h2o_socket_t *socket, const char *error);
static void on_written(h2o_socket_t *socket, const char *error);

static void enter(struct http_stream *stream, enum http_state state)
{
	stream->state = state;
	stream->since_ms = clock_monotonic_ms();
}

static void unsettle(struct http_connection *connection)
{
	if (!h2o_linklist_is_linked(&connection->http2.unsettled))
		h2o_linklist_insert(&connection->loop->unsettled, &connection->http2.unsettled);
}

/* There is something left to do with the stream. */
static void mark_pending(struct http_stream *stream)
{
	stream->exchange.connection->http2.pending_count++;
	unsettle(stream->exchange.connection);
}

static void mark_for_reset(struct http_stream *stream, int code)
{
	if (stream->is_ended)
		return;
	if (stream->reset_code == 0)
		mark_pending(stream);
	stream->reset_code = code;
}

/* -- which streams there are -- */

static void on_stream_dispose(void *data)
{
	struct http_stream *stream = data;
	struct http_connection *connection = stream->exchange.connection;
	struct http2 *http2 = &connection->http2;

	http_exchange_end(&stream->exchange);
	*stream->previous = stream->next;
	if (stream->next != NULL)
		stream->next->previous = stream->previous;
	http2->pending_count -=
		(stream->reset_code != 0 && !stream->is_ended) + stream->has_body_left;
	buf_free(&stream->body);
	http2->streams_count--;
	if (http2->streams_count == 0)
		http_connection_enter(connection, HTTP_READING);
	else
		http_loop_count(connection->loop, -1);
}

static void link_stream(struct http2 *http2, struct http_stream *stream)
{
	stream->next = http2->streams;
	stream->previous = &http2->streams;
	if (stream->next != NULL)
		stream->next->previous = &stream->next;
	http2->streams = stream;
}

static struct http_stream *add_stream(struct http_connection *connection, h2o_req_t *req)
{
	struct http_stream *stream =
		h2o_mem_alloc_shared(&req->pool, sizeof(*stream), on_stream_dispose);
	struct http_loop *loop = connection->loop;
	struct http2 *http2 = &connection->http2;

	*stream = (struct http_stream){ .id = libh2o_stream_id(req) };
	http_exchange_begin(&stream->exchange, req);
	stream->exchange.stream = stream;
	buf_init(&stream->body, (size_t)loop->server->settings.max_body);
	enter(stream, HTTP_READING);
	link_stream(http2, stream);
	http2->streams_count++;
	if (http2->streams_count == 1)
		http_connection_enter(connection, HTTP_WAITING);
	else
		http_loop_count(loop, 1);
	if (loop->connections_count > loop->connections_max ||
		atomic_load(&loop->command) != HTTP_LOOP_RUN)
		mark_for_reset(stream, HTTP2_REFUSED_STREAM);
	return stream;
}

static struct http_stream *find_stream(const struct http_connection *connection, h2o_req_t *req)
{
	uint64_t id = libh2o_stream_id(req);
	struct http_stream *stream = connection->http2.streams;

	while (stream != NULL && stream->id != id)
		stream = stream->next;
	return stream;
}

static struct http_stream *stream_of(struct http_connection *connection, h2o_req_t *req)
{
	struct http_stream *stream = find_stream(connection, req);

	return stream != NULL ? stream : add_stream(connection, req);
}

static size_t size_of_head(const h2o_req_t *req)
{
	size_t size = req->input.path.len + req->input.authority.len;

	for (size_t i = 0; i < req->headers.size; i++)
		size += req->headers.entries[i].name->len + req->headers.entries[i].value.len;
	return size;
}

static int note_stream(h2o_req_t *req, void *data)
{
	struct http_connection *connection = data;
	struct http_stream *stream;

	if (libh2o_stream_id(req) <= connection->http2.newest || !libh2o_stream_has_begun(req))
		return 0;
	stream = stream_of(connection, req);
	if (size_of_head(req) > HTTP_HEAD_SIZE_FREE)
		mark_for_reset(stream, HTTP2_ENHANCE_YOUR_CALM);
	return 0;
}

static bool is_too_much(const struct http_connection *connection, const h2o_conn_t *conn)
{
	return libh2o_size_of_head_in_pieces(conn) > HTTP_HEAD_SIZE_FREE ||
	       connection->socket->bytes_read > connection->http2.allowed;
}

/* Not even what is on its way is waited for: a sender whose window is shut would hang on. */
static void cut_off(struct http_connection *connection)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	int fd = h2o_socket_get_fd(connection->socket);

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	shutdown(fd, SHUT_RDWR);
}

static void look_at(struct http_connection *connection, h2o_conn_t *conn)
{
	uint64_t newest = libh2o_newest_stream(conn);

	if (newest != connection->http2.newest) {
		libh2o_each_stream(conn, note_stream, connection);
		connection->http2.newest = newest;
	}
	if (is_too_much(connection, conn))
		cut_off(connection);
}

/* -- a request -- */

static void hand_over(struct http_stream *stream, struct slice body, bool body_refused)
{
	struct http_exchange *exchange = &stream->exchange;
	struct http_server *server = exchange->connection->loop->server;
	struct http_request request;

	enter(stream, HTTP_WAITING);
	exchange->began_us = clock_monotonic_us();
	http_exchange_read(exchange, &request);
	request.body = body;
	request.body_refused = body_refused;
	server->handler(server->handler_context, exchange, &request);
}

static bool may_send_body(struct http_stream *stream)
{
	struct http_server *server = stream->exchange.connection->loop->server;
	struct http_request request;

	if (server->settings.may_send_body == NULL)
		return true;
	http_exchange_read(&stream->exchange, &request);
	return server->settings.may_send_body(server->handler_context, &request);
}

/* False: it would be too large. */
static bool take(struct http_stream *stream, size_t size)
{
	struct http_connection *connection = stream->exchange.connection;

	if (size > (size_t)connection->loop->server->settings.max_body - stream->body.size) {
		http_exchange_refuse_size(&stream->exchange);
		return false;
	}
	connection->http2.allowed += size;
	return true;
}

static int on_body(void *data, int is_end)
{
	struct http_stream *stream = data;
	h2o_req_t *req = stream->exchange.req;

	/* What comes after the answer lies where it is until libh2o_end_body(). */
	if (stream->state != HTTP_READING || !take(stream, req->entity.len))
		return 0;
	buf_append(&stream->body, req->entity.base, req->entity.len);
	if (is_end != 0)
		hand_over(stream, buf_slice(&stream->body), false);
	else
		libh2o_more_body(req);
	return 0;
}

static void begin_body(struct http_stream *stream)
{
	h2o_req_t *req = stream->exchange.req;
	uint64_t size_max = (uint64_t)stream->exchange.connection->loop->server->settings.max_body;

	libh2o_take_body(req, on_body, stream);
	if (libh2o_announces_more(req, size_max))
		http_exchange_refuse_size(&stream->exchange);
	else if (!may_send_body(stream))
		hand_over(stream, slice_of(NULL, 0), true);
	else
		on_body(stream, 0);
}

int http2_on_request(h2o_handler_t *handler, h2o_req_t *req)
{
	struct http_stream *stream = stream_of(http_connection_of(req), req);

	(void)handler;
	if (stream->reset_code != 0)
		return 0;
	if (libh2o_body_is_coming(req))
		begin_body(stream);
	else if (take(stream, req->entity.len))
		hand_over(stream, slice_of(req->entity.base, req->entity.len), false);
	return 0;
}

bool http2_begin_refusal(struct http_connection *connection, h2o_req_t *req)
{
	struct http_stream *stream = stream_of(connection, req);

	if (stream->state != HTTP_READING)
		return false;
	enter(stream, HTTP_WRITING);
	return true;
}

void http2_answer_begin(struct http_exchange *exchange)
{
	enter(exchange->stream, HTTP_WRITING);
	exchange->connection->http2.allowed += HTTP2_CHATTER_PER_ANSWER;
}

void http2_answer_end(struct http_exchange *exchange)
{
	struct http_stream *stream = exchange->stream;

	if (libh2o_body_is_coming(exchange->req)) {
		stream->has_body_left = true;
		mark_pending(stream);
	}
	unsettle(exchange->connection);
}

/* -- after a round -- */

/* A client whose answer is complete hears that nobody wants the rest of the body. */
static void finish(struct http_stream *stream)
{
	if (stream->reset_code != 0 && !stream->is_ended) {
		stream->is_ended = true;
		stream->exchange.connection->http2.pending_count--;
		libh2o_reset_stream(stream->exchange.req, stream->reset_code);
	} else if (stream->has_body_left && libh2o_is_answered(stream->exchange.req)) {
		stream->has_body_left = false;
		stream->exchange.connection->http2.pending_count--;
		libh2o_end_body(stream->exchange.req);
	}
}

static void finish_pending(struct http2 *http2)
{
	struct http_stream *next;

	if (http2->pending_count == 0)
		return;
	for (struct http_stream *stream = http2->streams; stream != NULL; stream = next) {
		next = stream->next;
		finish(stream);
	}
}

/* Like http_gate_watch(). libh2o stops reading while much is to be written. */
static void watch(struct http_connection *connection)
{
	struct http_gate *gate = &connection->gate;
	h2o_socket_t *socket = connection->socket;

	if (socket->_cb.read != NULL && socket->_cb.read != on_readable) {
		gate->read = socket->_cb.read;
		socket->_cb.read = on_readable;
	}
	if (socket->_cb.read == NULL && socket->_cb.write != NULL &&
		socket->_cb.write != on_written) {
		gate->written = socket->_cb.write;
		socket->_cb.write = on_written;
	}
}

static void settle(struct http_connection *connection)
{
	h2o_socket_t *socket = connection->socket;

	h2o_linklist_unlink(&connection->http2.unsettled);
	/* While it reads, libh2o has its part of the connection; later there may be TLS's farewell only. */
	if (socket->_cb.read != NULL)
		look_at(connection, socket->data);
	finish_pending(&connection->http2);
	watch(connection);
	if (connection->http2.pending_count > 0 ||
		(socket->_cb.read == NULL && socket->_cb.write == NULL))
		unsettle(connection);
}

void http2_settle(struct http_loop *loop)
{
	h2o_linklist_t these;

	h2o_linklist_init_anchor(&these);
	h2o_linklist_insert_list(&these, &loop->unsettled);
	while (!h2o_linklist_is_empty(&these))
		settle(H2O_STRUCT_FROM_MEMBER(struct http_connection, http2.unsettled, these.next));
}

static void pass(struct http_connection *connection, h2o_socket_cb callback, const char *error)
{
	bool is_gone = false;

	connection->is_gone = &is_gone;
	callback(connection->socket, error);
	if (is_gone)
		return;
	connection->is_gone = NULL;
	unsettle(connection);
}

static void on_readable(h2o_socket_t *socket, const char *error)
{
	struct http_connection *connection = socket->on_close.data;

	pass(connection, connection->gate.read, error);
}

static void on_written(h2o_socket_t *socket, const char *error)
{
	struct http_connection *connection = socket->on_close.data;

	pass(connection, connection->gate.written, error);
}

void http2_open(struct http_connection *connection)
{
	struct http_loop *loop = connection->loop;
	h2o_accept_ctx_t accept = { .ctx = &loop->context, .hosts = connection->hosts };
	bool is_gone = false;

	connection->is_http2 = true;
	connection->hosts[0] = loop->server->host_http2;
	connection->http2.allowed = HTTP2_CHATTER_MAX;
	http_connection_enter(connection, HTTP_READING);
	connection->is_gone = &is_gone;
	h2o_http2_accept(&accept, connection->socket, libh2o_now(&loop->context));
	if (is_gone)
		return;
	connection->is_gone = NULL;
	unsettle(connection);
}

/* -- time and the end -- */

/* One that is not gone a while after it was ended waits for its connection to write, which it will not. */
static void end_overdue(
	struct http_connection *connection, int64_t now_ms, const struct http_limits *limits)
{
	struct http_stream *next;

	for (struct http_stream *stream = connection->http2.streams; stream != NULL;
		stream = next) {
		next = stream->next;
		if (!http_is_overdue(stream->state, stream->since_ms, now_ms, limits))
			continue;
		if (stream->state == HTTP_CLOSING) {
			shutdown(h2o_socket_get_fd(connection->socket), SHUT_RDWR);
			return;
		}
		enter(stream, HTTP_CLOSING);
		mark_for_reset(stream, HTTP2_CANCEL);
	}
}

struct sweep {
	int64_t now_ms;
	const struct http_limits *limits;
};

/* Of a connection that has no stream; the others' have deadlines of their own. */
static void sweep_one(struct http_connection *connection, h2o_conn_t *conn, void *data)
{
	const struct sweep *sweep = data;

	look_at(connection, conn);
	end_overdue(connection, sweep->now_ms, sweep->limits);
	if (connection->state == HTTP_READING &&
		http_is_overdue(HTTP_READING, connection->since_ms, sweep->now_ms, sweep->limits)) {
		http_connection_enter(connection, HTTP_CLOSING);
		libh2o_go_away(conn);
	}
}

static void say_goodbye(struct http_connection *connection, h2o_conn_t *conn, void *data)
{
	(void)data;
	for (struct http_stream *s = connection->http2.streams; s != NULL; s = s->next)
		if (s->state == HTTP_READING)
			mark_for_reset(s, HTTP2_REFUSED_STREAM);
	libh2o_go_away(conn);
}

struct visit {
	void (*each)(struct http_connection *connection, h2o_conn_t *conn, void *data);
	void *data;
};

static void visit_one(h2o_conn_t *conn, void *data)
{
	const struct visit *visit = data;
	struct http_connection *connection =
		H2O_STRUCT_FROM_MEMBER(struct http_connection, hosts, conn->hosts);

	if (connection->is_http2)
		visit->each(connection, conn, visit->data);
}

void http2_sweep(struct http_loop *loop, int64_t now_ms, const struct http_limits *limits)
{
	struct sweep sweep = { .now_ms = now_ms, .limits = limits };
	struct visit visit = { .each = sweep_one, .data = &sweep };

	libh2o_each_connection(&loop->context, visit_one, &visit);
}

void http2_drain(struct http_loop *loop)
{
	struct visit visit = { .each = say_goodbye };

	libh2o_each_connection(&loop->context, visit_one, &visit);
}
