/* SPDX-License-Identifier: MIT */
/*
 * delivery_status.h - what delivery and its targets tell of themselves
 *
 * Promise    Numbers are each right, though not of one instant.
 * Threads    Any reads; the delivery thread writes.
 */
#ifndef REPOSTAL_DELIVERY_STATUS_H
#define REPOSTAL_DELIVERY_STATUS_H

#include "repostal/cause.h"
#include "repostal/metric.h"
#include "repostal/outcome.h"

struct dispatcher_metrics {
	struct histogram event_latency_seconds; /* arrival to delivered, at the first attempt */
	struct gauge heartbeat_ms; /* monotonic; when the delivery thread last went round */
};

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

enum delivery_outcome {
	OUTCOME_DELIVERED,
	OUTCOME_DEAD
};
enum {
	DELIVERY_OUTCOME_COUNT = 2
};

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

enum {
	TARGET_HINT_SIZE = 512
};

/* The last attempt that failed, since the start. */
struct target_error {
	int64_t time_ms; /* Unix; its end; 0: there is none */
	enum attempt_result result;
	int http_status; /* 0: no answer */
	char cause[CAUSE_SIZE];
	char hint[TARGET_HINT_SIZE]; /* what may help; "": nothing is known */
};

#endif
