/* SPDX-License-Identifier: MIT */
#include <sys/socket.h>

#include "http_private.h"

static void on_linger_read(h2o_socket_t *socket, const char *error)
{
	struct http_connection *connection = socket->on_close.data;
	size_t size = socket->input->size;

	if (error != NULL || size >= connection->linger_left) {
		http_linger_end(connection);
		return;
	}
	connection->linger_left -= size;
	h2o_buffer_consume(&socket->input, size);
}

/* The oldest has had the longest time to read its answer. */
static void make_room(struct http_loop *loop)
{
	if (loop->lingering_count >= loop->lingering_max)
		http_linger_end(H2O_STRUCT_FROM_MEMBER(
			struct http_connection, linger, loop->lingering.next));
}

/* libh2o still has the connection, and waits to hear that its answer is written: it hears later. */
void http_linger_begin(struct http_connection *connection)
{
	struct http_loop *loop = connection->loop;
	h2o_socket_t *socket = connection->socket;

	make_room(loop);
	http_connection_enter(connection, HTTP_LINGERING);
	connection->linger_left = HTTP_LINGER_SIZE_MAX;
	h2o_linklist_insert(&loop->lingering, &connection->linger);
	loop->lingering_count++;
	/* With TLS the answer's length alone tells where it ends: what TLS has to say comes at the end. */
	if (socket->ssl == NULL)
		shutdown(h2o_socket_get_fd(socket), SHUT_WR);
	h2o_buffer_consume(&socket->input, socket->input->size);
	h2o_socket_read_start(socket, on_linger_read);
}

void http_linger_forget(struct http_connection *connection)
{
	if (!h2o_linklist_is_linked(&connection->linger))
		return;
	h2o_linklist_unlink(&connection->linger);
	connection->loop->lingering_count--;
}

void http_linger_end(struct http_connection *connection)
{
	http_linger_forget(connection);
	h2o_socket_read_stop(connection->socket);
	http_gate_close(connection);
}
