/* SPDX-License-Identifier: MIT */
#include "claimed.h"

#include "attempt/claim.h"
#include "handoff.h"

enum {
	WAITING_SIZE_MAX = ENVELOPE_SIZE_MAX /* of raw bytes that wait for a thread */
};

static void on_claimed(
	struct dispatcher *dispatcher, struct target *target, struct store_claimed *claimed_taken)
{
	const struct store_claimed *claimed = claimed_taken;
	struct outgoing *outgoing =
		outgoing_of_claimed(claimed_taken, slice_text(target->settings.name));
	struct delivery *delivery = &outgoing->deliveries[0];

	handoff_address(dispatcher, outgoing, 0, target, claimed->type);
	delivery->attempts = claimed->attempts;
	delivery->is_replay = claimed->is_replay || claimed->as_new > 0;
	delivery->claimed = true;
	atomic_fetch_add(&target->claimed_held, 1);
	target_lane_of(target, delivery)->claimed_ready++;
	if (claimed->raw.size > WAITING_SIZE_MAX)
		outgoing_make(outgoing, &dispatcher->settings.rules);
	handoff_make(dispatcher, outgoing);
}

void claimed_take(struct dispatcher *dispatcher, struct mailbox_item *item, int64_t now_ms)
{
	struct target *target = MAILBOX_ENTRY(item, struct target, claim_item);
	struct store_claim *claim = &target->claim.claim;

	while (claim->list != NULL) {
		struct store_claimed *claimed = claim->list;

		claim->list = claimed->next;
		on_claimed(dispatcher, target, claimed);
	}
	claim_done(target, now_ms);
}
