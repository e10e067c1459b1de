/* SPDX-License-Identifier: MIT */
/*
 * wire.h - a way to the PostgreSQL server that can lose answers and be cut
 *
 * Promise    A unix socket in a folder; whoever connects there talks to the server. What the wire does
 *            to one connection it does to all.
 * Threads    One of its own; the functions are for one thread.
 * Errors     They fail the test.
 */
#ifndef REPOSTAL_TESTS_WIRE_H
#define REPOSTAL_TESTS_WIRE_H

#include <stdbool.h>

struct wire;

/* dsn is the server's, folder the new socket's. */
struct wire *wire_open(const char *dsn, const char *folder);
void wire_close(struct wire **wirep);
/* Requests go on to the server, answers do not come back. */
void wire_lose_answers(struct wire *wire, bool lose);
/* Ends all connections there are. New ones are served. */
void wire_cut(struct wire *wire);

#endif
