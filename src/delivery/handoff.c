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

/* Through the signing threads, where there are any, to the delivery thread. */

void dispatcher_offer(struct dispatcher *dispatcher, struct outgoing *outgoing_taken)
{
	outgoing_taken->item.kind = INBOX_READY;
	mailbox_chain_add(&dispatcher->offered, &outgoing_taken->item);
	atomic_fetch_add(&dispatcher->signing, 1);
}

void dispatcher_flush(struct dispatcher *dispatcher)
{
	struct sign_pool *pool = dispatcher->sign_pool;

	if (pool != NULL)
		sign_pool_post_chain(pool, &dispatcher->offered);
	else
		mailbox_post_chain(&dispatcher->shared.inbox, &dispatcher->offered);
}

static void on_signed(void *context, struct outgoing *outgoing)
{
	struct dispatcher *dispatcher = context;

	inbox_post(&dispatcher->shared.inbox, INBOX_READY, &outgoing->item);
}

static void enqueue(struct outgoing *outgoing)
{
	size_t count = outgoing->deliveries_count;

	for (size_t i = 0; i < count; i++)
		target_enqueue(outgoing->deliveries[i].target, &outgoing->deliveries[i]);
}

void handoff_sign(struct dispatcher *dispatcher, struct outgoing *outgoing)
{
	struct sign_pool *pool = dispatcher->sign_pool;

	if (pool == NULL) {
		enqueue(outgoing);
		return;
	}
	atomic_fetch_add(&dispatcher->signing, 1);
	sign_pool_post(pool, outgoing);
}

void handoff_take_ready(struct dispatcher *dispatcher, struct mailbox_item *item)
{
	atomic_fetch_sub(&dispatcher->signing, 1);
	enqueue(MAILBOX_ENTRY(item, struct outgoing, item));
}

enum status handoff_start_signing(
	struct dispatcher *dispatcher, const struct signer *signer, int threads, struct error *err)
{
	struct sign_pool *pool = dispatcher->sign_pool;
	enum status status;

	if (pool != NULL) {
		sign_pool_set_signer(pool, signer);
		return STATUS_OK;
	}
	if (!signer_is_on(signer))
		return STATUS_OK;
	status = sign_pool_start(signer, threads, on_signed, dispatcher, &pool, err);
	dispatcher->sign_pool = pool;
	return status;
}
