/* SPDX-License-Identifier: MIT */
/*
 * http_private.h - what the files of this folder share; the only header that includes libh2o's
 *
 * A server has one listening socket; each loop watches a duplicate of it. A connection is counted
 * by the loop that accepted it, from accept to the socket's on_close.
 */
#ifndef REPOSTAL_HTTP_PRIVATE_H
#define REPOSTAL_HTTP_PRIVATE_H

#include <pthread.h>
#include <semaphore.h>

#include <h2o.h>

#include "repostal/http.h"

enum {
	HTTP_LINGER_MS = 2000, /* how long a refused body is read and thrown away */
	HTTP_LINGER_SIZE_MAX = 64 * 1024 * 1024, /* and how much of it */
	HTTP_ACCEPT_BURST = 16,
	HTTP_ACCEPT_PAUSE_MS = 100,
	HTTP_CUT_OFF_MS = 1000,
	HTTP_CLOCK_STEP_US = 1000000, /* less than this is the daily correction of a clock */
};

struct http_loop {
	struct http_server *server;
	size_t index;
	pthread_t thread;
	int listen_fd; /* until the thread runs; then the listener's */
	int local_fd;  /* the same of the Unix socket, in one loop; -1: none */
	h2o_context_t context;
	h2o_accept_ctx_t accept;
	h2o_socket_t *listener;
	h2o_socket_t *local_listener; /* NULL: none */
	bool listening;               /* the listeners are being read */
	h2o_multithread_queue_t *wake_queue;
	h2o_multithread_receiver_t wake_receiver;
	h2o_multithread_message_t wake_message; /* linked while ready is not empty */
	struct mailbox ready;                   /* tickets to complete */
	struct http_connection *connections;    /* doubly linked */
	int connections_count;
	int connections_max;
	h2o_timeout_t accept_pause_timeout;
	h2o_timeout_entry_t accept_pause;
	h2o_timeout_t linger_timeout;
	int lingering_count;
	int64_t wall_ahead_us; /* of the monotonic clock, when last looked at */
	sem_t let_go;          /* posted when nobody will wake this loop any more */
	_Atomic int command;   /* enum http_loop_command, from other threads */
	_Atomic int64_t
		asked_ms; /* monotonic; since when somebody waits for the loop to come round; 0 */
	_Atomic int busy; /* connections and lingering sockets, for other threads */
};

enum http_loop_command {
	HTTP_LOOP_RUN,
	HTTP_LOOP_DRAIN,
	HTTP_LOOP_CUT_OFF,
	HTTP_LOOP_END
};

struct http_server {
	h2o_globalconf_t config;
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

/* Reached from a request through its socket's on_close.data. */
struct http_connection {
	struct http_loop *loop;
	struct http_connection *next, **previous;
	h2o_socket_t *socket;
	struct address peer;   /* of a local one: unspecified */
	bool is_local;         /* came over the Unix socket */
	int exchanges;         /* requests being answered */
	int64_t wall_ahead_us; /* of the monotonic clock, when it was accepted */
	int linger_fd;         /* -1, or a duplicate that outlives the socket (linger.c) */
};

struct http_exchange {
	h2o_req_t *req;
	struct http_connection *connection;
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

/* codes.c */
const char *http_reason(int status);
void http_codes_init(struct http_metrics *metrics);
void http_codes_note(struct http_metrics *metrics, int status, int64_t duration_us);

/* exchange.c */
int http_on_request(h2o_handler_t *handler, h2o_req_t *req);
void http_complete_tickets(struct http_loop *loop);

/* refusal.c: gives libh2o's own refusals our error shape. */
void http_refusals_install(struct http_server *server, h2o_pathconf_t *path);

/*
 * linger.c: a refusal that is sent while the body is still arriving would be destroyed by the reset
 * that closing causes; so the rest of the body is read and thrown away for a while.
 */
void http_linger_arm(struct http_connection *connection);
void http_linger_begin(struct http_connection *connection);

#endif
