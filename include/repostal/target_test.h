/* SPDX-License-Identifier: MIT */
/*
 * target_test.h - one sample envelope to a target, because an operator asks
 *
 * Promise    The same client, headers and signature as for an event, also to a target that is paused or
 *            failing; but no delivery, no verdict, no breaker and no count. A test that was posted before the
 *            dispatcher stops comes to an end.
 * Threads    Any that may wait for as long as the target's timeout.
 */
#ifndef REPOSTAL_TARGET_TEST_H
#define REPOSTAL_TARGET_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/cause.h"
#include "repostal/dispatcher_settings.h"
#include "repostal/error.h"
#include "repostal/outcome.h"
#include "repostal/store.h"
#include "repostal/uuid.h"

struct dispatcher;

/* What a target answered to a sample envelope. */
struct target_test {
	const char *event; /* its type; static */
	char uuid[UUID_TEXT_SIZE];
	bool is_signed;
	enum attempt_result result;
	int http_status; /* 0: no answer */
	int64_t duration_us;
	char cause[CAUSE_SIZE]; /* "": a 2xx */
	size_t answer_size;
	char answer[STORE_ANSWER_SIZE_MAX]; /* its first bytes */
};

/*
 * Waits for the answer. settings: a configuration that the caller holds. STATUS_NOT_FOUND: it does not have the
 * target, or disables it; STATUS_BUSY: the gateway is stopping.
 */
enum status target_test_run(struct dispatcher *dispatcher,
	const struct dispatcher_settings *settings, uint16_t target, struct target_test *test_out,
	struct error *err);

#endif
