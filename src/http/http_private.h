/* SPDX-License-Identifier: MIT */
/*
 * http_private.h - what the files of this folder share
 *
 * A server has one listening socket; each loop watches a duplicate of it. A connection is counted
 * by the loop that accepted it, from accept to the socket's on_close; it has one descriptor, also while
 * it lingers.
 */
#ifndef REPOSTAL_HTTP_PRIVATE_H
#define REPOSTAL_HTTP_PRIVATE_H

#include <pthread.h>
#include <semaphore.h>

#include "deadline.h"
#include "framing.h"
#include "libh2o.h"
#include "repostal/http.h"

enum {
	HTTP_LINGER_MS = 2000, /* how long a refused body is read and thrown away */
	HTTP_LINGER_SIZE_MAX = 64 * 1024 * 1024, /* and how much of it */
	HTTP_RECEIVE_BUFFER_SIZE = 64 * 1024,    /* the kernel doubles it for its own needs */
	HTTP_HEAD_SIZE_FREE = 64 * 1024,         /* of a buffer: what a head may always use */
	HTTP_HEADS_SIZE_MAX =
		16 * 1024 * 1024, /* what all heads may use beyond that, in a server */
	HTTP_LINGER_SHARE = 4,    /* at most a quarter of the connections */
	HTTP_ACCEPT_BURST = 16,
	HTTP_ACCEPT_PAUSE_MS = 100,
	HTTP_CUT_OFF_MS = 1000,
	HTTP_SWEEP_MS = 1000, /* between two looks at the deadlines */
	HTTP_PACE_MS = 10,    /* between two turns of pipelined requests that cost nothing */
	HTTP_PACE_BURST =
		16, /* how many of them a loop takes in a turn, of all connections together */

	HTTP2_STREAMS_MAX = 100, /* of a connection */
	/* What a connection may send beside bodies that are taken, and for each answer that it got. */
	HTTP2_CHATTER_MAX = 1024 * 1024,
	HTTP2_CHATTER_PER_ANSWER = 16 * 1024,
};

struct http_loop {
	struct http_server *server;
	size_t index;
	pthread_t thread;
	int listen_fd; /* until the thread runs; then the listener's */
	int local_fd;  /* the same of the Unix socket, in one loop; -1: none */
	h2o_context_t context;
	h2o_socket_t *listener;
	h2o_socket_t *local_listener; /* NULL: none */
	bool listening;               /* the listeners are being read */
	h2o_multithread_queue_t *wake_queue;
	h2o_multithread_receiver_t wake_receiver;
	h2o_multithread_message_t wake_message; /* linked while ready is not empty */
	struct mailbox ready;                   /* tickets to complete */
	struct http_connection *connections;    /* doubly linked */
	int connections_count;                  /* and of HTTP/2's, the streams beyond the first */
	h2o_linklist_t unsettled;               /* connections of HTTP/2 */
	size_t heads_size; /* what unfinished heads use beyond HTTP_HEAD_SIZE_FREE */
	int connections_max;
	bool is_pausing;          /* nothing was left to accept with */
	int64_t pause_ends_ms;    /* monotonic */
	int64_t swept_ms;         /* monotonic; when the deadlines were last looked at */
	h2o_linklist_t paced;     /* whose next request waits for its turn; oldest first */
	int64_t turn_ms;          /* monotonic; when the next of them may begin */
	h2o_linklist_t lingering; /* oldest first */
	int lingering_count;
	int lingering_max;
	sem_t let_go;        /* posted when nobody will wake this loop any more */
	_Atomic int command; /* enum http_loop_command, from other threads */
	_Atomic int64_t
		asked_ms; /* monotonic; since when somebody waits for the loop to come round; 0 */
	_Atomic int busy; /* connections, for other threads */
};

enum http_loop_command {
	HTTP_LOOP_RUN,
	HTTP_LOOP_DRAIN,
	HTTP_LOOP_CUT_OFF,
	HTTP_LOOP_END
};

struct http_server {
	h2o_globalconf_t config;
	h2o_hostconf_t *host, *host_http2;
	http_handler *handler;
	void *handler_context;
	struct http_settings settings; /* strings are not kept */
	pthread_mutex_t tls_mutex;
	SSL_CTX *tls; /* NULL: none */
	int port;
	struct http_local *local; /* NULL: no Unix socket */
	struct http_loop *loops;
	size_t loops_count;
	bool is_running;
	_Atomic bool is_open; /* every loop can be spoken to */
	sem_t opened;         /* posted by each loop that is ready */
	struct http_metrics metrics;
};

/* What stands between a socket and libh2o (gate.c). */
struct http_gate {
	h2o_socket_cb read, written; /* libh2o's own */
	struct framing framing;      /* of the request that is being read or answered */
	size_t seen;                 /* bytes of the input that framing knows */
	size_t rest;                 /* of them, after this request */
	size_t end;                  /* of this request, in the input */
	size_t head_size;            /* its part of the loop's heads_size */
	bool is_broken;              /* its end can be understood in two ways */
	bool is_too_large;           /* its body, as it was announced */
	bool is_hidden;              /* its body was not read, and is not to be */
};

/* What a connection over HTTP/2 has beside its socket (http2.c). */
struct http2 {
	struct http_stream *streams; /* newest first */
	int streams_count;
	int pending_count; /* of those, with something left to do before libh2o lets go of them */
	uint64_t newest;   /* stream that has been looked at */
	uint64_t allowed;  /* bytes that it may have sent until now */
	h2o_linklist_t unsettled;
};

/* Reached from its socket through on_close.data, and from its requests through `hosts`. */
struct http_connection {
	h2o_hostconf_t *hosts[2]; /* what libh2o takes for the list of hosts: one, and the end */
	struct http_loop *loop;
	struct http_connection *next, **previous;
	h2o_socket_t *socket;
	SSL_CTX *tls;        /* a reference, until the handshake is done; libh2o takes none */
	struct address peer; /* of a local one: unspecified */
	bool is_local;       /* came over the Unix socket */
	enum http_state state;
	int64_t since_ms; /* monotonic */
	struct http_gate gate;
	bool is_deferred; /* the last answer waited for the store, or for a worker */
	h2o_linklist_t pace;
	bool is_http2;
	struct http2 http2;
	bool is_last; /* it ends with the answer that is being written */
	bool lingers; /* and then reads on for a while */
	size_t linger_left;
	h2o_linklist_t linger;
	bool *is_gone; /* set to true when the connection is freed */
};

struct http_exchange {
	h2o_req_t *req;
	struct http_connection *connection;
	struct http_stream *stream; /* NULL: HTTP/1 */
	struct http_ticket *ticket; /* of a deferred answer */
	int64_t began_us;           /* monotonic; the request was there */
	struct slice
		authority; /* of a request target in absolute form, which Host yields to; or empty */
};

/* listen.c: a bound, listening, non-blocking socket. */
enum status http_listen(
	const struct http_settings *settings, int *fd_out, int *port_out, struct error *err);

/* local.c: the same for a Unix socket, whose file goes when it is closed. */
struct http_local;
enum status http_local_open(const char *path, struct http_local **local_out, struct error *err);
/* Gives the descriptor away. */
int http_local_take_fd(struct http_local *local);
void http_local_close(struct http_local **localp);

/* server.c */
void http_server_note_open(struct http_server *server);
/* A reference, or NULL. */
SSL_CTX *http_server_hold_tls(struct http_server *server);

/* tls.c */
enum status http_tls_context(
	const struct http_settings *settings, SSL_CTX **context_out, struct error *err);

/* loop.c */
void *http_loop_main(void *loop);
bool http_loop_init(
	struct http_loop *loop, struct http_server *server, size_t index, int listen_fd);
void http_loop_dispose(struct http_loop *loop);
void http_loop_command(struct http_loop *loop, enum http_loop_command command);
/* Since when, monotonic, the loop owes us a round; now_ms: it has come round, and is asked again. */
int64_t http_loop_ask(struct http_loop *loop, int64_t now_ms);
struct http_connection *http_connection_of(h2o_req_t *req);
/* Streams count like connections. */
void http_loop_count(struct http_loop *loop, int change);

/* codes.c */
const char *http_reason(int status);
void http_codes_init(struct http_metrics *metrics);
void http_codes_note(struct http_metrics *metrics, int status, int64_t duration_us);

/* exchange.c */
int http_on_request(h2o_handler_t *handler, h2o_req_t *req);
void http_exchange_begin(struct http_exchange *exchange, h2o_req_t *req);
/* All but the body and what was refused of it. */
void http_exchange_read(struct http_exchange *exchange, struct http_request *request_out);
void http_exchange_refuse_size(struct http_exchange *exchange);
/* Of a request that libh2o frees. */
void http_exchange_end(struct http_exchange *exchange);
void http_complete_tickets(struct http_loop *loop);

/* refusal.c: gives libh2o's own refusals our error shape. */
void http_refusals_install(struct http_server *server, h2o_pathconf_t *path);

/* gate.c: what is looked at before libh2o sees it. */
void http_gate_open(struct http_connection *connection);
/* After libh2o was called in a way that may have made it read or write. */
void http_gate_watch(struct http_connection *connection);
/* Goes on with what lies in the input after an answer that is written. */
void http_gate_continue(struct http_connection *connection);
/* Lets libh2o close the connection, whose last answer is written. */
void http_gate_close(struct http_connection *connection);
/* Of a connection that ends. */
void http_gate_forget(struct http_connection *connection);
void http_connection_enter(struct http_connection *connection, enum http_state state);

/*
 * pace.c: a request that is answered at once costs its sender nothing, and we serve as many as lie in the
 * input: clients that pipeline them without a pause would leave a loop no time for others. So the next one
 * of a connection waits for its turn, and the connections take turns.
 */
void http_pace_begin(struct http_connection *connection);
/* Lets those whose turn has come go on. */
void http_pace_run(struct http_loop *loop, int64_t now_ms);
bool http_pace_is_waiting(struct http_loop *loop);
/* Of a connection that ends. */
void http_pace_forget(struct http_connection *connection);

/*
 * http2.c: each stream is a request with a state and a deadline of its own; the connection has a deadline
 * while it has none.
 */
void http2_open(struct http_connection *connection);
int http2_on_request(h2o_handler_t *handler, h2o_req_t *req);
/* libh2o refuses it by itself; false: the answer is ours. */
bool http2_begin_refusal(struct http_connection *connection, h2o_req_t *req);
void http2_answer_begin(struct http_exchange *exchange);
void http2_answer_end(struct http_exchange *exchange);
/* What must not be done while libh2o is at work; after each round of the loop. */
void http2_settle(struct http_loop *loop);
/* Looks at those that are quiet, and ends streams that are overdue. */
void http2_sweep(struct http_loop *loop, int64_t now_ms, const struct http_limits *limits);
/* Says goodbye: what has not all come goes, what waits for its answer gets it. */
void http2_drain(struct http_loop *loop);

/*
 * linger.c: a refusal that is sent while the body is still arriving would be destroyed by the reset
 * that closing causes; so the rest of the body is read and thrown away for a while.
 */
void http_linger_begin(struct http_connection *connection);
void http_linger_end(struct http_connection *connection);
/* Of a connection that is closed by others. */
void http_linger_forget(struct http_connection *connection);

#endif
