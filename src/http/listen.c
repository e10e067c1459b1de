/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_private.h"

static bool fill_sockaddr(
	const struct http_settings *settings, struct sockaddr_storage *storage, socklen_t *size_out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;

	memset(storage, 0, sizeof(*storage));
	if (inet_pton(AF_INET, settings->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)settings->port);
		*size_out = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, settings->address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)settings->port);
		*size_out = sizeof(*v6);
		return true;
	}
	return false;
}

static int bound_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t size = sizeof(address);

	if (getsockname(fd, &address.any, &size) != 0)
		return 0;
	return ntohs(
		address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/*
 * No SO_REUSEPORT: with it a second gateway on the same port would start without a word and take
 * half of the connections.
 */
static enum status bind_address(
	const struct http_settings *settings, int *fd_out, struct error *err)
{
	struct sockaddr_storage storage;
	socklen_t size;
	enum status status = STATUS_OK;
	int one = 1;
	int fd;

	if (!fill_sockaddr(settings, &storage, &size)) {
		error_set(err, "'%s' is not an IP address", settings->address);
		return STATUS_INVALID;
	}
	fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
		bind(fd, (struct sockaddr *)&storage, size) != 0) {
		status = errno == EADDRINUSE ? STATUS_BUSY : STATUS_IO;
		error_set(err, "cannot listen on %s port %d: %s", settings->address, settings->port,
			strerror(errno));
		if (fd >= 0)
			close(fd);
		return status;
	}
	*fd_out = fd;
	return STATUS_OK;
}

enum status http_address_check(const struct http_settings *settings, struct error *err)
{
	int fd = -1;
	enum status status = bind_address(settings, &fd, err);

	if (fd >= 0)
		close(fd);
	return status;
}

/*
 * What accepted sockets inherit. A small receive buffer: libh2o reads until it is empty, into memory that
 * doubles. And an end for what is sent to a peer that no longer takes anything, also after we have closed.
 */
static void set_limits(const struct http_settings *settings, int fd)
{
	int receive_size = HTTP_RECEIVE_BUFFER_SIZE;
	unsigned timeout_ms = (unsigned)settings->request_timeout_ms;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_size, sizeof(receive_size));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

enum status http_listen(
	const struct http_settings *settings, int *fd_out, int *port_out, struct error *err)
{
	int fd = -1;
	enum status status = bind_address(settings, &fd, err);

	if (status != STATUS_OK)
		return status;
	set_limits(settings, fd);
	if (listen(fd, SOMAXCONN) != 0) {
		status = errno == EADDRINUSE ? STATUS_BUSY : STATUS_IO;
		error_set(err, "cannot listen on %s port %d: %s", settings->address, settings->port,
			strerror(errno));
		close(fd);
		return status;
	}
	*port_out = bound_port(fd);
	*fd_out = fd;
	return STATUS_OK;
}
