/* SPDX-License-Identifier: MIT */
/*
 * receiver.h - a trial receiver of Postal webhooks: takes, checks, counts, prints and answers
 *
 * Promise    Every POST is counted, whatever its path and body, and answered as planned.
 * Threads    These functions on one thread; the requests on the loops of its server.
 * Ownership  Settings are borrowed.
 */
#ifndef REPOSTAL_TRIAL_RECEIVER_H
#define REPOSTAL_TRIAL_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "answer_plan.h"
#include "receiver_keys.h"
#include "repostal/http.h"

struct receiver_settings {
	struct answer_plan plan;
	int64_t delay_ms;           /* of the answer */
	struct receiver_keys *keys; /* NULL: signatures are not checked */
	bool quiet;                 /* do not print each webhook */
};

struct receiver;

struct receiver *receiver_new(const struct receiver_settings *settings);
/* Serves, after printing "listening on URL". */
enum status receiver_start(
	struct receiver *receiver, const struct http_settings *http, struct error *err);
/* Answers what waits, at once, and ends. */
void receiver_stop(struct receiver *receiver);
void receiver_free(struct receiver **receiverp);

/* Prints a line of totals, and the rate since the last call, if something arrived since then. */
void receiver_print_progress(struct receiver *receiver);
/* Prints the line of totals and the rate from the first to the last request. */
void receiver_print_totals(struct receiver *receiver);
bool receiver_saw_bad_signature(const struct receiver *receiver);

#endif
