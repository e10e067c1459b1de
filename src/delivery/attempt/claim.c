/* SPDX-License-Identifier: MIT */
#include "claim.h"

#include <stddef.h>

enum {
	CLAIM_COUNT_MAX = 256, /* ready deliveries from the disk, for each target */
	CLAIM_SIZE_MAX = 1024 * 1024,
	CLAIM_RETRY_MS = 1000, /* after the store refused */
	CLAIM_PAUSE_MS = 20,   /* while too many verdicts wait for the disk */
};

/*
 * What is kept ready from the disk of one type: enough to be busy while the next portion is fetched,
 * shared out among the types that have something there.
 */
static int claim_aim(const struct target *target, int allowed, int64_t now_ms)
{
	int share = target->shared->ready_share;
	int aim = allowed * 4;
	int types_count = 0;

	if (allowed > share)
		aim = share * 4;
	for (size_t type = 0; type < STORE_TYPES; type++)
		types_count += target->lanes[type].disk_due_ms <= now_ms ||
			       target->lanes[type].claimed_ready > 0;
	if (aim > CLAIM_COUNT_MAX)
		aim = CLAIM_COUNT_MAX;
	if (types_count > 1)
		aim /= types_count;
	return aim > allowed || allowed > share ? aim : allowed;
}

/* How many more of this type to ask the disk for; 0 while enough are ready, or nothing is due. */
static int claim_count(
	const struct target *target, const struct allowance *allowance, size_t type, int64_t now_ms)
{
	const struct lane *lane = &target->lanes[type];
	int aim;

	if (allowance->of_type[type] == 0 || lane->disk_due_ms > now_ms)
		return 0;
	aim = claim_aim(target, allowance->of_type[type], now_ms);
	return lane->claimed_ready > aim / 2 ? 0 : aim - lane->claimed_ready;
}

static bool may_claim(struct target *target)
{
	return !target->is_claiming && atomic_load(&target->claimed_held) <= 4 * CLAIM_COUNT_MAX;
}

static void on_claimed(struct store_request *request, enum status status, void *context)
{
	struct target *target = (struct target *)((char *)request - offsetof(struct target, claim));

	(void)status;
	(void)context;
	inbox_post(&target->shared->inbox, INBOX_CLAIMED, &target->claim_item);
}

static void post_claim(struct target *target, const struct store_claim *claim)
{
	target->is_claiming = true;
	target->shared->claims_out++;
	target->claim.claim = *claim;
	target->claim.request.kind = STORE_REQUEST_CLAIM;
	target->claim.request.done = on_claimed;
	outbox_add(&target->shared->outbox, &target->claim.request);
}

void claim_more(struct target *target, const struct allowance *allowance, int64_t now_ms)
{
	struct store_claim claim = { .target = target->number, .bytes_max = CLAIM_SIZE_MAX };
	bool wants_any = false;

	if (!may_claim(target))
		return;
	for (size_t type = 0; type < STORE_TYPES; type++) {
		claim.count_max[type] = (size_t)claim_count(target, allowance, type, now_ms);
		wants_any = wants_any || claim.count_max[type] > 0;
	}
	for (size_t type = 0; type < STORE_TYPES; type++)
		if (claim.count_max[type] > 0)
			target->lanes[type].disk_due_ms = INT64_MAX;
	if (wants_any)
		post_claim(target, &claim);
}

void claim_done(struct target *target, int64_t now_ms)
{
	const struct store_claim *claim = &target->claim.claim;
	bool has_failed = target->claim.request.status != STATUS_OK;

	target->is_claiming = false;
	target->shared->claims_out--;
	for (size_t type = 0; type < STORE_TYPES; type++) {
		struct lane *lane = &target->lanes[type];
		int64_t due_ms = has_failed ? now_ms + CLAIM_RETRY_MS : claim->next_due_ms[type];

		if (claim->count_max[type] > 0 && due_ms < lane->disk_due_ms)
			lane->disk_due_ms = due_ms;
	}
	run_queue_add(&target->shared->run_queue, &target->run);
}

int64_t claim_wakes_ms(
	const struct target *target, const struct lane *lane, int allowed, int64_t now_ms)
{
	if (target->is_claiming || lane->claimed_ready > claim_aim(target, allowed, now_ms) / 2)
		return INT64_MAX;
	return lane->disk_due_ms > now_ms ? lane->disk_due_ms : now_ms + CLAIM_PAUSE_MS;
}
