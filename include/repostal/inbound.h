/* SPDX-License-Identifier: MIT */
/*
 * inbound.h - BizMail's requests, from the socket to the store and back
 *
 * Promise    A 200 leaves only after the commit that holds the event. A stranger's request touches
 *            nothing: it is refused before its body is looked at. The answers are those of
 *            BizMail's documentation.
 * Threads    inbound_handle() and inbound_may_send_body() on the http loops; inbound_on_batch_done() on the store thread.
 * Ownership  A view is counted: the inbound and each request that is under way hold a reference;
 *            on_unused() is told by the last, on whatever thread that is.
 */
#ifndef REPOSTAL_INBOUND_H
#define REPOSTAL_INBOUND_H

#include "repostal/bizmail.h"
#include "repostal/dispatcher.h"
#include "repostal/event_route.h"
#include "repostal/http.h"
#include "repostal/metric.h"
#include "repostal/store_thread.h"

enum reject_reason {
	REJECT_UNAUTHORIZED,
	REJECT_FORBIDDEN,
	REJECT_NOT_FOUND,
	REJECT_METHOD,
	REJECT_MEDIA_TYPE,
	REJECT_UNAVAILABLE, /* the store cannot write */
	REJECT_BACKLOG_FULL,
};
enum {
	REJECT_REASON_COUNT = 7
};
const char *reject_reason_name(enum reject_reason reason);

struct inbound_source_metrics {
	struct counter received[BIZMAIL_KIND_COUNT];
	struct counter duplicates;
	struct counter quarantined[BIZMAIL_PROBLEM_COUNT];
	struct counter rejected[REJECT_REASON_COUNT];
};

/* What the configuration says about the inbound side; never changes once it is open. */
struct inbound_view {
	struct event_rules rules;
	const struct address_ranges *trusted_proxies;
	struct slice jwks;          /* the document */
	_Atomic int references;     /* private */
	struct source_lines *lines; /* private */
	_Atomic bool
		is_open; /* private; until then numbers and routes of the sources are not read */
	void (*on_unused)(struct inbound_view *view);
};

struct inbound;

struct inbound *inbound_new(void);
void inbound_free(struct inbound **inboundp);

/* Requests that arrive from now on see this view. Any thread. */
void inbound_publish(struct inbound *inbound, struct inbound_view *view);

/*
 * From now on requests that see this view get to intake: the sources have their numbers and routes, and
 * inbound_connect() was called. Until then they are refused as unavailable, after the same checks.
 */
void inbound_open(struct inbound *inbound, struct inbound_view *view);

/* Before the first view is opened: where events go. */
void inbound_connect(struct inbound *inbound, struct http_server *server,
	struct store_thread *store, struct dispatcher *dispatcher);

/* The two of the public listener; context is the struct inbound. No body is read of a request that is refused anyway. */
bool inbound_may_send_body(void *context, const struct http_request *request);
void inbound_handle(
	void *context, struct http_exchange *exchange, const struct http_request *request);

/* For store_thread_start(); context is the struct inbound. */
void inbound_on_batch_done(void *context);

/* By the store's number; NULL when there was no such source since the start. */
const struct inbound_source_metrics *inbound_source_metrics(
	const struct inbound *inbound, uint16_t source);
/* REJECT_REASON_COUNT of them, of requests that are no source's. */
const struct counter *inbound_rejected(const struct inbound *inbound);
const struct counter *inbound_jwks_requests(const struct inbound *inbound);

#endif
