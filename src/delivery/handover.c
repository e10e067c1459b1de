/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <string.h>

#include "dispatcher_private.h"
#include "repostal/clock.h"
#include "repostal/event_row.h"
#include "repostal/log.h"
#include "repostal/memory.h"

enum {
	MEMORY_BUDGET_SIZE = 16 * 1024 * 1024 /* of outgoing in memory, over all targets */
};

/* Hand-over from other threads. */

static uint8_t lane_number(uint8_t type)
{
	return type < STORE_TYPES ? type : STORE_TYPES - 1;
}

static bool is_accepted(struct target *target, uint8_t type)
{
	unsigned types = atomic_load_explicit(&target->accepting, memory_order_relaxed);

	return (types & 1U << lane_number(type)) != 0;
}

bool dispatcher_reserve(struct dispatcher *dispatcher, uint16_t number, uint8_t type)
{
	struct target *target = dispatcher->by_number[number];

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
	atomic_fetch_add(&dispatcher->by_number[number]->slots_free, 1);
}

static void look(struct target *target, unsigned types)
{
	atomic_fetch_or(&target->look_types, types);
	if (!atomic_exchange(&target->look_posted, true))
		mailbox_post(&target->dispatcher->looks, &target->look_item);
}

static void on_verdict_stored(struct store_request *request, enum status status, void *context)
{
	struct store_verdict_request *verdict = (struct store_verdict_request *)request;
	struct delivery *delivery =
		(struct delivery *)((char *)verdict - offsetof(struct delivery, verdict));
	struct target *target = delivery->target;

	(void)status;
	(void)context;
	if (delivery->claimed) {
		atomic_fetch_sub(&target->claimed_held, 1);
		/* It may have been what a later event of its message was waiting for. */
		look(target, TARGET_TYPES_ALL);
	} else {
		atomic_fetch_add(&target->slots_free, 1);
	}
	free(delivery->answer);
	outgoing_release(delivery->outgoing, 1);
}

static void address_delivery(struct dispatcher *dispatcher, struct outgoing *outgoing, size_t index,
	struct target *target, uint8_t type)
{
	struct delivery *delivery = &outgoing->deliveries[index];

	delivery->target = target;
	delivery->type = lane_number(type);
	delivery->attempts = 1;
	delivery->verdict.request.kind = STORE_REQUEST_VERDICT;
	delivery->verdict.request.done = on_verdict_stored;
	if (outgoing->budget == NULL) {
		outgoing->budget = &dispatcher->memory_size;
		atomic_fetch_add(outgoing->budget, (int64_t)outgoing->memory_size);
	}
}

void dispatcher_address(struct dispatcher *dispatcher, struct outgoing *outgoing, size_t index,
	uint16_t number, uint8_t type)
{
	address_delivery(dispatcher, outgoing, index, dispatcher->by_number[number], type);
}

void dispatcher_note_refused(struct dispatcher *dispatcher, uint16_t number, int64_t event)
{
	struct target *target = dispatcher->by_number[number];

	if (target == NULL)
		return;
	counter_add(&target->metrics.outcomes[OUTCOME_DEAD], 1);
	log_limited(&target->lines.backlog_full, LOG_INT("event_id", event),
		LOG_STR("advice", "its deliveries beyond max_backlog are dead: retry them when the "
				  "receiver is back"));
}

void dispatcher_offer(struct dispatcher *dispatcher, struct outgoing *outgoing_taken)
{
	mailbox_chain_add(&dispatcher->offered, &outgoing_taken->item);
	atomic_fetch_add(&dispatcher->signing, 1);
}

void dispatcher_flush(struct dispatcher *dispatcher)
{
	struct sign_pool *pool = dispatcher->sign_pool;

	if (pool != NULL)
		sign_pool_post_chain(pool, &dispatcher->offered);
	else
		mailbox_post_chain(&dispatcher->ready, &dispatcher->offered);
}

void dispatcher_look(struct dispatcher *dispatcher, uint16_t number, uint8_t type)
{
	struct target *target = dispatcher->by_number[number];

	if (target != NULL)
		look(target, 1U << lane_number(type));
}

void dispatcher_look_all(struct dispatcher *dispatcher, uint16_t number)
{
	struct target *target = dispatcher->by_number[number];

	if (target != NULL)
		look(target, TARGET_TYPES_ALL);
}

void dispatcher_on_signed(void *context, struct outgoing *outgoing)
{
	struct dispatcher *dispatcher = context;

	mailbox_post(&dispatcher->ready, &outgoing->item);
}

static void on_claim_done(struct store_request *request, enum status status, void *context)
{
	struct target *target = (struct target *)((char *)request - offsetof(struct target, claim));

	(void)status;
	(void)context;
	mailbox_post(&target->dispatcher->claims, &request->item);
}

struct posted_pause {
	struct store_pause_request store;
	struct target *target;
};

static void on_pause_stored(struct store_request *request, enum status status, void *context)
{
	struct posted_pause *pause = (struct posted_pause *)request;

	(void)context;
	if (status != STATUS_OK)
		log_limited(&pause->target->lines.pause_not_stored,
			LOG_STR("paused", pause->store.paused ? "yes" : "no"));
	free(pause);
}

/* What targets ask for. */

void dispatcher_post_pause(struct dispatcher *dispatcher, struct target *target)
{
	struct posted_pause *pause = memory_zalloc(sizeof(*pause));

	pause->target = target;
	pause->store.request.kind = STORE_REQUEST_PAUSE;
	pause->store.request.done = on_pause_stored;
	pause->store.target = target->number;
	pause->store.paused = target->paused;
	pause->store.reason = target->paused ? DISPATCHER_GONE_REASON : NULL;
	mailbox_chain_add(&dispatcher->verdicts, &pause->store.request.item);
}

void dispatcher_attend(struct dispatcher *dispatcher, struct target *target)
{
	if (target->in_attention)
		return;
	target->in_attention = true;
	target->next_in_attention = dispatcher->attention;
	dispatcher->attention = target;
}

void dispatcher_post_verdict(struct dispatcher *dispatcher, struct delivery *delivery)
{
	mailbox_chain_add(&dispatcher->verdicts, &delivery->verdict.request.item);
}

void dispatcher_post_claim(struct dispatcher *dispatcher, struct target *target)
{
	target->claim.request.kind = STORE_REQUEST_CLAIM;
	target->claim.request.done = on_claim_done;
	dispatcher->claims_out++;
	/* In one chain with the verdicts: a retry that is due now was perhaps decided just now. */
	mailbox_chain_add(&dispatcher->verdicts, &target->claim.request.item);
}

void dispatcher_note_latency(struct dispatcher *dispatcher, const struct delivery *delivery)
{
	histogram_observe(&dispatcher->metrics.event_latency_seconds,
		(double)(clock_unix_us() - delivery->outgoing->received_us) / 1e6);
}

int64_t dispatcher_lease_until_ms(struct dispatcher *dispatcher)
{
	return gauge_read(&store_thread_metrics(dispatcher->store)->lease_until_ms);
}

/* What arrives on the delivery thread. */

void dispatcher_take_ready(struct dispatcher *dispatcher)
{
	struct mailbox_chain chain = mailbox_take(&dispatcher->ready);
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct outgoing *outgoing = MAILBOX_ENTRY(item, struct outgoing, item);
		size_t count = outgoing->deliveries_count;

		atomic_fetch_sub(&dispatcher->signing, 1);
		for (size_t i = 0; i < count; i++)
			target_enqueue(outgoing->deliveries[i].target, &outgoing->deliveries[i]);
	}
}

void dispatcher_take_looks(struct dispatcher *dispatcher)
{
	struct mailbox_chain chain = mailbox_take(&dispatcher->looks);
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct target *target = MAILBOX_ENTRY(item, struct target, look_item);

		atomic_store(&target->look_posted, false);
		target_look(target, atomic_exchange(&target->look_types, 0));
	}
}

/*
 * The raw bytes once more through the same steps as at intake: the same envelope comes out, but for the uuid
 * of one that is sent as new.
 */
static struct outgoing *translate_claimed(struct dispatcher *dispatcher,
	const struct target *target, const struct store_claimed *claimed, struct error *err)
{
	static const struct known_message known;
	struct event_record record = event_record_of_claimed(claimed);
	struct outgoing *outgoing = NULL;
	struct parsed_event parsed;

	if (event_parse(&record, &parsed) != BIZMAIL_PROBLEM_NONE) {
		error_set(err, "cannot be translated any more: %s",
			bizmail_problem_name(parsed.problem));
	} else if (record.source_name.size == 0) {
		error_set(err, "cannot be translated: source number %d is not known",
			claimed->source);
	} else {
		parsed_event_send_as_new(
			&parsed, slice_text(target->settings.name), claimed->as_new);
		outgoing = outgoing_translate(&dispatcher->settings.rules, &parsed, &known, 1, err);
	}
	parsed_event_release(&parsed);
	return outgoing;
}

static void on_claimed(
	struct dispatcher *dispatcher, struct target *target, const struct store_claimed *claimed)
{
	struct error err = { .text = "" };
	struct outgoing *outgoing = translate_claimed(dispatcher, target, claimed, &err);
	bool is_translated = outgoing != NULL;
	struct delivery *delivery;

	if (!is_translated)
		outgoing = outgoing_new(SLICE_LITERAL(""), claimed->received_us, 1);
	outgoing->event = claimed->event;
	outgoing->lease = claimed->lease;
	outgoing->source = claimed->source;
	address_delivery(dispatcher, outgoing, 0, target, claimed->type);
	delivery = &outgoing->deliveries[0];
	delivery->attempts = claimed->attempts;
	delivery->is_replay = claimed->is_replay || claimed->as_new > 0;
	delivery->claimed = true;
	atomic_fetch_add(&target->claimed_held, 1);
	if (!is_translated) {
		target_give_up(target, delivery, TRANSPORT_OTHER, "untranslatable", err.text);
		return;
	}
	target->lanes[delivery->type].claimed_ready++;
	if (dispatcher->sign_pool == NULL) {
		target_enqueue(target, delivery);
		return;
	}
	atomic_fetch_add(&dispatcher->signing, 1);
	sign_pool_post(dispatcher->sign_pool, outgoing);
}

void dispatcher_take_claims(struct dispatcher *dispatcher, int64_t now_ms)
{
	struct mailbox_chain chain = mailbox_take(&dispatcher->claims);
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct store_request *request = MAILBOX_ENTRY(item, struct store_request, item);
		struct target *target =
			(struct target *)((char *)request - offsetof(struct target, claim));

		dispatcher->claims_out--;
		for (struct store_claimed *claimed = target->claim.claim.list; claimed != NULL;
			claimed = claimed->next)
			on_claimed(dispatcher, target, claimed);
		store_claimed_free(&target->claim.claim.list);
		target_claim_done(target, now_ms);
	}
}
