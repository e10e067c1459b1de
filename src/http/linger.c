/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_private.h"
#include "repostal/memory.h"

struct lingering {
	struct http_loop *loop;
	h2o_socket_t *socket;
	h2o_timeout_entry_t timeout;
	size_t size_left;
};

static void linger_end(struct lingering *linger)
{
	struct http_loop *loop = linger->loop;

	h2o_timeout_unlink(&linger->timeout);
	h2o_socket_close(linger->socket);
	free(linger);
	loop->lingering_count--;
	atomic_fetch_sub(&loop->busy, 1);
}

static void on_linger_read(h2o_socket_t *socket, const char *error)
{
	struct lingering *linger = socket->data;

	if (error != NULL || socket->bytes_read >= linger->size_left) {
		linger_end(linger);
		return;
	}
	linger->size_left -= socket->bytes_read;
	h2o_buffer_consume(&socket->input, socket->input->size);
}

static void on_linger_timeout(h2o_timeout_entry_t *entry)
{
	linger_end(H2O_STRUCT_FROM_MEMBER(struct lingering, timeout, entry));
}

void http_linger_arm(struct http_connection *connection)
{
	if (connection->linger_fd < 0)
		connection->linger_fd =
			fcntl(h2o_socket_get_fd(connection->socket), F_DUPFD_CLOEXEC, 0);
}

/* libh2o has closed its own descriptor by now; ours keeps the connection. */
void http_linger_begin(struct http_connection *connection)
{
	struct http_loop *loop = connection->loop;
	struct lingering *linger;

	if (connection->linger_fd < 0)
		return;
	shutdown(connection->linger_fd, SHUT_WR);
	linger = memory_zalloc(sizeof(*linger));
	linger->loop = loop;
	linger->size_left = HTTP_LINGER_SIZE_MAX;
	linger->socket = h2o_evloop_socket_create(loop->context.loop, connection->linger_fd, 0);
	linger->socket->data = linger;
	linger->timeout.cb = on_linger_timeout;
	h2o_timeout_link(loop->context.loop, &loop->linger_timeout, &linger->timeout);
	h2o_socket_read_start(linger->socket, on_linger_read);
	connection->linger_fd = -1;
	loop->lingering_count++;
	atomic_fetch_add(&loop->busy, 1);
}
