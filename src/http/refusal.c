/* SPDX-License-Identifier: MIT */
/*
 * libh2o refuses some requests before any handler sees them: a body over the limit, a broken
 * Content-Length or chunk, an unknown expectation. Those answers pass the filters of the path that was
 * found by then, where their plain text is replaced. Our own answers pass them too, as they are.
 */
#include "http_private.h"
#include "repostal/buf.h"

enum {
	REFUSAL_SIZE_MAX = 512
};

struct refusal_filter {
	h2o_filter_t super;
	struct http_server *server;
};

struct refusal_stream {
	h2o_ostream_t super;
	libh2o_vec body;
};

static void send_refusal(h2o_ostream_t *stream, h2o_req_t *req, libh2o_vec *bufs, size_t count,
	h2o_send_state_t state)
{
	struct refusal_stream *self = (struct refusal_stream *)stream;

	(void)bufs;
	/* Nothing to send stays nothing: the answer to a HEAD. */
	h2o_ostream_send_next(stream, req, &self->body, count == 0 ? 0 : 1, state);
}

static h2o_iovec_t refusal_body(h2o_req_t *req)
{
	struct buf buf;
	h2o_iovec_t body;

	buf_init(&buf, REFUSAL_SIZE_MAX);
	buf_append_text(&buf, "{\"errors\":[{\"msg\":");
	buf_append_json_string(&buf, slice_text(req->res.reason));
	buf_append_text(&buf, req->res.status == 413
				      ? ",\"param\":\"body\",\"location\":\"body\"}]}"
				      : ",\"param\":\"request\",\"location\":\"headers\"}]}");
	body = h2o_strdup(&req->pool, buf.data, buf.size);
	buf_free(&buf);
	return body;
}

/* At once, without a look at what the request asks for. */
static void count_refusal(struct http_metrics *metrics, int status)
{
	counter_add(status == 413 ? &metrics->too_large : &metrics->bad_requests, 1);
	http_codes_note(metrics, status, 0);
}

static h2o_ostream_t **add_refusal(h2o_req_t *req, h2o_ostream_t **slot)
{
	struct refusal_stream *stream = libh2o_add_stream(req, sizeof(*stream), slot);
	h2o_iovec_t body = refusal_body(req);
	ssize_t type = h2o_find_header(&req->res.headers, H2O_TOKEN_CONTENT_TYPE, -1);

	stream->super.do_send = send_refusal;
	stream->body = libh2o_vec_of(body);
	req->res.content_length = body.len;
	libh2o_add_date(req);
	if (type >= 0)
		req->res.headers.entries[type].value =
			h2o_iovec_init(H2O_STRLIT("application/json"));
	return &stream->super.next;
}

static bool begin_refusal(struct http_connection *connection)
{
	if (connection->state != HTTP_READING)
		return false;
	http_connection_enter(connection, HTTP_WRITING);
	connection->is_last = true;
	connection->lingers = true;
	return true;
}

static void on_setup_answer(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot)
{
	struct refusal_filter *self = (struct refusal_filter *)filter;
	struct http_connection *connection = http_connection_of(req);

	if (connection->is_http2 ? http2_begin_refusal(connection, req)
				 : begin_refusal(connection)) {
		count_refusal(&self->server->metrics, req->res.status);
		slot = add_refusal(req, slot);
	}
	h2o_setup_next_ostream(req, slot);
}

void http_refusals_install(struct http_server *server, h2o_pathconf_t *path)
{
	struct refusal_filter *filter =
		(struct refusal_filter *)h2o_create_filter(path, sizeof(*filter));

	filter->super.on_setup_ostream = on_setup_answer;
	filter->server = server;
}
