/* SPDX-License-Identifier: MIT */
/*
 * control_live.h - control.h's backend while the gateway runs
 *
 * Promise    Changes go through the store thread, and targets hear of them at once. Each request sees
 *            one generation of the configuration.
 * Threads    Any; see control.h.
 * Ownership  What the struct points to must outlive the control.
 */
#ifndef REPOSTAL_CONTROL_LIVE_H
#define REPOSTAL_CONTROL_LIVE_H

#include <pthread.h>

#include "generation.h"
#include "repostal/admin.h"
#include "repostal/control.h"
#include "repostal/dispatcher.h"
#include "repostal/store_thread.h"

/* The context of control_live_backend. */
struct control_live {
	struct store_thread *store;
	struct dispatcher *dispatcher;
	struct generation_slot *generations;
	int64_t started_ms; /* monotonic */
	int64_t started_unix_ms;
	struct admin *admin;
	pthread_mutex_t mutex; /* of what follows */
	struct control_reload reload;
};

/* After each try to reload; err is NULL when it went well. */
void control_live_note_reload(struct control_live *live, const struct error *err);

extern const struct control_backend control_live_backend;

enum {
	CONTROL_LIVE_RATE_PER_SECOND =
		2000 /* of jobs that name none: receivers do their daily work beside */
};

/* For the admin's view; context is the struct control_live. */
void control_live_visit_certificates(void *context, admin_certificate_visitor *visit, void *page);
void control_live_describe(void *context, int64_t *generation_out, uint64_t *fingerprint_out);

#endif
