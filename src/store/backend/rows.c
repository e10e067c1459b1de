/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include "repostal/digest.h"
#include "repostal/memory.h"

const struct slice store_content_type_usual = { .data = "application/json", .size = 16 };

void store_count_new(struct store *store, const struct store_event *event,
	const struct store_new_delivery *delivery, int64_t sign)
{
	store_counters_add(&store->counters, delivery->target,
		(struct store_target_counts){ .open = delivery->is_refused ? 0 : sign,
			.dead = delivery->is_refused ? sign : 0 });
	store_counters_add_source(&store->counters, event->source, delivery->is_refused ? 0 : sign);
}

uint32_t store_change_states(const struct store_change *change)
{
	const uint32_t any = (UINT32_C(1) << DELIVERY_STATE_COUNT) - 1;
	uint32_t states = change->filter.states == 0 ? any : change->filter.states;

	switch (change->kind) {
	case STORE_CHANGE_RETRY:
		return states & ~(UINT32_C(1) << DELIVERY_LEASED);
	case STORE_CHANGE_DISCARD:
		return states & (UINT32_C(1) << DELIVERY_WAITING | UINT32_C(1) << DELIVERY_DEAD);
	}
	return states; /* not reached: -Wswitch guards the cases */
}

void store_change_touch(struct store_change *change, uint16_t target)
{
	if (target < STORE_TARGETS_MAX)
		change->touched_targets[target / 64] |= UINT64_C(1) << (target % 64);
}

/* Senders choose the bytes: with a weaker hash each body could be made to collide with all before it. */
int64_t store_hash_body(uint16_t source, struct slice raw)
{
	const uint8_t number[] = { (uint8_t)(source >> 8), (uint8_t)source };
	const struct slice parts[] = { slice_of((const char *)number, sizeof(number)), raw };
	uint8_t digest[DIGEST_SHA256_SIZE];
	uint64_t hash = 0;

	digest_sha256(parts, ARRAY_COUNT(parts), digest);
	for (size_t i = 0; i < sizeof(hash); i++)
		hash = hash << 8 | digest[i];
	return (int64_t)(hash >> 1);
}
