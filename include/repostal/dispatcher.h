/* SPDX-License-Identifier: MIT */
/*
 * dispatcher.h - gets every delivery to its target, and its verdict back to the store
 *
 * Promise    What is committed is attempted until it is delivered or dead; targets share nothing
 *            but this thread's time, which no receiver can take: its slots, queue, breaker, rate
 *            and connections are a target's own. Memory does not grow with the backlog: each target
 *            has a fixed number of slots for events straight from intake (handoff.h), and claims what waits
 *            on disk in small portions.
 * Threads    One delivery thread owns targets and transfers. Signing has threads of its own. Opening,
 *            reloading and stopping: the main thread; what reads or pauses a target: any.
 * Ownership  The settings must outlive the dispatcher, or its next reload.
 * Errors     dispatcher_open(): STATUS_INVALID when libcurl refuses a target's settings.
 */
#ifndef REPOSTAL_DISPATCHER_H
#define REPOSTAL_DISPATCHER_H

#include <stdbool.h>

#include "repostal/delivery_status.h"
#include "repostal/dispatcher_settings.h"
#include "repostal/error.h"
#include "repostal/own_listeners.h"
#include "repostal/store_thread.h"

struct dispatcher;

/*
 * Makes everything, starts nothing: what hands events over has to know the dispatcher before it
 * asks the store for the first. store must be there until dispatcher_stop() has returned.
 */
enum status dispatcher_open(const struct dispatcher_settings *settings, struct store_thread *store,
	struct dispatcher **dispatcher_out, struct error *err);
/* What no target may lead to; before dispatcher_run(), and it outlives the dispatcher. */
void dispatcher_set_own(struct dispatcher *dispatcher, const struct own_listeners *own);
/*
 * Before dispatcher_run(): where receivers find the public keys, for the hint to one that may not know
 * them. url must outlive the dispatcher.
 */
void dispatcher_set_jwks_url(struct dispatcher *dispatcher, const char *url);
/* Starts the threads. */
enum status dispatcher_run(struct dispatcher *dispatcher, struct error *err);

/* Starts or stops attempts at a target; nothing of it is stored here. */
void dispatcher_pause(struct dispatcher *dispatcher, uint16_t target, bool paused);

/*
 * All or nothing: targets come, go and change, and keys rotate, while everything continues. Returns when the
 * old settings are not used any more. STATUS_INVALID: libcurl refuses a target's settings, and nothing has
 * changed.
 */
enum status dispatcher_reload(struct dispatcher *dispatcher,
	const struct dispatcher_settings *settings, struct error *err);

struct dispatcher_metrics *dispatcher_metrics(struct dispatcher *dispatcher);
/* NULL when there is no target of that number. */
struct target_metrics *dispatcher_target_metrics(struct dispatcher *dispatcher, uint16_t target);
/* Of any number, whether or not there is such a target. */
enum target_state dispatcher_target_state(struct dispatcher *dispatcher, uint16_t target);
/* False: none of its attempts has failed. */
bool dispatcher_last_error(
	struct dispatcher *dispatcher, uint16_t target, struct target_error *error_out);

/*
 * Starts no more attempts, waits up to timeout_ms for those in flight, hands every verdict and
 * every unused lease to the store thread, and waits until they are done. dispatcher_free() comes
 * after the store thread has stopped.
 */
void dispatcher_stop(struct dispatcher *dispatcher, int64_t timeout_ms);
void dispatcher_free(struct dispatcher **dispatcherp);

#endif
