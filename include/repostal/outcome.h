/* SPDX-License-Identifier: MIT */
/*
 * outcome.h - what an attempt came to, and what follows from it
 *
 * Promise    Pure. The client fills an outcome, outcome_decide() decides, the dispatcher acts.
 * Threads    Values.
 */
#ifndef REPOSTAL_OUTCOME_H
#define REPOSTAL_OUTCOME_H

#include <stdint.h>

#include "repostal/give_up.h"
#include "repostal/retry.h"

/* The numbers are stored: never reuse one. */
enum transport {
	TRANSPORT_OK = 0, /* an answer arrived; see http_status */
	TRANSPORT_TIMEOUT = 1,
	TRANSPORT_CONNECT = 2, /* refused, reset, unreachable */
	TRANSPORT_TLS = 3,
	TRANSPORT_DNS = 4,
	TRANSPORT_DENIED = 5,      /* egress.deny */
	TRANSPORT_OTHER = 6,       /* not HTTP, cut short, our own limits */
	TRANSPORT_INTERRUPTED = 7, /* we stopped before an answer came */
	TRANSPORT_GIVEN_UP =
		8, /* give_up: http_status ended it, or with 0 its age, and nothing was sent */
	TRANSPORT_BACKLOG_FULL = 9, /* nothing was sent: too much waited for its target */
};

struct outcome {
	enum transport transport;
	int http_status;        /* 0 without an answer */
	int64_t retry_after_ms; /* from now; -1: the receiver did not say */
};

enum verdict {
	VERDICT_DELIVERED,
	VERDICT_RETRY,
	VERDICT_DEAD,    /* the last attempt failed */
	VERDICT_GIVE_UP, /* dead too: with this answer no further attempt is wanted */
	VERDICT_PAUSE,   /* 410: keep it, and leave the target alone */
};

struct decision {
	enum verdict verdict;
	int64_t delay_ms; /* of RETRY: from now until the next attempt */
};

/*
 * attempts_done counts this one; jitter as in retry.h, of no account for a 2xx. A 410 on any attempt is PAUSE,
 * unless give_up has it: the event is kept and its attempt does not count. INTERRUPTED is RETRY without a
 * delay, also on the last attempt: our own stop kills nothing.
 */
struct decision outcome_decide(const struct outcome *outcome, const struct retry_settings *retry,
	const struct give_up_settings *give_up, int attempts_done, double jitter);

/* Whom a failed attempt speaks against. */
enum blame {
	BLAME_NOBODY, /* it went well, we stopped it, or 429: the receiver is there, and asks for time */
	BLAME_TYPE, /* it answers, and does not take this: other types of event may continue */
	BLAME_TARGET, /* it is away: connect, DNS, TLS, time-out; 502 and 504 of what stands before it */
};
enum blame outcome_blame(const struct outcome *outcome);

/* The labels of attempts_total: the metric's result. */
enum attempt_result {
	ATTEMPT_2XX,
	ATTEMPT_3XX,
	ATTEMPT_4XX,
	ATTEMPT_5XX,
	ATTEMPT_TIMEOUT,
	ATTEMPT_CONNECT,
	ATTEMPT_TLS,
	ATTEMPT_DNS,
	ATTEMPT_OTHER,
};
enum {
	ATTEMPT_RESULT_COUNT = 9
};
enum attempt_result outcome_result(const struct outcome *outcome);
const char *attempt_result_name(enum attempt_result result);

#endif
