/* SPDX-License-Identifier: MIT */
/*
 * inbound_private.h - what all requests share, for the files that they pass through
 *
 *   webhook.c     the paths, and a request's way through the refusals
 *   intake.c      an event between its request and the disk
 *   rejection.c   a request that is turned away: counted, logged, answered
 *   inbound.c     the view that requests see, and the counts; knows none of the others
 */
#ifndef REPOSTAL_INBOUND_PRIVATE_H
#define REPOSTAL_INBOUND_PRIVATE_H

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

/* A request, and what is known of it by now; on its loop. */
struct arrival {
	struct inbound *inbound;
	struct inbound_view *view;
	const struct routed_source *source; /* NULL: none is known */
	struct http_exchange *exchange;
	const struct http_request *request;
};

/* inbound.c; any thread. */
struct inbound_view *inbound_hold_view(struct inbound *inbound);
void inbound_release_view(struct inbound_view *view);
/* What is logged of a source, whose requests look at this view. */
struct source_lines *inbound_lines(
	const struct inbound_view *view, const struct routed_source *source);

#endif
