/* SPDX-License-Identifier: MIT */
/*
 * receive - a receiver of Postal webhooks that counts, and behaves as its path says
 *
 *   receive PORT
 *
 *   POST /ok         200 at once          POST /slow-MS    200 after so many milliseconds
 *   POST /refuse     500 at once          POST /hang       never answers
 *   GET  /stats      what came to /ok since the last reset, as JSON
 *   POST /reset
 *
 * The message id of an event that load sent carries its number and when it was due: events are told
 * apart by the one and timed by the other. Port 0: any free one, which is printed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "latency.h"

enum {
	REQUEST_SIZE_MAX = 16 * 1024,
	EVENTS_MAX = 16 * 1024 * 1024, /* numbers that are told apart */
	READY_MAX = 256,
};

struct client {
	int fd;
	size_t size;
	uint64_t answer_at_us; /* monotonic; 0: nothing is owed */
	struct client *next_owed;
	char request[REQUEST_SIZE_MAX];
};

struct receive {
	int epoll_fd, listen_fd;
	uint64_t requests, distinct, first_us, last_us; /* monotonic */
	unsigned char seen[EVENTS_MAX / 8];
	struct latency latency;
	struct client *owed, **owed_end; /* by time: every path has one delay at a time */
};

static struct receive receive;

static void answer(struct client *client, const char *status, const char *body)
{
	char text[1024];
	int size = snprintf(text, sizeof(text),
		"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		status, strlen(body), body);

	if (write(client->fd, text, (size_t)size) != size)
		shutdown(client->fd, SHUT_RDWR);
}

static void note_event(const char *body)
{
	const char *id = strstr(body, "\"message_id\":\"");
	unsigned long long n, due_us, now_us = clock_us(CLOCK_REALTIME);

	receive.requests++;
	receive.last_us = clock_us(CLOCK_MONOTONIC);
	if (receive.first_us == 0)
		receive.first_us = receive.last_us;
	if (id == NULL || sscanf(id, "\"message_id\":\"%*[^.].%llu.%llu", &n, &due_us) != 2)
		return;
	if (n >= EVENTS_MAX || (receive.seen[n / 8] >> n % 8 & 1) != 0)
		return;
	receive.seen[n / 8] |= (unsigned char)(1 << n % 8);
	receive.distinct++;
	latency_add(&receive.latency, now_us > due_us ? now_us - due_us : 0);
}

static void answer_stats(struct client *client)
{
	char body[512], latencies[256];

	latency_print(&receive.latency, latencies, sizeof(latencies));
	snprintf(body, sizeof(body), "{\"requests\":%llu,\"distinct\":%llu,\"seconds\":%.3f,%s}",
		(unsigned long long)receive.requests, (unsigned long long)receive.distinct,
		(double)(receive.last_us - receive.first_us) / 1e6, latencies);
	answer(client, "200 OK", body);
}

static void reset(void)
{
	receive.requests = receive.distinct = receive.first_us = receive.last_us = 0;
	memset(receive.seen, 0, sizeof(receive.seen));
	memset(&receive.latency, 0, sizeof(receive.latency));
}

static void owe(struct client *client, uint64_t delay_us)
{
	client->answer_at_us = clock_us(CLOCK_MONOTONIC) + delay_us;
	client->next_owed = NULL;
	*receive.owed_end = client;
	receive.owed_end = &client->next_owed;
}

static void serve(struct client *client, const char *body)
{
	const char *path = strchr(client->request, ' ');

	path = path == NULL ? "" : path + 1;
	if (strncmp(path, "/ok", 3) == 0) {
		note_event(body);
		answer(client, "200 OK", "{}");
	} else if (strncmp(path, "/slow-", 6) == 0) {
		owe(client, strtoull(path + 6, NULL, 10) * 1000);
	} else if (strncmp(path, "/refuse", 7) == 0) {
		answer(client, "500 No", "{}");
	} else if (strncmp(path, "/stats", 6) == 0) {
		answer_stats(client);
	} else if (strncmp(path, "/reset", 6) == 0) {
		reset();
		answer(client, "200 OK", "{}");
	} else if (strncmp(path, "/hang", 5) != 0) {
		answer(client, "404 No", "{}");
	}
}

/* Serves what is complete; the rest moves to the front. */
static void serve_complete(struct client *client)
{
	for (;;) {
		char *end, *length;
		size_t total, body_size = 0;

		client->request[client->size] = '\0';
		end = strstr(client->request, "\r\n\r\n");
		if (end == NULL)
			return;
		length = strcasestr(client->request, "\r\ncontent-length:");
		if (length != NULL && length < end)
			body_size = (size_t)strtoull(length + 17, NULL, 10);
		total = (size_t)(end - client->request) + 4 + body_size;
		if (client->size < total)
			return;
		serve(client, end + 4);
		client->size -= total;
		memmove(client->request, client->request + total, client->size);
	}
}

static void forget_owed(struct client *client)
{
	for (struct client **at = &receive.owed; *at != NULL; at = &(*at)->next_owed)
		if (*at == client) {
			*at = client->next_owed;
			if (*at == NULL)
				receive.owed_end = at;
			return;
		}
}

static void read_request(struct client *client)
{
	ssize_t got = read(
		client->fd, client->request + client->size, REQUEST_SIZE_MAX - 1 - client->size);

	if (got <= 0) {
		forget_owed(client);
		close(client->fd);
		free(client);
		return;
	}
	client->size += (size_t)got;
	serve_complete(client);
}

static void accept_client(void)
{
	int fd = accept4(receive.listen_fd, NULL, NULL, SOCK_CLOEXEC), on = 1;
	struct client *client;
	struct epoll_event event = { .events = EPOLLIN };

	if (fd < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		abort();
	client->fd = fd;
	event.data.ptr = client;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	epoll_ctl(receive.epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* Pays what is due; returns how long to wait, in milliseconds. */
static int pay_owed(void)
{
	uint64_t now_us = clock_us(CLOCK_MONOTONIC);

	while (receive.owed != NULL && receive.owed->answer_at_us <= now_us) {
		struct client *client = receive.owed;

		receive.owed = client->next_owed;
		if (receive.owed == NULL)
			receive.owed_end = &receive.owed;
		answer(client, "200 OK", "{}");
	}
	return receive.owed == NULL ? -1 : (int)((receive.owed->answer_at_us - now_us) / 1000) + 1;
}

static void open_listener(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port) };
	struct epoll_event event = { .events = EPOLLIN };
	socklen_t size = sizeof(address);
	int on = 1;

	receive.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(receive.listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(receive.listen_fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(receive.listen_fd, SOMAXCONN) != 0) {
		perror("receive");
		exit(1);
	}
	getsockname(receive.listen_fd, (struct sockaddr *)&address, &size);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	epoll_ctl(receive.epoll_fd, EPOLL_CTL_ADD, receive.listen_fd, &event);
}

int main(int argc, char **argv)
{
	struct epoll_event events[READY_MAX];

	receive.owed_end = &receive.owed;
	receive.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	open_listener(argc > 1 ? (int)strtoull(argv[1], NULL, 10) : 0);
	for (;;) {
		int ready = epoll_wait(receive.epoll_fd, events, READY_MAX, pay_owed());

		for (int i = 0; i < ready; i++)
			if (events[i].data.ptr == NULL)
				accept_client();
			else
				read_request(events[i].data.ptr);
	}
}
