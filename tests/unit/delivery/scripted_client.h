/* SPDX-License-Identifier: MIT */
/*
 * scripted_client.h - client/client.h without libcurl and without sockets: a table says what receivers answer
 *
 * Promise    Linked in place of client.c. An attempt ends when its time has passed by the fake clock, with the
 *            next answer of its script; the last one is repeated. Each attempt is written down.
 * Threads    One, except client_target_open() and client_wake().
 */
#ifndef REPOSTAL_TESTS_SCRIPTED_CLIENT_H
#define REPOSTAL_TESTS_SCRIPTED_CLIENT_H

#include "client/client.h"
#include "repostal/uuid.h"

enum {
	SCRIPT_ANY_TYPE = -1,
	SCRIPT_ANSWERS_MAX = 8,
};

struct script_answer {
	int status; /* 0: none, and transport says why */
	enum transport transport;
	int64_t retry_after_ms; /* 0: the receiver does not say */
	int64_t takes_ms;
	bool is_unsent;
};

struct scripted_attempt {
	const char *target; /* its name */
	int64_t event;
	int number; /* of this delivery's attempts, from one */
	int type;
	int64_t at_ms; /* by fake_clock_ms() */
	char uuid[UUID_TEXT_SIZE];
	const struct client_target *client;
};

/* Forgets scripts and attempts: everything is answered with 200 at once. */
void scripted_client_reset(void);
/* What this target answers from now on to events of this type; a script of a type goes before one of any. */
void scripted_client_answer(
	const char *target, int type, const struct script_answer *answers, size_t count);
/* Called when an attempt starts, and whenever the client waits. */
void scripted_client_watch(
	void (*on_start)(const struct scripted_attempt *attempt), void (*on_poll)(void));

size_t scripted_client_attempts_count(void);
const struct scripted_attempt *scripted_client_attempt(size_t index);
/* To this target; NULL: to any. */
int scripted_client_in_flight(const char *target);
/* Targets that are open. */
int scripted_client_targets_count(void);

#endif
