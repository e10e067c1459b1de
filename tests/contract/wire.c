/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "store_fixture.h"

enum {
	PAIRS_MAX = 16,
	LOOK_MS = 5, /* at what the test wants */
	CHUNK_SIZE = 65536,
};

struct pair {
	int client, server; /* -1: none */
};

struct wire {
	struct sockaddr_un server;
	int listener;
	pthread_t thread;
	atomic_bool is_closing, loses_answers;
	atomic_int cuts_wanted, cuts_done;
	struct pair pairs[PAIRS_MAX];
	char chunk[CHUNK_SIZE];
};

static void close_pair(struct pair *pair)
{
	if (pair->client >= 0)
		close(pair->client);
	if (pair->server >= 0)
		close(pair->server);
	*pair = (struct pair){ -1, -1 };
}

static void accept_client(struct wire *wire)
{
	struct pair pair = { accept(wire->listener, NULL, NULL), -1 };
	size_t i = 0;

	while (i < PAIRS_MAX && wire->pairs[i].client >= 0)
		i++;
	pair.server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (i == PAIRS_MAX || pair.client < 0 || pair.server < 0 ||
		connect(pair.server, (struct sockaddr *)&wire->server, sizeof(wire->server)) != 0)
		close_pair(&pair);
	else
		wire->pairs[i] = pair;
}

/* False: one of the two is gone. */
static bool carry(struct wire *wire, int from, int to, bool lose)
{
	ssize_t size = read(from, wire->chunk, sizeof(wire->chunk));

	if (size <= 0)
		return false;
	for (ssize_t at = 0; !lose && at < size;) {
		ssize_t sent = send(to, wire->chunk + at, (size_t)(size - at), MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		at += sent;
	}
	return true;
}

static void carry_all(struct wire *wire)
{
	struct pollfd fds[1 + 2 * PAIRS_MAX] = { { .fd = wire->listener, .events = POLLIN } };

	for (size_t i = 0; i < PAIRS_MAX; i++) {
		fds[1 + 2 * i] = (struct pollfd){ .fd = wire->pairs[i].client, .events = POLLIN };
		fds[2 + 2 * i] = (struct pollfd){ .fd = wire->pairs[i].server, .events = POLLIN };
	}
	if (poll(fds, ARRAY_COUNT(fds), LOOK_MS) <= 0)
		return;
	for (size_t i = 0; i < PAIRS_MAX; i++) {
		struct pair *pair = &wire->pairs[i];

		if (fds[1 + 2 * i].revents != 0 && !carry(wire, pair->client, pair->server, false))
			close_pair(pair);
		if (pair->server >= 0 && fds[2 + 2 * i].revents != 0 &&
			!carry(wire, pair->server, pair->client, atomic_load(&wire->loses_answers)))
			close_pair(pair);
	}
	if (fds[0].revents != 0)
		accept_client(wire);
}

static void *wire_main(void *data)
{
	struct wire *wire = data;

	while (!atomic_load(&wire->is_closing)) {
		int wanted = atomic_load(&wire->cuts_wanted);

		if (wanted != atomic_load(&wire->cuts_done)) {
			for (size_t i = 0; i < PAIRS_MAX; i++)
				close_pair(&wire->pairs[i]);
			atomic_store(&wire->cuts_done, wanted);
		}
		carry_all(wire);
	}
	for (size_t i = 0; i < PAIRS_MAX; i++)
		close_pair(&wire->pairs[i]);
	return NULL;
}

/* Where the server's own socket is: libpq knows how to read the text. */
static void find_server(const char *dsn, struct sockaddr_un *address)
{
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);
	const char *host = NULL;

	for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
		if (strcmp(o->keyword, "host") == 0)
			host = o->val;
	if (host == NULL || host[0] != '/')
		fail_msg("the server has no unix socket");
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%.80s/.s.PGSQL.5432", host);
	PQconninfoFree(options);
}

struct wire *wire_open(const char *dsn, const char *folder)
{
	struct wire *wire = memory_zalloc(sizeof(*wire));
	struct sockaddr_un own = { .sun_family = AF_UNIX };

	find_server(dsn, &wire->server);
	for (size_t i = 0; i < PAIRS_MAX; i++)
		wire->pairs[i] = (struct pair){ -1, -1 };
	snprintf(own.sun_path, sizeof(own.sun_path), "%.80s/.s.PGSQL.5432", folder);
	wire->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(wire->listener, (struct sockaddr *)&own, sizeof(own)) != 0 ||
		listen(wire->listener, PAIRS_MAX) != 0)
		fail_msg("%s: %s", own.sun_path, strerror(errno));
	assert_int_equal(pthread_create(&wire->thread, NULL, wire_main, wire), 0);
	return wire;
}

void wire_close(struct wire **wirep)
{
	struct wire *wire = *wirep;
	struct sockaddr_un own;
	socklen_t own_size = sizeof(own);

	*wirep = NULL;
	atomic_store(&wire->is_closing, true);
	assert_int_equal(pthread_join(wire->thread, NULL), 0);
	if (getsockname(wire->listener, (struct sockaddr *)&own, &own_size) == 0)
		(void)unlink(own.sun_path);
	close(wire->listener);
	free(wire);
}

void wire_lose_answers(struct wire *wire, bool lose)
{
	atomic_store(&wire->loses_answers, lose);
}

void wire_cut(struct wire *wire)
{
	int wanted = atomic_fetch_add(&wire->cuts_wanted, 1) + 1;

	while (atomic_load(&wire->cuts_done) != wanted)
		(void)poll(NULL, 0, LOOK_MS);
}
