/* SPDX-License-Identifier: MIT */
/*
 * queue_options.h - what repostal queue may be called with
 *
 * Promise    Options that passed make sense together; each refusal says on standard error why.
 * Threads    The main thread (getopt).
 * Ownership  The texts are those of argv, or their own memory within the options: these are not to be
 *            copied.
 */
#ifndef REPOSTAL_CLI_QUEUE_OPTIONS_H
#define REPOSTAL_CLI_QUEUE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/clock.h"

enum queue_action {
	QUEUE_LIST,
	QUEUE_SHOW,
	QUEUE_RETRY,
	QUEUE_DISCARD,
	QUEUE_STATS,
	QUEUE_JOBS,
	QUEUE_CANCEL,
};

enum queue_filter {
	QUEUE_FILTER_TARGET,
	QUEUE_FILTER_STATE,
	QUEUE_FILTER_EVENT,
	QUEUE_FILTER_SINCE,
	QUEUE_FILTER_UNTIL,
	QUEUE_FILTER_MESSAGE_ID,
	QUEUE_FILTER_RECIPIENT,
};
enum {
	QUEUE_FILTER_COUNT = 7
};

struct queue_options {
	enum queue_action action;
	const char *config_path;
	const char *uuid;                        /* NULL: not given */
	const char *job;                         /* a number; NULL: not given */
	const char *filters[QUEUE_FILTER_COUNT]; /* NULL: not given */
	const char *rate;                        /* NULL: not given */
	int64_t limit;                           /* 0: none */
	bool all;    /* without a filter; with a UUID: delivered ones too */
	bool as_new; /* retry: under new uuids */
	bool yes;
	bool dry_run;
	bool json;
	bool help;                      /* nothing else counts */
	char times[2][CLOCK_TEXT_SIZE]; /* since and until in UTC, as the API takes them */
};

extern const char queue_help[];

/* EXIT_OK, or EXIT_USAGE after the message. */
int queue_options_parse(int argc, char **argv, struct queue_options *out);

/* Of the action, and of the filter in the API. */
const char *queue_action_name(enum queue_action action);
const char *queue_filter_name(enum queue_filter filter);
/* What a change of many is about when no state was given: "ready,waiting,dead". */
const char *queue_default_states(enum queue_action action);
/* Whether such a delivery is changed: one of an event that was named, else one of many. */
bool queue_may_change(const struct queue_options *asked, const char *state);

#endif
