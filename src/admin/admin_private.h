/* SPDX-License-Identifier: MIT */
#ifndef REPOSTAL_ADMIN_PRIVATE_H
#define REPOSTAL_ADMIN_PRIVATE_H

#include <pthread.h>

#include "access.h"
#include "api.h"
#include "repostal/admin.h"
#include "repostal/buf.h"
#include "repostal/log.h"

/* The form that examples/fail2ban reads: admin.rejected reason=R address=A. */
struct admin_lines {
	struct log_limit unauthorized;
	struct log_limit forbidden;
};

struct admin {
	struct admin_view views[2];            /* without a store, and with one */
	const struct admin_view *_Atomic view; /* the one at work */
	struct api *_Atomic api;               /* NULL: there is none */
	pthread_mutex_t mutex;                 /* for reason */
	struct error reason;                   /* why there is no store */
	struct admin_lines lines;
};

/* access_judge() for this request; is_open as there. */
enum access_verdict admin_judge(const struct admin_view *view, const struct http_exchange *exchange,
	const struct http_request *request, bool is_open, const char **refusal_out);
/* Answers unless it is granted. */
bool admin_is_granted(const struct admin_view *view, struct http_exchange *exchange,
	const struct http_request *request, bool is_open);
/* For the log. */
void admin_format_peer(const struct address *peer, bool is_local, char out[ADDRESS_TEXT_SIZE]);
/* No browser is to look for anything but what the content type says. */
#define ADMIN_NO_SNIFFING                          \
	((struct http_header){                     \
		.name = "x-content-type-options",  \
		.value = SLICE_LITERAL("nosniff"), \
	})

/* identity.c: proves to whoever asks that this is the gateway of its store. */
void admin_answer_identity(const struct admin_view *view, struct http_exchange *exchange,
	const struct http_request *request);

/* metrics.c: the whole page. */
void admin_print_metrics(const struct admin_view *view, struct buf *out);

/* process_metrics.c: the standard process_* set. */
void admin_print_process_metrics(struct buf *out);

/* Why there is no store. */
void admin_read_reason(struct admin *admin, struct error *reason_out);

/* readiness.c: appends a JSON array of reasons; true when there are none. */
bool admin_print_reasons(struct admin *admin, int64_t now_ms, struct buf *out);

#endif
