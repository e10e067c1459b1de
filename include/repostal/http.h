/* SPDX-License-Identifier: MIT */
/*
 * http.h - a server of HTTP/1.1 and, over TLS, of HTTP/2: the only place that knows libh2o
 *
 * Promise    Bodies arrive whole and no larger than max_body; slow senders and readers, too many
 *            connections and too large headers are cut off. A stream of HTTP/2 is treated as a
 *            connection of HTTP/1 is. Every refusal by the server itself has the same error shape
 *            as ours. A request may be answered later, from any thread, also when its client has
 *            gone.
 * Threads    Each loop is one thread; a request, its answer and its ticket's complete() stay on the
 *            loop that accepted it. http_tickets_add/flush are for any one thread at a time.
 * Ownership  Slices of a request are valid until it is answered. A ticket belongs to the server
 *            from http_defer() until complete().
 * Errors     STATUS_INVALID (address, TLS files), STATUS_BUSY (the port is taken), STATUS_IO.
 */
#ifndef REPOSTAL_HTTP_H
#define REPOSTAL_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/address.h"
#include "repostal/error.h"
#include "repostal/mailbox.h"
#include "repostal/metric.h"
#include "repostal/slice.h"

enum {
	HTTP_THREADS_MAX = 64
};

/* The values of a header that may come several times, in their order; together they are one list. */
struct http_lines {
	const struct slice *list;
	size_t count;
};

struct http_request;

/*
 * Of a request whose head has come and whose body has not: is it worth reading? Method, path, query,
 * authorization, forwarded_for, peer and is_local are filled in. After a no the handler is called at once, without the
 * body and with body_refused, and must not take anything; the connection (HTTP/2: the stream) ends with its
 * answer. Runs on the loop.
 */
typedef bool http_body_filter(void *context, const struct http_request *request);

struct http_settings {
	const char *name; /* of its threads, for people; static; NULL: "http" */
	char *address;    /* IPv4 or IPv6 literal */
	int port;         /* 0: any free one, see http_server_port() */
	int threads;
	int64_t max_body;
	int max_connections; /* and streams of HTTP/2 beyond the first of each */
	/* Head and body together; also of idle connections, and of the writing of one answer. */
	int64_t request_timeout_ms;
	char *tls_certificate; /* PEM chain; NULL or "": no TLS */
	char *tls_key;
	bool http2; /* offered to clients over TLS, where the library can: http_speaks_http2() */
	http_body_filter *may_send_body; /* NULL: everybody may; its context is the handler's */
};

struct http_request {
	struct slice method;
	/* As sent, without the query; not decoded. Of a target in absolute form (RFC 9112, section
	 * 3.2.2) what follows the authority. */
	struct slice path;
	struct slice query; /* without the '?' */
	struct slice content_type;
	bool is_encoded; /* it has a Content-Encoding other than identity */
	struct slice authorization;
	struct http_lines forwarded_for; /* X-Forwarded-For */
	struct slice body;
	bool body_refused;   /* may_send_body() said no: there was one, and it was not read */
	struct address peer; /* of the connection; unspecified when it is local */
	bool is_local;       /* came over the Unix socket */
};

struct http_header {
	const char *name; /* lower case; static */
	struct slice value;
};

enum {
	HTTP_ANSWER_HEADERS_MAX = 4
};
struct http_answer {
	int status;
	const char *content_type; /* static; NULL: no body */
	struct slice body;        /* copied */
	struct http_header headers[HTTP_ANSWER_HEADERS_MAX];
	size_t headers_count;
};

struct http_server;
struct http_exchange; /* one request that waits for its answer */

/* Must call http_answer() or http_defer() before it returns. Runs on the loop. */
typedef void http_handler(
	void *context, struct http_exchange *exchange, const struct http_request *request);

/* The answers that are counted apart, by index; the last one stands for every other: 0. */
enum {
	HTTP_CODES_COUNT = 18
};
int http_code(size_t index);

struct http_metrics {
	struct histogram answer_seconds[HTTP_CODES_COUNT]; /* from the whole request on */
	struct gauge connections;
	struct counter
		accept_pauses;       /* max_connections was reached; the rest waits in the kernel */
	struct counter too_large;    /* 413 */
	struct counter bad_requests; /* 400 and 417 by the server itself */
};

/* Binds the address; connections wait in the kernel until http_server_run(). */
enum status http_server_open(const struct http_settings *settings, http_handler *handler,
	void *context, struct http_server **server_out, struct error *err);
/*
 * Listens on a Unix socket besides, mode 0600; between _open() and _run(). The file goes with the server. A
 * file that is there is replaced unless somebody listens on it: STATUS_BUSY. STATUS_INVALID: it is no socket.
 */
enum status http_server_add_local(struct http_server *server, const char *path, struct error *err);
/* Starts the loops. */
void http_server_run(struct http_server *server);
/* Whether the address could be bound; nobody can connect meanwhile. STATUS_BUSY: it is taken. */
enum status http_address_check(const struct http_settings *settings, struct error *err);
/* Whether these TLS files would do, without using them. */
enum status http_tls_check(const struct http_settings *settings, struct error *err);
/*
 * Certificate and key, read and found to belong together: using them cannot fail any more. NULL: the settings
 * have none.
 */
struct http_tls;
enum status http_tls_load(
	const struct http_settings *settings, struct http_tls **tls_out, struct error *err);
void http_tls_free(struct http_tls **tlsp);
/* For connections that come; those that are open keep what they have. Any thread. */
void http_server_use_tls(struct http_server *server, struct http_tls **tls_taken);
/*
 * False when a loop has not come round for longer than patience_ms after it was asked to. Asks them, for a
 * later call. Any thread, until the server is stopped; before it runs there is nothing to be asked.
 */
bool http_server_goes_round(struct http_server *server, int64_t now_ms, int64_t patience_ms);
int http_server_port(const struct http_server *server);
struct http_metrics *http_server_metrics(struct http_server *server);
/*
 * Stops accepting, closes idle connections, waits until the busy ones are answered and gone or
 * timeout_ms has passed, then cuts off the rest. False when something was cut off.
 */
bool http_server_drain(struct http_server *server, int64_t timeout_ms);
/*
 * Ends the loops, if they run, and frees the server. No other thread may still flush tickets to it;
 * tickets that are ready but not yet answered get complete() with a null exchange on the calling
 * thread.
 */
void http_server_stop(struct http_server **serverp);

void http_answer(struct http_exchange *exchange, const struct http_answer *answer);

/* Any other request header by its lower-case name, the first of several; empty when there is none.
 */
struct slice http_request_header(const struct http_exchange *exchange, const char *lower_case_name);

/* An answer that comes later. Embed it; nothing in it is for others. */
struct http_ticket {
	struct mailbox_item item;
	struct http_exchange *exchange; /* NULL: nobody is waiting any more */
	void *loop;
	/* On the loop; exchange is NULL when the client has gone. The ticket is the callee's again.
	 */
	void (*complete)(struct http_ticket *ticket, struct http_exchange *exchange);
};
void http_defer(struct http_exchange *exchange, struct http_ticket *ticket);

/* Tickets that are ready, collected by one thread and handed to their loops in one go. */
struct http_ticket_batch {
	struct mailbox_chain chains[HTTP_THREADS_MAX];
};
void http_tickets_add(struct http_ticket_batch *batch, struct http_ticket *ticket);
void http_tickets_flush(struct http_server *server, struct http_ticket_batch *batch);

/* The error shape of all refusals: {"errors":[{"msg":..,"param":..,"location":..}]}. */
void http_answer_error(struct http_exchange *exchange, int status, const char *message,
	const char *param, const char *location);
/* The same with one more header. */
void http_answer_error_with(struct http_exchange *exchange, int status, const char *message,
	const char *param, const char *location, struct http_header header);

/* Of libh2o: what this was built with, for the library itself does not say. */
const char *http_library_version(void);
bool http_speaks_http2(void);

#endif
