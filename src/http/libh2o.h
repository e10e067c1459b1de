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
#include <h2o/version.h>

#define LIBH2O_IS_UPSTREAM (H2O_LIBRARY_VERSION_MAJOR > 0 || H2O_LIBRARY_VERSION_MINOR >= 16)

static inline int libh2o_note_first(h2o_req_t *req, void *first_out)
{
	*(h2o_req_t **)first_out = req;
	return 1;
}

/* The request that a connection over HTTP/1 holds: each has one. */
static inline h2o_req_t *libh2o_request_of(h2o_context_t *context, h2o_socket_t *socket);

#if LIBH2O_IS_UPSTREAM

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

#endif
#endif
