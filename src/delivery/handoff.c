/* SPDX-License-Identifier: MIT */
#include "handoff.h"

enum {
	MEMORY_BUDGET_SIZE = 16 * 1024 * 1024 /* of outgoing in memory, over all targets */
};

static bool is_accepted(struct target *target, uint8_t type)
{
	unsigned types = atomic_load_explicit(&target->accepting, memory_order_relaxed);

	return (types & 1U << lane_number(type)) != 0;
}

bool dispatcher_reserve(struct dispatcher *dispatcher, uint16_t number, uint8_t type)
{
	struct target *target = target_table_find(&dispatcher->table, number);

	if (target == NULL || !is_accepted(target, type) ||
		atomic_load_explicit(&dispatcher->memory_size, memory_order_relaxed) >
			MEMORY_BUDGET_SIZE)
		return false;
	if (atomic_fetch_sub(&target->slots_free, 1) > 0)
		return true;
	atomic_fetch_add(&target->slots_free, 1);
	return false;
}

void dispatcher_release(struct dispatcher *dispatcher, uint16_t number)
{
	atomic_fetch_add(&target_table_find(&dispatcher->table, number)->slots_free, 1);
}

void handoff_address(struct dispatcher *dispatcher, struct outgoing *outgoing, size_t index,
	struct target *target, uint8_t type)
{
	target_address(target, &outgoing->deliveries[index], type);
	if (outgoing->budget != NULL)
		return;
	outgoing->budget = &dispatcher->memory_size;
	atomic_fetch_add(outgoing->budget, (int64_t)outgoing->memory_size);
}

void dispatcher_address(struct dispatcher *dispatcher, struct outgoing *outgoing, size_t index,
	uint16_t number, uint8_t type)
{
	handoff_address(
		dispatcher, outgoing, index, target_table_find(&dispatcher->table, number), type);
}

void dispatcher_note_refused(struct dispatcher *dispatcher, uint16_t number, int64_t event)
{
	struct target *target = target_table_find(&dispatcher->table, number);

	if (target == NULL)
		return;
	counter_add(&target->metrics.outcomes[OUTCOME_DEAD], 1);
	log_limited(&target->lines.backlog_full, LOG_INT("event_id", event),
		LOG_STR("advice", "its deliveries beyond max_backlog are dead: retry them when the "
				  "receiver is back"));
}

void dispatcher_wake(struct dispatcher *dispatcher, uint16_t number, uint8_t type)
{
	struct target *target = target_table_find(&dispatcher->table, number);

	if (target != NULL)
		target_post_wake(target, 1U << lane_number(type));
}

void dispatcher_wake_all(struct dispatcher *dispatcher, uint16_t number)
{
	struct target *target = target_table_find(&dispatcher->table, number);

	if (target != NULL)
		target_post_wake(target, TARGET_TYPES_ALL);
}

/* Through the threads that make envelopes to the delivery thread. */

void dispatcher_offer(struct dispatcher *dispatcher, struct outgoing *outgoing_taken)
{
	mailbox_chain_add(&dispatcher->offered, &outgoing_taken->item);
	atomic_fetch_add(&dispatcher->unfinished, 1);
}

void dispatcher_flush(struct dispatcher *dispatcher)
{
	/* Nothing is offered before the dispatcher runs. */
	if (dispatcher->offered.first != NULL)
		envelope_pool_post_chain(dispatcher->envelopes, &dispatcher->offered);
}

void handoff_make(struct dispatcher *dispatcher, struct outgoing *outgoing)
{
	atomic_fetch_add(&dispatcher->unfinished, 1);
	envelope_pool_post(dispatcher->envelopes, outgoing);
}

enum status handoff_set_envelopes(struct dispatcher *dispatcher,
	const struct dispatcher_settings *settings, struct error *err)
{
	struct envelope_pool *pool = dispatcher->envelopes;
	enum status status;

	if (pool != NULL)
		return envelope_pool_set(pool, settings, err);
	status = envelope_pool_start(settings, &dispatcher->shared.inbox, &pool, err);
	dispatcher->envelopes = pool;
	return status;
}
