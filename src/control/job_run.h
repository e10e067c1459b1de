/* SPDX-License-Identifier: MIT */
/*
 * job_run.h - a change of many deliveries, portion by portion
 *
 * Promise    No transaction holds more than a few hundred changes, and on average no more are made in
 *            a second than the rate says. Deliveries of events that arrive later are left alone.
 * Threads    The job's own; on_progress and wait are called there.
 * Errors     What the store says; what was changed before stays changed.
 */
#ifndef REPOSTAL_CONTROL_JOB_RUN_H
#define REPOSTAL_CONTROL_JOB_RUN_H

#include "control_private.h"

struct job_progress {
	int64_t matched; /* negative: nobody counted */
	int64_t changed;
	int64_t scanned;
};

struct job_run {
	const struct control *control;
	enum store_change_kind kind;
	bool as_new; /* a retry under new uuids */
	const struct filter *filter;
	double rate_per_second; /* 0: no limit */
	/* False: stop. */
	bool (*on_progress)(void *context, const struct job_progress *progress);
	bool (*wait)(void *context, int64_t ms);
	void *context;
};

enum status job_run(const struct job_run *run, struct error *err);

#endif
