/* SPDX-License-Identifier: MIT */
/*
 * client.h - HTTP requests out, through libcurl's multi interface
 *
 * Promise    Connections are reused. The address that is dialled, after DNS, is checked against the
 *            forbidden ranges. An answer is read to its end or to a limit; what is kept of it is bounded.
 * Threads    Everything on the delivery thread, except client_wake().
 * Ownership  The body and signature of a request must outlive it. A result is valid during on_done().
 */
#ifndef REPOSTAL_DELIVERY_CLIENT_H
#define REPOSTAL_DELIVERY_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/cause.h"
#include "repostal/error.h"
#include "repostal/outcome.h"
#include "repostal/own_listeners.h"
#include "repostal/signer.h"
#include "repostal/slice.h"
#include "repostal/target_settings.h"

struct client;
struct client_target; /* ready-made requests to one receiver */

struct client_result {
	struct outcome outcome;
	struct slice answer; /* first bytes of the receiver's answer; without one: cause */
	int64_t started_ms;  /* Unix */
	int64_t duration_us;
	char cause[CAUSE_SIZE]; /* "" for a 2xx */
	bool is_unsent; /* the process had no descriptor left for it: says nothing of the receiver */
};

typedef void client_done(void *context, void *request, const struct client_result *result);

struct client *client_open(const struct egress_settings *egress, int connections_max,
	client_done *on_done, void *context);
/* Close all targets first. */
void client_close(struct client **clientp);

enum status client_target_open(struct client *client, const struct target_settings *settings,
	struct client_target **target_out, struct error *err);
void client_target_close(struct client_target **targetp);
/* Where the settings lie from now on; the same as at the opening. */
void client_target_rebind(struct client_target *target, const struct target_settings *settings);
bool client_target_is_idle(const struct client_target *target);
/* From now on; what is being dialled is checked against either. */
void client_set_egress(struct client *client, const struct egress_settings *egress);

/* Addresses that are never dialled; they outlive the client. Before the first request. */
void client_set_own(struct client *client, const struct own_listeners *own);

/* request comes back in on_done(). signature may be NULL. */
void client_start(struct client_target *target, struct slice body,
	const struct signature *signature, void *request);

/* Cuts off what is under way; each request comes back as TRANSPORT_INTERRUPTED. */
void client_target_cancel(struct client_target *target);

/* Moves everything on; on_done() is called from here. */
void client_perform(struct client *client);
/* Waits for the network, client_wake() or timeout_ms. */
void client_poll(struct client *client, int64_t timeout_ms);
void client_wake(struct client *client);

#endif
