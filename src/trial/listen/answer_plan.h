/* SPDX-License-Identifier: MIT */
/*
 * answer_plan.h - which status the trial receiver answers to which request
 *
 * Promise    Pure. Over any run of requests each status gets its share to within a few requests, in
 *            an order without a period: a sender's retries do not fall into step with it.
 * Threads    Values.
 */
#ifndef REPOSTAL_TRIAL_ANSWER_PLAN_H
#define REPOSTAL_TRIAL_ANSWER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/error.h"
#include "repostal/slice.h"

enum {
	ANSWER_PLAN_SHARES_MAX = 16,
	ANSWER_STATUS_MIN = 100,
	ANSWER_STATUS_MAX = 599
};

struct answer_plan {
	struct {
		int status;
		double upto; /* this share and those before it */
	} shares[ANSWER_PLAN_SHARES_MAX];
	size_t shares_count;
	int rest_status; /* for what the shares leave */
	bool has_rest;   /* it was asked for */
};

/* Everything is answered with 200. */
void answer_plan_init(struct answer_plan *plan);
/* "CODE" for what the shares leave, or "CODE:SHARE", 0 < SHARE <= 1. STATUS_INVALID: err says why.
 */
enum status answer_plan_add(struct answer_plan *plan, struct slice text, struct error *err);
int answer_plan_pick(const struct answer_plan *plan, uint64_t request_number);

#endif
