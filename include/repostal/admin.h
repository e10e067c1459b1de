/* SPDX-License-Identifier: MIT */
/*
 * admin.h - the admin listener: metrics, health, readiness, and the API of control.h
 *
 * Promise    Metrics, health and readiness cost the gateway nothing: they are read from counters,
 *            never from the store. What is asked of the API waits for a thread of its own.
 * Threads    admin_handle() on the admin listener's loop; describe() as well. admin_connect(),
 *            _explain() and _stop() on the main thread.
 * Ownership  What the view points to must outlive the admin.
 */
#ifndef REPOSTAL_ADMIN_H
#define REPOSTAL_ADMIN_H

#include <stdbool.h>

#include "repostal/control.h"
#include "repostal/dispatcher.h"
#include "repostal/http.h"
#include "repostal/inbound.h"
#include "repostal/store_thread.h"

/*
 * The store's names by number, also of what is configured no more. They only become more: an entry is
 * set before the count that covers it.
 */
struct admin_names {
	_Atomic size_t targets_count;
	_Atomic size_t sources_count;
	const char *_Atomic targets[STORE_TARGETS_MAX]; /* NULL: the number is not in use */
	const char *_Atomic sources[STORE_SOURCES_MAX];
};

/* How the last reload went; the start counts as one. Written by the main thread. */
struct reload_metrics {
	struct gauge is_good;
	struct gauge good_ms; /* Unix; the last one that was */
};

/* One that we present, to senders or to a receiver. */
struct admin_certificate {
	const char *file;
	int64_t ends_ms; /* Unix */
};
typedef void admin_certificate_visitor(void *page, const struct admin_certificate *certificate);

struct admin_view {
	const char *token;      /* NULL: none */
	const char *read_token; /* NULL: none; may look, not change */
	bool is_loopback; /* the TCP listener's address: looking is then open without a token */
	const uint8_t *secret; /* the store's, of STORE_SECRET_SIZE; NULL: not known */
	const char *place;     /* of the TCP listener, as in store_proof.h */
	int64_t max_backlog;
	struct store_thread *store;    /* NULL: not open yet, see admin_explain() */
	struct dispatcher *dispatcher; /* NULL as well then */
	struct inbound *inbound;
	const struct admin_names *names;
	const struct reload_metrics *reload;
	struct http_server *public_server;
	struct http_server *admin_server;
	struct control *control; /* NULL: no API */
	/* The configuration at work: its generation and fingerprint. NULL: not known. */
	void (*describe)(void *context, int64_t *generation_out, uint64_t *fingerprint_out);
	/* Calls back for each certificate of that configuration. NULL: not known. */
	void (*visit_certificates)(void *context, admin_certificate_visitor *visit, void *page);
	void *describe_context;
	struct admin_lines *lines; /* private */
};

struct admin;

struct admin *admin_new(void);
/*
 * Before the first request: what is looked at. With a control the thread of the API starts. Once more when
 * the first time there was no store.
 */
void admin_connect(struct admin *admin, const struct admin_view *view);
/* While there is no store: why. */
void admin_explain(struct admin *admin, const char *reason);
/*
 * Whether all threads that events need go round: store, delivery and the loops of both listeners. Any
 * thread, regularly: the loops are asked now and have to have answered by a later call.
 */
bool admin_sees_work(struct admin *admin, int64_t now_ms);
/* The API answers 503 from now on, also to those that wait already. */
void admin_refuse(struct admin *admin);
/*
 * No API from then on. After the drain, before the admin server and the control stop. False: a request was
 * still being carried out after timeout_ms; then nothing that it may use can be freed.
 */
bool admin_stop(struct admin *admin, int64_t timeout_ms);
void admin_free(struct admin **adminp);

/* What /readyz says: appends a JSON array of reasons why not. On any thread, after admin_connect(). */
bool admin_is_ready(struct admin *admin, struct buf *reasons_out);

/* The two of the admin listener; context is the struct admin. A body is for those who may change something. */
bool admin_may_send_body(void *context, const struct http_request *request);
void admin_handle(
	void *context, struct http_exchange *exchange, const struct http_request *request);

#endif
