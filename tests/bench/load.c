/* SPDX-License-Identifier: MIT */
/*
 * load - posts BizMail events over kept-alive connections and says how long the answers took
 *
 *   load PORT PATH COUNT CONNECTIONS [RATE] [PREFIX] [FIRST]
 *
 * Without RATE (or 0) every connection posts its next event when it has its answer. With RATE events are
 * due at fixed times, whatever the server does, and an answer's time counts from when its event was due:
 * a server that stalls is not spared the events it kept waiting. Every event is new; its id carries its
 * number (from FIRST on) and when it was due (Unix microseconds), for the receiver at the other end.
 * Prints one line of JSON.
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
	CONNECTIONS_MAX = 1024,
	REQUEST_SIZE_MAX = 1024,
	ANSWER_SIZE_MAX = 4096,
	WAIT_MAX_US = 1000 * 1000,
	PATIENCE_US = 30 * 1000 * 1000, /* without any answer: give up */
};

struct connection {
	int fd;
	bool is_busy;
	uint64_t due_us; /* monotonic */
	size_t answer_size;
	char answer[ANSWER_SIZE_MAX];
};

struct load {
	int port;
	const char *path, *prefix;
	uint64_t count, first, sent, answered, accepted, refused, broken;
	double rate;
	uint64_t began_us, wall_offset_us, last_us;
	int epoll_fd;
	size_t connections_count;
	struct connection connections[CONNECTIONS_MAX];
	struct latency latency;
};

static struct load load;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void open_connection(struct connection *connection)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)load.port) };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
	int on = 1;

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0 ||
		connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("connect");
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	connection->is_busy = false;
	connection->answer_size = 0;
	if (epoll_ctl(load.epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0)
		die("epoll_ctl");
}

static uint64_t due_of(uint64_t n)
{
	return load.began_us + (uint64_t)((double)n * 1e6 / load.rate);
}

static void send_event(struct connection *connection, uint64_t due_us)
{
	unsigned long long n = load.first + load.sent++;
	unsigned long long wall_us = due_us + load.wall_offset_us;
	char body[REQUEST_SIZE_MAX], request[REQUEST_SIZE_MAX];
	int body_size = snprintf(body, sizeof(body),
		"{\"event\":\"delivered\",\"id\":\"%s.%llu.%llu@bench.example\","
		"\"recipient\":\"user%llu@example.com\",\"time\":%llu,"
		"\"mxHostname\":\"mx.example.com\",\"response\":\"250 2.0.0 OK queued\"}",
		load.prefix, n, wall_us, n % 10000, wall_us / 1000000);
	int size = snprintf(request, sizeof(request),
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
		"Content-Length: %d\r\n\r\n%s",
		load.path, body_size, body);

	connection->is_busy = true;
	connection->due_us = due_us;
	connection->answer_size = 0;
	if (size >= (int)sizeof(request) || write(connection->fd, request, (size_t)size) != size)
		die("write");
}

/* 0: not complete yet; else the status. */
static int parse_answer(struct connection *connection)
{
	char *end, *length;
	size_t head_size, body_size = 0;

	connection->answer[connection->answer_size] = '\0';
	end = strstr(connection->answer, "\r\n\r\n");
	if (end == NULL)
		return 0;
	head_size = (size_t)(end - connection->answer) + 4;
	length = strcasestr(connection->answer, "\r\ncontent-length:");
	if (length != NULL && length < end)
		body_size = (size_t)strtoull(length + 17, NULL, 10);
	if (connection->answer_size < head_size + body_size)
		return 0;
	return (int)strtoull(connection->answer + 9, NULL, 10);
}

static void on_answer(struct connection *connection, int status)
{
	load.last_us = clock_us(CLOCK_MONOTONIC);
	load.answered++;
	if (status == 200)
		load.accepted++;
	else
		load.refused++;
	latency_add(&load.latency, load.last_us - connection->due_us);
	connection->is_busy = false;
}

static void read_answer(struct connection *connection)
{
	ssize_t got = read(connection->fd, connection->answer + connection->answer_size,
		ANSWER_SIZE_MAX - 1 - connection->answer_size);
	int status;

	if (got <= 0) {
		if (connection->is_busy) {
			load.broken++;
			load.answered++;
		}
		close(connection->fd);
		open_connection(connection);
		return;
	}
	connection->answer_size += (size_t)got;
	status = parse_answer(connection);
	if (status != 0)
		on_answer(connection, status);
}

/* Gives what is due to whoever is free; returns how long to wait, in microseconds. */
static uint64_t send_due(void)
{
	uint64_t now_us = clock_us(CLOCK_MONOTONIC);

	for (size_t i = 0; i < load.connections_count && load.sent < load.count; i++) {
		uint64_t due_us = load.rate > 0 ? due_of(load.sent) : now_us;

		if (due_us > now_us)
			return due_us - now_us;
		if (!load.connections[i].is_busy)
			send_event(&load.connections[i], due_us);
	}
	return WAIT_MAX_US; /* for an answer */
}

static void run(void)
{
	struct epoll_event events[CONNECTIONS_MAX];

	load.last_us = clock_us(CLOCK_MONOTONIC);
	while (load.answered < load.count) {
		uint64_t wait_us = send_due();
		struct timespec wait = { .tv_sec = (time_t)(wait_us / 1000000),
			.tv_nsec = (long)(wait_us % 1000000) * 1000 };
		/* Not epoll_wait: its milliseconds would be added to every latency at a fixed rate. */
		int ready = epoll_pwait2(load.epoll_fd, events, CONNECTIONS_MAX, &wait, NULL);

		for (int i = 0; i < ready; i++)
			read_answer(events[i].data.ptr);
		if (clock_us(CLOCK_MONOTONIC) - load.last_us > PATIENCE_US)
			break;
	}
}

static void report(void)
{
	double seconds = (double)(load.last_us - load.began_us) / 1e6;
	char latencies[256];

	latency_print(&load.latency, latencies, sizeof(latencies));
	printf("{\"accepted\":%llu,\"refused\":%llu,\"broken\":%llu,\"unanswered\":%llu,"
	       "\"seconds\":%.3f,\"per_second\":%.0f,%s}\n",
		(unsigned long long)load.accepted, (unsigned long long)load.refused,
		(unsigned long long)load.broken, (unsigned long long)(load.sent - load.answered),
		seconds, (double)load.accepted / seconds, latencies);
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr,
			"usage: load PORT PATH COUNT CONNECTIONS [RATE] [PREFIX] [FIRST]\n");
		return 2;
	}
	load.port = (int)strtoull(argv[1], NULL, 10);
	load.path = argv[2];
	load.count = strtoull(argv[3], NULL, 10);
	load.connections_count = strtoull(argv[4], NULL, 10);
	load.rate = argc > 5 ? strtod(argv[5], NULL) : 0;
	load.prefix = argc > 6 ? argv[6] : "e";
	load.first = argc > 7 ? strtoull(argv[7], NULL, 10) : 0;
	if (load.connections_count < 1 || load.connections_count > CONNECTIONS_MAX) {
		fprintf(stderr, "load: 1 to %d connections\n", CONNECTIONS_MAX);
		return 2;
	}
	load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < load.connections_count; i++)
		open_connection(&load.connections[i]);
	load.began_us = clock_us(CLOCK_MONOTONIC);
	load.wall_offset_us = clock_us(CLOCK_REALTIME) - load.began_us;
	run();
	report();
	return load.accepted == load.count ? 0 : 1;
}
