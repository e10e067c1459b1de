/* SPDX-License-Identifier: MIT */
/*
 * stranded.h - deliveries that wait for a target which nothing is sent to
 *
 * Promise    A warning for each target that is no longer configured, or disabled, and still has
 *            deliveries waiting: names it and how many. The number of lines is bounded.
 * Threads    Any: it reads counters.
 */
#ifndef REPOSTAL_STRANDED_H
#define REPOSTAL_STRANDED_H

#include "repostal/admin.h"
#include "repostal/config.h"
#include "repostal/store_thread.h"

/* Returns how many deliveries wait so. */
int64_t stranded_warn(const struct config *config, const struct admin_names *names,
	const struct store_metrics *store);

#endif
