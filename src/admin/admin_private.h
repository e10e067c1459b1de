/* SPDX-License-Identifier: MIT */
#ifndef POSTHORN_ADMIN_PRIVATE_H
#define POSTHORN_ADMIN_PRIVATE_H

#include "api.h"
#include "posthorn/admin.h"
#include "posthorn/buf.h"

struct admin {
	struct admin_view view;
	struct api *api; /* NULL: there is none */
};

void admin_answer_unauthorized(struct http_exchange *exchange);

/* metrics.c: the whole page. */
void admin_print_metrics(const struct admin_view *view, struct buf *out);

/* process_metrics.c: the standard process_* set. */
void admin_print_process_metrics(struct buf *out);

/* readiness.c: appends a JSON array of reasons; true when there are none. */
bool admin_print_reasons(const struct admin_view *view, int64_t now_ms, struct buf *out);

#endif
