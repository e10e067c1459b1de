/* SPDX-License-Identifier: MIT */
/*
 * load.h - posts many sample events and measures how they are answered
 *
 * Promise    With a rate, event i is due at start + i / rate whatever the receiver does, and its
 *            latency counts from then: a receiver that stalls is charged for all it keeps waiting
 *            (no coordinated omission). Without a rate it counts from the request's start.
 *            Memory does not grow with the number of events.
 * Threads    One.
 * Ownership  Settings are borrowed while it runs.
 * Errors     STATUS_INVALID: libcurl does not take the settings. What happens to single events
 *            is in the result.
 */
#ifndef REPOSTAL_TRIAL_LOAD_H
#define REPOSTAL_TRIAL_LOAD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>
#include <jansson.h>

#include "latency.h"
#include "repostal/buf.h"
#include "repostal/error.h"
#include "sample.h"

enum {
	LOAD_STATUS_MAX = 999
};

struct load_settings {
	const char *url;
	int64_t count;
	double rate_per_second; /* 0: as fast as answered */
	int64_t concurrency;
	enum sample_kind kind;
	enum sample_encoding encoding;
	struct curl_slist *headers; /* the user's own */
	bool insecure;
	int64_t timeout_ms;
};

struct load_result {
	int64_t sent;
	int64_t accepted; /* 2xx, neither duplicate nor quarantined */
	int64_t duplicates;
	int64_t quarantined;
	int64_t refused[LOAD_STATUS_MAX + 1]; /* by HTTP status */
	int64_t errors[CURL_LAST];            /* by CURLcode */
	int64_t unanswered;                   /* in flight when it was stopped */
	int64_t duration_us;
	struct latency latency; /* of what was answered with 2xx */
};

/* result is zeroed by the caller. Ends early when *stop becomes true. */
enum status load_run(const struct load_settings *settings, const volatile sig_atomic_t *stop,
	struct load_result *result, struct error *err);

/* How many events were answered with 2xx. */
int64_t load_acknowledged(const struct load_result *result);
/* For people: a line for each figure. */
void load_print(const struct load_result *result, struct buf *out);
/* For scripts; the caller's own. */
json_t *load_to_json(const struct load_result *result);

#endif
