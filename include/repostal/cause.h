/* SPDX-License-Identifier: MIT */
/*
 * cause.h - why an attempt failed, in words
 *
 * Promise    One line for an operator, at most CAUSE_SIZE - 1 bytes of UTF-8: control characters are
 *            escaped, and a secret of the target's settings that the receiver repeats is masked.
 *            Pure.
 * Threads    Values.
 */
#ifndef REPOSTAL_CAUSE_H
#define REPOSTAL_CAUSE_H

#include <stdint.h>

#include "repostal/slice.h"
#include "repostal/target_settings.h"

enum {
	CAUSE_SIZE = 256
};

enum cause_kind {
	CAUSE_ANSWER,          /* http_status, answer */
	CAUSE_NAME,            /* detail: the name */
	CAUSE_NAME_TIMEOUT,    /* limit_ms */
	CAUSE_CONNECT,         /* peer, os_error */
	CAUSE_CONNECT_TIMEOUT, /* peer, limit_ms */
	CAUSE_TLS,             /* detail */
	CAUSE_TLS_TIMEOUT,     /* peer, limit_ms */
	CAUSE_ANSWER_TIMEOUT,  /* limit_ms */
	CAUSE_PROXY,           /* peer, http_status */
	CAUSE_CLOSED,          /* peer */
	CAUSE_BROKEN,          /* peer, detail */
	CAUSE_DENIED,          /* peer: the address */
	CAUSE_OWN,             /* peer */
	CAUSE_INTERRUPTED,
	CAUSE_OTHER, /* detail */
};

struct cause {
	enum cause_kind kind;
	int http_status;
	struct slice answer; /* the first bytes of its body */
	const char *peer;    /* "192.0.2.1:443"; NULL or "": not known */
	const char *detail;  /* what the library says; NULL or "": nothing */
	int os_error;        /* errno; 0: not known */
	int64_t limit_ms;
};

/* settings may be NULL: nothing is masked then. */
void cause_print(
	const struct cause *cause, const struct target_settings *settings, char out[CAUSE_SIZE]);

#endif
