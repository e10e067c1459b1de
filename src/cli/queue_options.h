/* SPDX-License-Identifier: MIT */
/*
 * queue_options.h - what repostal queue may be called with
 *
 * Promise    Options that passed make sense together; each refusal says on standard error why.
 * Threads    The main thread (getopt).
 * Ownership  The texts are those of argv.
 */
#ifndef REPOSTAL_CLI_QUEUE_OPTIONS_H
#define REPOSTAL_CLI_QUEUE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum queue_action {
	QUEUE_LIST,
	QUEUE_SHOW,
	QUEUE_RETRY,
	QUEUE_DISCARD,
	QUEUE_STATS,
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
	const char *filters[QUEUE_FILTER_COUNT]; /* NULL: not given */
	const char *rate;                        /* NULL: not given */
	int64_t limit;
	bool all;
	bool yes;
	bool json;
	bool help; /* nothing else counts */
};

extern const char queue_help[];

/* EXIT_OK, or EXIT_USAGE after the message. */
int queue_options_parse(int argc, char **argv, struct queue_options *out);

/* Of the action, and of the filter in the API. */
const char *queue_action_name(enum queue_action action);
const char *queue_filter_name(enum queue_filter filter);

#endif
