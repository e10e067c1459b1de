/* SPDX-License-Identifier: MIT */
#include "ready.h"

#include "attempt/verdict.h"

static void give_up(struct delivery *delivery)
{
	struct target *target = delivery->target;

	if (delivery->claimed)
		target_lane_of(target, delivery)->claimed_ready--;
	verdict_give_up(
		target, delivery, TRANSPORT_OTHER, "untranslatable", delivery->outgoing->problem);
}

void ready_take(struct dispatcher *dispatcher, struct mailbox_item *item)
{
	struct outgoing *outgoing = MAILBOX_ENTRY(item, struct outgoing, item);

	atomic_fetch_sub(&dispatcher->unfinished, 1);
	for (size_t i = 0; i < outgoing->deliveries_count; i++) {
		struct delivery *delivery = &outgoing->deliveries[i];

		if (outgoing->problem == NULL)
			target_enqueue(delivery->target, delivery);
		else
			give_up(delivery);
	}
}
