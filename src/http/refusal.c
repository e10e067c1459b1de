/* SPDX-License-Identifier: MIT */
/*
 * libh2o refuses some requests before any handler sees them: a body over the limit, a broken
 * Content-Length or chunk, an unknown expectation. Those answers pass the fallback path's filters,
 * where their plain text is replaced.
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
	h2o_iovec_t body;
};

static void send_refusal(h2o_ostream_t *stream, h2o_req_t *req, h2o_iovec_t *bufs, size_t count,
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

static void on_setup_refusal(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot)
{
	struct refusal_filter *self = (struct refusal_filter *)filter;
	struct http_connection *connection = http_connection_of(req);
	struct refusal_stream *stream =
		(struct refusal_stream *)h2o_add_ostream(req, sizeof(*stream), slot);
	ssize_t type = h2o_find_header(&req->res.headers, H2O_TOKEN_CONTENT_TYPE, -1);

	counter_add(req->res.status == 413 ? &self->server->metrics.too_large
					   : &self->server->metrics.bad_requests,
		1);
	/* At once, without a look at what the request asks for. */
	http_codes_note(&self->server->metrics, req->res.status, 0);
	stream->super.do_send = send_refusal;
	stream->body = refusal_body(req);
	req->res.content_length = stream->body.len;
	if (type >= 0)
		req->res.headers.entries[type].value =
			h2o_iovec_init(H2O_STRLIT("application/json"));
	http_connection_enter(connection, HTTP_WRITING);
	connection->is_last = true;
	connection->lingers = true;
	h2o_setup_next_ostream(req, &stream->super.next);
}

void http_refusals_install(struct http_server *server, h2o_pathconf_t *path)
{
	struct refusal_filter *filter =
		(struct refusal_filter *)h2o_create_filter(path, sizeof(*filter));

	filter->super.on_setup_ostream = on_setup_refusal;
	filter->server = server;
}
