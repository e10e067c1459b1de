/* SPDX-License-Identifier: MIT */
/*
 * queue_table.h - the actions and options of queue
 *
 * Threads    Constants; any.
 * Ownership  The texts of the options are those of argv, or their own memory within the struct: it is not
 *            to be copied.
 */
#ifndef REPOSTAL_CLI_QUEUE_TABLE_H
#define REPOSTAL_CLI_QUEUE_TABLE_H

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
	QUEUE_FILTER_COUNT = 7,
	QUEUE_LIMIT_DEFAULT = 50,
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
	char times[2][CLOCK_TEXT_SIZE]; /* since and until in UTC, as the API takes them */
};

/* Of the action, and of the filter in the API. */
const char *queue_action_name(enum queue_action action);
const char *queue_filter_name(enum queue_filter filter);

#endif
