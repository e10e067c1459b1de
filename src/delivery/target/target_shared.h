/* SPDX-License-Identifier: MIT */
/*
 * target_shared.h - what all targets share
 *
 * Promise    A target reaches the rest of delivery through this and nothing else.
 * Threads    The delivery thread, but for posting to the inbox.
 * Ownership  The dispatcher's; it outlives its targets.
 */
#ifndef REPOSTAL_DELIVERY_TARGET_SHARED_H
#define REPOSTAL_DELIVERY_TARGET_SHARED_H

#include "queue/inbox.h"
#include "queue/outbox.h"
#include "queue/places.h"
#include "queue/run_queue.h"
#include "repostal/log.h"
#include "repostal/metric.h"
#include "repostal/signer.h"

struct target_shared {
	struct mailbox inbox;
	struct outbox outbox;
	struct run_queue run_queue;
	struct places places; /* of attempts in flight */
	int ready_share;      /* attempts that each target may keep ready */
	int claims_out;       /* that the store has not answered yet */
	struct log_limit descriptors_short;
	struct histogram *event_latency_seconds;
	/* what receivers check signatures by */
	const struct signer *signer;
	const char *jwks_url; /* NULL: not known */
};

#endif
