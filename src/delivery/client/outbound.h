/* SPDX-License-Identifier: MIT */
/*
 * outbound.h - requests out, those through proxies on a thread of their own
 *
 * Promise    libcurl reads a proxy's answer to CONNECT within one turn, byte by byte. client_guard.h
 *            bounds that turn; here it is spent on a thread of its own, so that only targets with a
 *            proxy share it. The thread is there from the first of these targets on.
 * Threads    The delivery thread, except outbound_wake(), outbound_target_open() and, before the delivery
 *            thread runs or after it has ended, everything. on_done is called by outbound_perform().
 * Ownership  As in client.h.
 */
#ifndef REPOSTAL_DELIVERY_OUTBOUND_H
#define REPOSTAL_DELIVERY_OUTBOUND_H

#include "client.h"

struct outbound;
struct outbound_target;

struct outbound *outbound_open(const struct egress_settings *egress, int connections_max,
	client_done *on_done, void *context);
/* Close all targets first. */
void outbound_close(struct outbound **outboundp);

/* Not on two threads at once. */
enum status outbound_target_open(struct outbound *outbound, const struct target_settings *settings,
	struct outbound_target **target_out, struct error *err);
void outbound_target_close(struct outbound_target **targetp);
bool outbound_target_is_idle(const struct outbound_target *target);
void outbound_target_cancel(struct outbound_target *target);

/*
 * Between these two nothing looks at settings: they may change, and be freed. Waits for the turn of the
 * proxies' thread.
 */
void outbound_hold(struct outbound *outbound);
void outbound_continue(struct outbound *outbound);
void outbound_target_rebind(struct outbound_target *target, const struct target_settings *settings);
void outbound_set_egress(struct outbound *outbound, const struct egress_settings *egress);

/* At any time before the first request. */
void outbound_set_own(struct outbound *outbound, const struct own_listeners *own);

void outbound_start(struct outbound_target *target, struct slice body,
	const struct signature *signature, void *request);
void outbound_perform(struct outbound *outbound);
void outbound_poll(struct outbound *outbound, int64_t timeout_ms);
void outbound_wake(struct outbound *outbound);

#endif
