/* SPDX-License-Identifier: MIT */
/*
 * link.h - the way back to a server that went away, and its hints
 *
 * Promise    Connecting never holds up the store's thread: while there is no session everything is
 *            refused at once, and a thread of this module tries again, at first soon, then every few
 *            seconds. Between, the same thread listens: a notification becomes a call of hint().
 * Threads    One of its own. postgres_link_take() and _need() are the store's.
 * Ownership  A session that was taken is the caller's.
 */
#ifndef REPOSTAL_STORE_POSTGRES_LINK_H
#define REPOSTAL_STORE_POSTGRES_LINK_H

#include "session.h"

struct postgres_link;

struct postgres_link_calls {
	/* Makes a new session ready for use: its tables, its statements. */
	enum status (*prepare)(struct postgres_session *session, struct error *err);
	/* A notification has come, or a session has become ready. */
	void (*hint)(void *context);
	void *context;
};

/* Connects and prepares in this thread, then starts the link's, which makes all later calls. */
enum status postgres_link_open(const char *dsn, const struct postgres_link_calls *calls,
	struct postgres_link **link_out, struct error *err);
void postgres_link_close(struct postgres_link **linkp);
/* A session, prepared; NULL: there is none at the moment, and err says why. */
struct postgres_session *postgres_link_take(struct postgres_link *link, struct error *err);
/* The one that was taken is gone: make another. */
void postgres_link_need(struct postgres_link *link);

#endif
