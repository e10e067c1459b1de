/* SPDX-License-Identifier: MIT */
/*
 * confirm.h - how many are meant, before they are changed
 *
 * Promise    On a terminal a change is announced with its number, and asked about unless that was
 *            answered in advance. Without a terminal, what cannot be undone is refused, and the rest
 *            is done.
 * Threads    The main thread.
 */
#ifndef REPOSTAL_CLI_CONFIRM_H
#define REPOSTAL_CLI_CONFIRM_H

#include <stdbool.h>
#include <stdint.h>

struct confirm_verb {
	const char *name;     /* "discard" */
	const char *question; /* "Discard" */
	const char *doing;    /* "discarding" */
	const char *done;     /* "discarded" */
	bool cannot_be_undone;
};
extern const struct confirm_verb confirm_retry;
extern const struct confirm_verb confirm_replay;
extern const struct confirm_verb confirm_discard;

struct confirm {
	const char *command;
	const struct confirm_verb *verb;
	const char *one;    /* "delivery" */
	const char *many;   /* "deliveries" */
	const char *which;  /* " with state dead", or "" */
	const char *manner; /* " under new uuids", or NULL */
	bool yes;
	bool dry_run;
	bool json;
};

/* The number matters: it is shown, or decides whether there is a question. */
bool confirm_needs_count(const struct confirm *confirm);
/*
 * is_exact: else the number is about right. Returns EXIT_OK, or the exit code after the message; with
 * EXIT_OK, *act_out says whether there is something to do.
 */
int confirm_ask(const struct confirm *confirm, int64_t count, bool is_exact, bool *act_out);

#endif
