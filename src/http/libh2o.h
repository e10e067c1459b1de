/* SPDX-License-Identifier: MIT */
/*
 * libh2o.h - the two libh2o that this program is built with, as one
 *
 * Promise    The only file that includes libh2o's headers, and the only one that asks which version it is:
 *            2.2.5 (Debian 12's package) or upstream's (library version 0.16 and later). What differs
 *            between them has one name here, and one meaning. LIBH2O_IS_UPSTREAM stays in this file.
 * Threads    Those of the loop whose connection, request or context it is.
 */
#ifndef REPOSTAL_HTTP_LIBH2O_H
#define REPOSTAL_HTTP_LIBH2O_H

#include <stdbool.h>
#include <stddef.h>

#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>
#include <h2o/version.h>

#define LIBH2O_IS_UPSTREAM (H2O_LIBRARY_VERSION_MAJOR > 0 || H2O_LIBRARY_VERSION_MINOR >= 16)

static inline int libh2o_note_first(h2o_req_t *req, void *first_out)
{
	*(h2o_req_t **)first_out = req;
	return 1;
}

enum {
	LIBH2O_HTTP2_WINDOW_SIZE =
		65535 /* what may come of a body before anybody has looked at it */
};

/* The request that a connection over HTTP/1 holds: each has one. */
static inline h2o_req_t *libh2o_request_of(h2o_context_t *context, h2o_socket_t *socket);

#if LIBH2O_IS_UPSTREAM

#include <h2o/http2_internal.h>

#define LIBH2O_VERSION H2O_LIBRARY_VERSION ", " LIBH2O_ORIGIN

/* What an output stream is given to send. */
typedef h2o_sendvec_t libh2o_vec;

static inline libh2o_vec libh2o_vec_of(h2o_iovec_t bytes)
{
	h2o_sendvec_t vec;

	h2o_sendvec_init_raw(&vec, bytes.base, bytes.len);
	return vec;
}

static inline void *libh2o_add_stream(h2o_req_t *req, size_t size, h2o_ostream_t **slot)
{
	return h2o_add_ostream(req, _Alignof(max_align_t), size, slot);
}

static inline void *libh2o_alloc(h2o_req_t *req, size_t size)
{
	return h2o_mem_alloc_pool_aligned(&req->pool, _Alignof(max_align_t), size);
}

/* 2.2.5 does so by itself. */
static inline void libh2o_add_date(h2o_req_t *req)
{
	h2o_resp_add_date_header(req);
}

static inline void libh2o_handshake(h2o_socket_t *socket, SSL_CTX *tls, h2o_socket_cb done)
{
	h2o_socket_ssl_handshake(socket, tls, NULL, h2o_iovec_init(NULL, 0), done);
}

static inline struct timeval libh2o_now(h2o_context_t *context)
{
	return h2o_gettimeofday(context->loop);
}

/* Told to a callback of a write that goes on: it is no error. */
static inline bool libh2o_is_progress(const char *error)
{
	return error == h2o_socket_error_write_progress;
}

/* Of one reading, and of one writing; beside http1.req_timeout, which 2.2.5 has too. */
static inline void libh2o_set_io_timeout(h2o_globalconf_t *config, uint64_t timeout_ms)
{
	config->http1.req_io_timeout = timeout_ms;
}

/* The memory that this thread keeps for later: half of what was not needed since the last time, or all. */
static inline void libh2o_give_back(bool all)
{
	h2o_buffer_clear_recycle(all);
	h2o_mem_clear_recycle(&h2o_mem_pool_allocator, all);
	h2o_mem_clear_recycle(&h2o_socket_ssl_buffer_allocator, all);
}

static inline bool libh2o_has_given_back(void)
{
	return h2o_buffer_recycle_is_empty() && h2o_mem_recycle_is_empty(&h2o_mem_pool_allocator) &&
	       h2o_mem_recycle_is_empty(&h2o_socket_ssl_buffer_allocator);
}

static inline h2o_req_t *libh2o_request_of(h2o_context_t *context, h2o_socket_t *socket)
{
	h2o_conn_t *connection = socket->data;
	h2o_req_t *req = NULL;

	(void)context;
	connection->callbacks->foreach_request(connection, libh2o_note_first, &req);
	return req;
}

/*
 * HTTP/2. A handler that streams is called when the first of a body is there, while the rest is still to come;
 * such a body is the handler's to take.
 */
enum {
	LIBH2O_SPEAKS_HTTP2 = true
};

struct libh2o_http2_settings {
	uint64_t idle_timeout_ms;
	uint32_t streams_max; /* of a connection */
};

static inline void libh2o_http2_configure(
	h2o_globalconf_t *config, const struct libh2o_http2_settings *settings)
{
	config->http2.idle_timeout = settings->idle_timeout_ms;
	config->http2.max_streams = settings->streams_max;
	config->http2.max_concurrent_requests_per_connection = settings->streams_max;
	config->http2.max_concurrent_streaming_requests_per_connection = settings->streams_max;
	config->http2.active_stream_window_size = LIBH2O_HTTP2_WINDOW_SIZE;
}

static inline void libh2o_handler_streams(h2o_handler_t *handler)
{
	/* Not handles_expect: a stream that ended with its head and asks all the same would have no buffer. */
	handler->supports_request_streaming = 1;
}

static inline bool libh2o_has_chosen_http2(h2o_socket_t *socket)
{
	h2o_iovec_t chosen = h2o_socket_ssl_get_selected_protocol(socket);

	return h2o_memis(chosen.base, chosen.len, H2O_STRLIT("h2"));
}

static inline bool libh2o_body_is_coming(const h2o_req_t *req)
{
	return req->proceed_req != NULL;
}

static inline bool libh2o_announces_more(const h2o_req_t *req, uint64_t size)
{
	return req->content_length != SIZE_MAX && req->content_length > size;
}

/* Gets what has come as req->entity, and 0; with the last of it something else. Returns 0. */
static inline void libh2o_take_body(
	h2o_req_t *req, int (*on_body)(void *data, int is_end), void *data)
{
	req->write_req.cb = on_body;
	req->write_req.ctx = data;
}

/* What was in req->entity has been taken. May call on_body. */
static inline void libh2o_more_body(h2o_req_t *req)
{
	req->proceed_req(req, NULL);
}

/* Of a request that is answered: nobody wants the rest. */
static inline void libh2o_end_body(h2o_req_t *req)
{
	if (req->proceed_req != NULL)
		req->proceed_req(req, h2o_httpclient_error_is_eos);
}

/* All of the answer is in the connection's own buffer. */
static inline bool libh2o_is_answered(h2o_req_t *req)
{
	return !h2o_timeval_is_null(&req->timestamps.response_end_at);
}

/* Grows with each that is opened. */
static inline uint64_t libh2o_stream_id(h2o_req_t *req)
{
	return req->conn->callbacks->get_req_id(req);
}

/* False: all that there is of it is a priority. */
static inline bool libh2o_stream_has_begun(const h2o_req_t *req)
{
	const h2o_http2_stream_t *stream = H2O_STRUCT_FROM_MEMBER(h2o_http2_stream_t, req, req);

	return stream->state != H2O_HTTP2_STREAM_STATE_IDLE;
}

/* The request is gone afterwards, or when what is being written has left. Never in a call from libh2o. */
static inline void libh2o_reset_stream(h2o_req_t *req, int code)
{
	h2o_http2_stream_t *stream = H2O_STRUCT_FROM_MEMBER(h2o_http2_stream_t, req, req);
	h2o_http2_conn_t *connection = (h2o_http2_conn_t *)req->conn;

	if (connection->state >= H2O_HTTP2_CONN_STATE_IS_CLOSING)
		return;
	h2o_http2__encode_rst_stream_frame(&connection->_write.buf, stream->stream_id, code);
	h2o_http2_conn_request_write(connection);
	h2o_http2_stream_reset(connection, stream);
}

static inline uint64_t libh2o_newest_stream(const h2o_conn_t *connection)
{
	return ((const h2o_http2_conn_t *)connection)->pull_stream_ids.max_open;
}

/* Bytes of a head of which more frames are to come. */
static inline size_t libh2o_size_of_head_in_pieces(const h2o_conn_t *connection)
{
	const h2o_buffer_t *head = ((const h2o_http2_conn_t *)connection)->_headers_unparsed;

	return head == NULL ? 0 : head->size;
}

static inline void libh2o_each_stream(
	h2o_conn_t *connection, int (*each)(h2o_req_t *req, void *data), void *data)
{
	connection->callbacks->foreach_request(connection, each, data);
}

/* Ends with the streams that are open, and takes no more. Never in a call from libh2o. */
static inline void libh2o_go_away(h2o_conn_t *super)
{
	h2o_http2_conn_t *connection = (h2o_http2_conn_t *)super;

	if (connection->state != H2O_HTTP2_CONN_STATE_OPEN)
		return;
	h2o_http2_encode_goaway_frame(&connection->_write.buf, connection->pull_stream_ids.max_open,
		H2O_HTTP2_ERROR_NONE, h2o_iovec_init(NULL, 0));
	h2o_http2_conn_request_write(connection);
	connection->state = H2O_HTTP2_CONN_STATE_HALF_CLOSED;
}

/* Those that libh2o has not given up yet, of either protocol. */
static inline void libh2o_each_connection(
	h2o_context_t *context, void (*each)(h2o_conn_t *connection, void *data), void *data)
{
	h2o_linklist_t *lists[] = { &context->_conns.idle, &context->_conns.active,
		&context->_conns.shutdown };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (h2o_linklist_t *at = lists[i]->next, *next; at != lists[i]; at = next) {
			next = at->next;
			each(H2O_STRUCT_FROM_MEMBER(h2o_conn_t, _conns, at), data);
		}
}

#else

#define LIBH2O_VERSION H2O_VERSION

typedef h2o_iovec_t libh2o_vec;

static inline libh2o_vec libh2o_vec_of(h2o_iovec_t bytes)
{
	return bytes;
}

static inline void *libh2o_add_stream(h2o_req_t *req, size_t size, h2o_ostream_t **slot)
{
	return h2o_add_ostream(req, size, slot);
}

static inline void *libh2o_alloc(h2o_req_t *req, size_t size)
{
	return h2o_mem_alloc_pool(&req->pool, size);
}

static inline void libh2o_add_date(h2o_req_t *req)
{
	(void)req;
}

static inline void libh2o_handshake(h2o_socket_t *socket, SSL_CTX *tls, h2o_socket_cb done)
{
	h2o_socket_ssl_handshake(socket, tls, NULL, done);
}

static inline struct timeval libh2o_now(h2o_context_t *context)
{
	return *h2o_get_timestamp(context, NULL, NULL);
}

static inline bool libh2o_is_progress(const char *error)
{
	(void)error;
	return false;
}

static inline void libh2o_set_io_timeout(h2o_globalconf_t *config, uint64_t timeout_ms)
{
	(void)config;
	(void)timeout_ms;
}

/* What it keeps has no function that frees it. */
static inline void libh2o_give_back(bool all)
{
	(void)all;
}

static inline bool libh2o_has_given_back(void)
{
	return true;
}

/* It lies at a place that is the same in all connections; only all of them together can be asked. */
static inline h2o_req_t *libh2o_request_of(h2o_context_t *context, h2o_socket_t *socket)
{
	h2o_req_t *first = NULL;

	H2O_HTTP1_CALLBACKS.foreach_request(context, libh2o_note_first, &first);
	return (h2o_req_t *)((char *)socket->data + ((char *)first - (char *)first->conn));
}

/* No HTTP/2: 2.2.5 predates the remedies against rapid resets (CVE-2023-44487). Nobody gets this far. */
enum {
	LIBH2O_SPEAKS_HTTP2 = false
};

struct libh2o_http2_settings {
	uint64_t idle_timeout_ms;
	uint32_t streams_max;
};

static inline void libh2o_http2_configure(
	h2o_globalconf_t *config, const struct libh2o_http2_settings *settings)
{
	(void)config;
	(void)settings;
}

static inline void libh2o_handler_streams(h2o_handler_t *handler)
{
	(void)handler;
}

static inline bool libh2o_has_chosen_http2(h2o_socket_t *socket)
{
	(void)socket;
	return false;
}

static inline bool libh2o_body_is_coming(const h2o_req_t *req)
{
	(void)req;
	return false;
}

static inline bool libh2o_announces_more(const h2o_req_t *req, uint64_t size)
{
	(void)req;
	(void)size;
	return false;
}

static inline void libh2o_take_body(
	h2o_req_t *req, int (*on_body)(void *data, int is_end), void *data)
{
	(void)req;
	(void)on_body;
	(void)data;
}

static inline void libh2o_more_body(h2o_req_t *req)
{
	(void)req;
}

static inline void libh2o_end_body(h2o_req_t *req)
{
	(void)req;
}

static inline bool libh2o_is_answered(h2o_req_t *req)
{
	(void)req;
	return false;
}

static inline uint64_t libh2o_stream_id(h2o_req_t *req)
{
	(void)req;
	return 0;
}

static inline bool libh2o_stream_has_begun(const h2o_req_t *req)
{
	(void)req;
	return false;
}

static inline void libh2o_reset_stream(h2o_req_t *req, int code)
{
	(void)req;
	(void)code;
}

static inline uint64_t libh2o_newest_stream(const h2o_conn_t *connection)
{
	(void)connection;
	return 0;
}

static inline size_t libh2o_size_of_head_in_pieces(const h2o_conn_t *connection)
{
	(void)connection;
	return 0;
}

static inline void libh2o_each_stream(
	h2o_conn_t *connection, int (*each)(h2o_req_t *req, void *data), void *data)
{
	(void)connection;
	(void)each;
	(void)data;
}

static inline void libh2o_go_away(h2o_conn_t *connection)
{
	(void)connection;
}

static inline void libh2o_each_connection(
	h2o_context_t *context, void (*each)(h2o_conn_t *connection, void *data), void *data)
{
	(void)context;
	(void)each;
	(void)data;
}

#endif
#endif
