/* SPDX-License-Identifier: MIT */
/*
 * target_test.h - the delivery thread's side of repostal/target_test.h
 *
 * Threads    The delivery thread.
 */
#ifndef REPOSTAL_DELIVERY_TARGET_TEST_H
#define REPOSTAL_DELIVERY_TARGET_TEST_H

#include "dispatcher_parts.h"
#include "repostal/target_test.h"

/* item: INBOX_TEST. Once the dispatcher stops, those that ask are told so. */
void target_test_start(struct dispatcher *dispatcher, struct mailbox_item *item);
/* False: the request is none of a test. */
bool target_test_end(
	struct dispatcher *dispatcher, void *request, const struct client_result *result);
/* None is posted any more; what was before is still in the inbox. */
void target_test_close(struct dispatcher *dispatcher);

#endif
