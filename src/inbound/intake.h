/* SPDX-License-Identifier: MIT */
/*
 * intake.h - one event between its request and the disk
 *
 * Promise    A ticket goes out with the event and comes back when it is durable; then, and only then,
 *            the request is answered. If the client has hung up meanwhile, the event is kept all the
 *            same.
 * Threads    intake_*() on the http loop; what happens on the store thread is private.
 * Ownership  A ticket copies what it needs from the request; it ends itself after the answer.
 */
#ifndef REPOSTAL_INBOUND_INTAKE_H
#define REPOSTAL_INBOUND_INTAKE_H

#include <pthread.h>

#include "repostal/inbound.h"
#include "source_lines.h"

struct inbound {
	pthread_mutex_t view_mutex;
	struct inbound_view *view;
	_Atomic bool is_connected; /* the next three are set */
	struct http_server *server;
	struct store_thread *store;
	struct dispatcher *dispatcher;
	struct inbound_source_metrics *_Atomic source_metrics[STORE_SOURCES_MAX];
	struct counter rejected[REJECT_REASON_COUNT]; /* of no source */
	struct counter jwks_requests;
	struct http_ticket_batch answered; /* the store thread's, until the batch is done */
};

struct inbound_view *inbound_hold_view(struct inbound *inbound);
void inbound_release_view(struct inbound_view *view);

/* What is logged of a source, whose requests look at this view. */
struct source_lines *inbound_lines(
	const struct inbound_view *view, const struct routed_source *source);
/* Of a request, peer and forwarded_for are looked at. */
void inbound_log_rejection(const struct inbound_view *view, const struct routed_source *source,
	const struct http_request *request, enum reject_reason reason);
/* webhook.c; source: NULL when it is not known. */
void inbound_count_rejected(
	struct inbound *inbound, const struct routed_source *source, enum reject_reason reason);

void intake_event(struct inbound *inbound, struct inbound_view *view,
	const struct routed_source *source, struct http_exchange *exchange,
	const struct http_request *request, const struct bizmail_event *event);

/* 503, with the time to come back. */
void intake_unavailable(struct inbound *inbound, const struct inbound_view *view,
	const struct routed_source *source, struct http_exchange *exchange,
	const struct http_request *request, enum status status);

/* kind is what the sub-path said. message_id may be empty. */
void intake_quarantine(struct inbound *inbound, struct inbound_view *view,
	const struct routed_source *source, struct http_exchange *exchange,
	const struct http_request *request, enum bizmail_problem problem, enum bizmail_kind kind,
	struct slice message_id);

#endif
