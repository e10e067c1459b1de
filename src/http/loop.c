/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_private.h"
#include "repostal/clock.h"
#include "repostal/memory.h"

static void listener_watch(struct http_loop *loop, bool on);

/* Of what libh2o keeps for a connection, the pointer to its list of hosts is the one thing that comes from us. */
struct http_connection *http_connection_of(h2o_req_t *req)
{
	return H2O_STRUCT_FROM_MEMBER(struct http_connection, hosts, req->conn->hosts);
}

void http_loop_count(struct http_loop *loop, int change)
{
	loop->connections_count += change;
	gauge_add(&loop->server->metrics.connections, change);
	if (change < 0)
		listener_watch(loop, true);
}

static void on_connection_closed(void *data)
{
	struct http_connection *connection = data;
	struct http_loop *loop = connection->loop;

	http_linger_forget(connection);
	http_pace_forget(connection);
	http_gate_forget(connection);
	if (h2o_linklist_is_linked(&connection->http2.unsettled))
		h2o_linklist_unlink(&connection->http2.unsettled);
	if (connection->is_gone != NULL)
		*connection->is_gone = true;
	*connection->previous = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	SSL_CTX_free(connection->tls);
	free(connection);
	atomic_fetch_sub(&loop->busy, 1);
	http_loop_count(loop, -1);
}

static struct http_connection *connection_add(
	struct http_loop *loop, h2o_socket_t *socket, bool is_local)
{
	struct http_connection *connection = memory_zalloc(sizeof(*connection));
	struct sockaddr_storage peer;

	memset(&peer, 0, sizeof(peer));
	if (h2o_socket_getpeername(socket, (struct sockaddr *)&peer) > 0)
		address_from_sockaddr((struct sockaddr *)&peer, &connection->peer);
	connection->hosts[0] = loop->server->host;
	connection->loop = loop;
	connection->socket = socket;
	connection->is_local = is_local;
	http_connection_enter(connection, HTTP_READING);
	connection->next = loop->connections;
	connection->previous = &loop->connections;
	if (connection->next != NULL)
		connection->next->previous = &connection->next;
	loop->connections = connection;
	http_loop_count(loop, 1);
	atomic_fetch_add(&loop->busy, 1);
	socket->on_close.cb = on_connection_closed;
	socket->on_close.data = connection;
	return connection;
}

static void on_handshake(h2o_socket_t *socket, const char *error)
{
	struct http_connection *connection = socket->on_close.data;

	SSL_CTX_free(connection->tls);
	connection->tls = NULL;
	if (error != NULL)
		h2o_socket_close(socket);
	else if (libh2o_has_chosen_http2(socket))
		http2_open(connection);
	else
		http_gate_open(connection);
}

static void connection_open(struct http_connection *connection)
{
	connection->tls = http_server_hold_tls(connection->loop->server);
	if (connection->tls == NULL)
		http_gate_open(connection);
	else
		libh2o_handshake(connection->socket, connection->tls, on_handshake);
}

/*
 * Nothing is left to accept with, most likely no file descriptor. The listener stays readable all the
 * time, so it is looked away from for a while, or until a connection ends.
 */
static void pause_accepting(struct http_loop *loop)
{
	counter_add(&loop->server->metrics.accept_pauses, 1);
	listener_watch(loop, false);
	loop->is_pausing = true;
	loop->pause_ends_ms = clock_monotonic_ms() + HTTP_ACCEPT_PAUSE_MS;
}

static bool is_nobody_there(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == ECONNABORTED || error == EINTR;
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
	struct http_loop *loop = listener->data;
	h2o_socket_t *socket;

	if (error != NULL)
		return;
	for (int i = 0; i < HTTP_ACCEPT_BURST; i++) {
		if (loop->connections_count >= loop->connections_max) {
			counter_add(&loop->server->metrics.accept_pauses, 1);
			listener_watch(loop, false);
			return;
		}
		socket = h2o_evloop_socket_accept(listener);
		if (socket == NULL) {
			if (!is_nobody_there(errno))
				pause_accepting(loop);
			return;
		}
		connection_open(connection_add(loop, socket, listener == loop->local_listener));
	}
}

static void watch_one(h2o_socket_t *listener, bool on)
{
	if (on)
		h2o_socket_read_start(listener, on_accept);
	else
		h2o_socket_read_stop(listener);
}

static void listener_watch(struct http_loop *loop, bool on)
{
	if (loop->listener == NULL || loop->listening == on)
		return;
	watch_one(loop->listener, on);
	if (loop->local_listener != NULL)
		watch_one(loop->local_listener, on);
	loop->listening = on;
}

static void listener_close(struct http_loop *loop)
{
	if (loop->listener == NULL)
		return;
	h2o_socket_close(loop->listener);
	loop->listener = NULL;
	if (loop->local_listener != NULL)
		h2o_socket_close(loop->local_listener);
	loop->local_listener = NULL;
	loop->listening = false;
}

/* Runs on the poster's thread, when the mailbox stops being empty; the message is free by then. */
static void on_tickets_posted(void *data)
{
	struct http_loop *loop = data;

	h2o_multithread_send_message(&loop->wake_receiver, &loop->wake_message);
}

static void on_wake(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
	struct http_loop *loop = H2O_STRUCT_FROM_MEMBER(struct http_loop, wake_receiver, receiver);

	for (h2o_linklist_t *next, *message = messages->next; message != messages; message = next) {
		next = message->next;
		h2o_linklist_unlink(message);
	}
	http_complete_tickets(loop);
}

bool http_loop_init(struct http_loop *loop, struct http_server *server, size_t index, int listen_fd)
{
	loop->listen_fd = fcntl(listen_fd, F_DUPFD_CLOEXEC, 0);
	if (loop->listen_fd < 0)
		return false;
	loop->local_fd = -1;
	loop->server = server;
	loop->index = index;
	loop->connections_max = server->settings.max_connections / (int)server->loops_count;
	if (loop->connections_max < 1)
		loop->connections_max = 1;
	loop->lingering_max = loop->connections_max / HTTP_LINGER_SHARE;
	if (loop->lingering_max < 1)
		loop->lingering_max = 1;
	h2o_linklist_init_anchor(&loop->lingering);
	h2o_linklist_init_anchor(&loop->paced);
	h2o_linklist_init_anchor(&loop->unsettled);
	mailbox_init(&loop->ready, on_tickets_posted, loop);
	sem_init(&loop->let_go, 0, 0);
	return true;
}

static h2o_socket_t *listener_open(struct http_loop *loop, int *fd_taken)
{
	h2o_socket_t *listener =
		h2o_evloop_socket_create(loop->context.loop, *fd_taken, H2O_SOCKET_FLAG_DONT_READ);

	*fd_taken = -1;
	listener->data = loop;
	return listener;
}

/* On the loop's own thread: libh2o keeps its sockets' buffers in lists of the thread that made them. */
static void loop_open(struct http_loop *loop)
{
	h2o_context_init(&loop->context, h2o_evloop_create(), &loop->server->config);
	loop->wake_queue = h2o_multithread_create_queue(loop->context.loop);
	h2o_multithread_register_receiver(loop->wake_queue, &loop->wake_receiver, on_wake);
	loop->listener = listener_open(loop, &loop->listen_fd);
	if (loop->local_fd >= 0)
		loop->local_listener = listener_open(loop, &loop->local_fd);
	listener_watch(loop, true);
	http_server_note_open(loop->server);
}

static void refuse_tickets(struct http_loop *loop)
{
	struct mailbox_chain chain = mailbox_take(&loop->ready);
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct http_ticket *ticket = MAILBOX_ENTRY(item, struct http_ticket, item);

		if (ticket->exchange != NULL)
			ticket->exchange->ticket = NULL;
		ticket->complete(ticket, NULL);
	}
}

/* What could not be cut off in time is left to the process's end. */
static void loop_close(struct http_loop *loop)
{
	listener_close(loop);
	if (loop->connections_count > 0)
		return;
	h2o_multithread_unregister_receiver(loop->wake_queue, &loop->wake_receiver);
	h2o_multithread_destroy_queue(loop->wake_queue);
	h2o_context_dispose(&loop->context);
	h2o_evloop_destroy(loop->context.loop);
}

/*
 * Half-closing an idle connection's reading side makes libh2o see its end and close it. A
 * connection whose request is still arriving goes too: nothing of it was acknowledged.
 */
static void close_unanswered(struct http_loop *loop)
{
	struct http_connection *next;

	for (struct http_connection *c = loop->connections; c != NULL; c = next) {
		next = c->next;
		if (c->state == HTTP_READING && !c->is_http2)
			shutdown(h2o_socket_get_fd(c->socket), SHUT_RD);
		else if (c->state == HTTP_LINGERING)
			http_linger_end(c);
	}
}

static void close_all(struct http_loop *loop)
{
	for (struct http_connection *c = loop->connections; c != NULL; c = c->next)
		shutdown(h2o_socket_get_fd(c->socket), SHUT_RDWR);
}

/*
 * Not h2o_context_request_shutdown(): for HTTP/1 it does no more than http_answer() does by itself, and
 * it leaves a timer of HTTP/2 behind.
 */
static void obey(struct http_loop *loop, enum http_loop_command command)
{
	switch (command) {
	case HTTP_LOOP_RUN:
	case HTTP_LOOP_END:
		break;
	case HTTP_LOOP_DRAIN:
		listener_close(loop);
		close_unanswered(loop);
		http2_drain(loop);
		break;
	case HTTP_LOOP_CUT_OFF:
		close_all(loop);
		break;
	}
}

/*
 * libh2o has no timer while it writes an answer, and those that it has run by the wall clock: when that
 * goes back, they stand still.
 */
static void sweep(struct http_loop *loop, int64_t now_ms)
{
	const struct http_limits limits = {
		.request_ms = loop->server->settings.request_timeout_ms,
		.linger_ms = HTTP_LINGER_MS,
	};
	struct http_connection *next;

	if (now_ms - loop->swept_ms < HTTP_SWEEP_MS)
		return;
	loop->swept_ms = now_ms;
	libh2o_give_back(false);
	http2_sweep(loop, now_ms, &limits);
	for (struct http_connection *c = loop->connections; c != NULL; c = next) {
		next = c->next;
		if (!http_is_overdue(c->state, c->since_ms, now_ms, &limits))
			continue;
		if (c->state == HTTP_LINGERING)
			http_linger_end(c);
		else
			shutdown(h2o_socket_get_fd(c->socket), SHUT_RDWR);
	}
}

static void end_pause(struct http_loop *loop, int64_t now_ms)
{
	if (!loop->is_pausing || now_ms < loop->pause_ends_ms)
		return;
	loop->is_pausing = false;
	listener_watch(loop, true);
}

static int32_t round_ms(struct http_loop *loop)
{
	if (http_pace_is_waiting(loop))
		return HTTP_PACE_MS;
	if (loop->is_pausing)
		return HTTP_ACCEPT_PAUSE_MS;
	return loop->connections_count > 0 || !libh2o_has_given_back() ? HTTP_SWEEP_MS : INT32_MAX;
}

static void name_thread(const struct http_loop *loop)
{
	const char *name = loop->server->settings.name;
	char text[16]; /* all that the system keeps */

	snprintf(text, sizeof(text), "%.12s %zu", name == NULL ? "http" : name, loop->index % 100);
	pthread_setname_np(pthread_self(), text);
}

void *http_loop_main(void *data)
{
	struct http_loop *loop = data;
	enum http_loop_command seen = HTTP_LOOP_RUN;

	name_thread(loop);
	loop_open(loop);
	while (seen != HTTP_LOOP_END) {
		enum http_loop_command command;
		int64_t now_ms;

		h2o_evloop_run(loop->context.loop, round_ms(loop));
		atomic_store(&loop->asked_ms, 0);
		now_ms = clock_monotonic_ms();
		sweep(loop, now_ms);
		end_pause(loop, now_ms);
		http_pace_run(loop, now_ms);
		http2_settle(loop);
		command = (enum http_loop_command)atomic_load(&loop->command);
		if (command != seen)
			obey(loop, command);
		seen = command;
	}
	/* Whoever told us to end may still be in the middle of waking us. */
	while (sem_wait(&loop->let_go) != 0)
		continue;
	refuse_tickets(loop);
	loop_close(loop);
	libh2o_give_back(true);
	return NULL;
}

void http_loop_command(struct http_loop *loop, enum http_loop_command command)
{
	atomic_store(&loop->command, (int)command);
	h2o_multithread_send_message(&loop->wake_receiver, NULL);
}

int64_t http_loop_ask(struct http_loop *loop, int64_t now_ms)
{
	int64_t asked_ms = 0;

	if (!atomic_compare_exchange_strong(&loop->asked_ms, &asked_ms, now_ms))
		return asked_ms;
	h2o_multithread_send_message(&loop->wake_receiver, NULL);
	return now_ms;
}

void http_loop_dispose(struct http_loop *loop)
{
	if (loop->listen_fd >= 0)
		close(loop->listen_fd);
	if (loop->local_fd >= 0)
		close(loop->local_fd);
	mailbox_destroy(&loop->ready);
	sem_destroy(&loop->let_go);
}
