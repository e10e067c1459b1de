/* SPDX-License-Identifier: MIT */
/*
 * dispatcher.h - gets every delivery to its target, and its verdict back to the store
 *
 * Promise    What is committed is attempted until it is delivered or dead; targets share nothing
 *            but this thread's time, which no receiver can take: its slots, queue, breaker, rate
 *            and connections are a target's own. Memory does not grow with the backlog: each target
 *            has a fixed number of slots for events straight from intake, and claims what waits on
 *            disk in small portions.
 * Threads    One delivery thread owns targets and transfers. Signing has threads of its own.
 *            dispatcher_reserve() and _release() may be called by any thread, _offer(), _look() and
 *            _flush() by the store thread.
 * Ownership  The settings must outlive the dispatcher. An offered outgoing is the dispatcher's.
 * Errors     dispatcher_open(): STATUS_INVALID when libcurl refuses a target's settings.
 */
#ifndef REPOSTAL_DISPATCHER_H
#define REPOSTAL_DISPATCHER_H

#include <stdbool.h>

#include "repostal/cause.h"
#include "repostal/error.h"
#include "repostal/event_route.h"
#include "repostal/metric.h"
#include "repostal/outcome.h"
#include "repostal/outgoing.h"
#include "repostal/own_listeners.h"
#include "repostal/signer.h"
#include "repostal/store_thread.h"
#include "repostal/target_settings.h"

struct dispatcher_settings {
	const struct target_settings *targets;
	const uint16_t *target_numbers; /* of the store, one for each target */
	const char *const *pauses; /* for each: NULL, or why it is paused at first; NULL: none is */
	size_t targets_count;
	struct event_rules rules;
	const struct egress_settings *egress;
	const struct signer *signer;
	int signing_threads;
};

enum {
	DISPATCHER_IN_FLIGHT_MAX = 1024, /* attempts, over all targets: as many as targets can be */
};

/* Why a target is paused when its receiver said so. */
#define DISPATCHER_GONE_REASON "the receiver answered 410 Gone"

enum target_state {
	TARGET_ACTIVE,
	TARGET_PAUSED,
	TARGET_OPEN,    /* failing: left alone until the next probe */
	TARGET_PROBING, /* failing: one attempt at a time decides */
	TARGET_DISABLED,
	TARGET_UNCONFIGURED, /* a name of the store that the configuration has no more */
};
enum {
	TARGET_STATE_COUNT = 6
};
const char *target_state_name(enum target_state state);

enum {
	TARGET_HINT_SIZE = 512
};

enum delivery_outcome {
	OUTCOME_DELIVERED,
	OUTCOME_DEAD
};
enum {
	DELIVERY_OUTCOME_COUNT = 2
};

/* Read by the metrics page on any thread. */
struct target_metrics {
	struct counter outcomes[DELIVERY_OUTCOME_COUNT];
	struct counter attempts[ATTEMPT_RESULT_COUNT];
	struct histogram attempt_seconds;
	struct recent recent_attempts;
	struct recent recent_delivered;
	struct gauge in_flight;
	struct gauge state;            /* enum target_state */
	struct gauge since_ms;         /* Unix; of that state */
	struct gauge types_failing;    /* bit 1 << type: their breakers are not closed */
	struct gauge next_probe_ms;    /* Unix; of an open target; 0: none is planned */
	struct gauge next_try_ms;      /* Unix; of what waits for it; 0: nothing does */
	struct gauge oldest_memory_us; /* received, of the oldest in memory about a second ago; 0:
					  none */
};

struct dispatcher_metrics {
	struct histogram event_latency_seconds; /* arrival to delivered, at the first attempt */
	struct gauge heartbeat_ms; /* monotonic; when the delivery thread last went round */
};

/* The last attempt that failed, since the start. */
struct target_error {
	int64_t time_ms; /* Unix; its end; 0: there is none */
	enum attempt_result result;
	int http_status; /* 0: no answer */
	char cause[CAUSE_SIZE];
	char hint[TARGET_HINT_SIZE]; /* what may help; "": nothing is known */
};

struct dispatcher;

/*
 * Makes everything, starts nothing: whoever hands events over has to know the dispatcher before it
 * asks the store for the first. store must be there until dispatcher_stop() has returned.
 */
enum status dispatcher_open(const struct dispatcher_settings *settings, struct store_thread *store,
	struct dispatcher **dispatcher_out, struct error *err);
/*
 * Before dispatcher_run(): where receivers find the public keys, for the hint to one that may not know
 * them. url must outlive the dispatcher.
 */
/* What no target may lead to; before dispatcher_run(), and it outlives the dispatcher. */
void dispatcher_set_own(struct dispatcher *dispatcher, const struct own_listeners *own);
void dispatcher_set_jwks_url(struct dispatcher *dispatcher, const char *url);
/* Starts the threads. */
enum status dispatcher_run(struct dispatcher *dispatcher, struct error *err);

/*
 * Asks for a slot, so that an event may go on from memory once it is committed. False: it has to
 * wait on disk (no slot, or the target is paused, failing, refuses the type, or is not configured).
 * type is that of struct store_event.
 */
bool dispatcher_reserve(struct dispatcher *dispatcher, uint16_t target, uint8_t type);
/* Gives an unused slot back. */
void dispatcher_release(struct dispatcher *dispatcher, uint16_t target);
/* Makes delivery number index of outgoing one for this target, whose slot is reserved. */
void dispatcher_address(struct dispatcher *dispatcher, struct outgoing *outgoing, size_t index,
	uint16_t target, uint8_t type);

/* Store thread: one for this target was stored as dead, for it has max_backlog open ones. */
void dispatcher_note_refused(struct dispatcher *dispatcher, uint16_t target, int64_t event);

/* A committed event goes on; _flush() hands over all that were offered since the last. */
void dispatcher_offer(struct dispatcher *dispatcher, struct outgoing *outgoing_taken);
/* Any thread: starts or stops attempts at a target; nothing of it is stored here. */
void dispatcher_pause(struct dispatcher *dispatcher, uint16_t target, bool paused);

/*
 * All or nothing: targets come, go and change, and keys rotate, while everything goes on. On the main
 * thread; returns when the old settings are not used any more. Settings must outlive the dispatcher or
 * the next reload. STATUS_INVALID: libcurl refuses a target's settings, and nothing has changed.
 */
enum status dispatcher_reload(struct dispatcher *dispatcher,
	const struct dispatcher_settings *settings, struct error *err);

/* Any thread: something for this target waits on disk, of this type or of any. */
void dispatcher_look(struct dispatcher *dispatcher, uint16_t target, uint8_t type);
void dispatcher_look_all(struct dispatcher *dispatcher, uint16_t target);
void dispatcher_flush(struct dispatcher *dispatcher);

/* The file of authorities that targets without one of their own trust; NULL: there is no such file. */
const char *dispatcher_system_authorities(void);

/* What a target answered to a sample envelope. */
struct dispatcher_test {
	const char *event; /* its type; static */
	char uuid[UUID_TEXT_SIZE];
	bool is_signed;
	enum attempt_result result;
	int http_status; /* 0: no answer */
	int64_t duration_us;
	char cause[CAUSE_SIZE]; /* "": a 2xx */
	size_t answer_size;
	char answer[STORE_ANSWER_SIZE_MAX]; /* its first bytes */
};

/*
 * Sends one sample envelope now, also to a target that is paused or failing, and waits for the answer, on a
 * thread that may wait for as long as the target's timeout. Nothing is stored or counted. settings: a
 * configuration that the caller holds. STATUS_NOT_FOUND: it does not have the target, or disables it;
 * STATUS_BUSY: the gateway is stopping.
 */
enum status dispatcher_test(struct dispatcher *dispatcher,
	const struct dispatcher_settings *settings, uint16_t target,
	struct dispatcher_test *test_out, struct error *err);

struct dispatcher_metrics *dispatcher_metrics(struct dispatcher *dispatcher);
/* NULL when there is no target of that number. */
struct target_metrics *dispatcher_target_metrics(struct dispatcher *dispatcher, uint16_t target);
/* Of any number, whether or not there is such a target. Any thread, as the two above. */
enum target_state dispatcher_target_state(struct dispatcher *dispatcher, uint16_t target);
/* False: none of its attempts has failed. Any thread. */
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
