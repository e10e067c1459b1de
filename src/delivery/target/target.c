/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <stddef.h>

#include "repostal/clock.h"
#include "repostal/memory.h"

struct target *target_new(struct target_shared *shared, const struct target_settings *settings,
	uint16_t number, int slots)
{
	struct target *target = memory_zalloc(sizeof(*target));

	target->shared = shared;
	target->settings = *settings;
	target->is_configured = true;
	target->number = number;
	atomic_store(&target->slots_free, slots);
	atomic_store(&target->accepting, TARGET_TYPES_ALL);
	for (size_t type = 0; type < STORE_TYPES; type++)
		lane_init(&target->lanes[type]);
	delivery_queue_init(&target->in_flight);
	breaker_init(&target->breaker);
	rate_init(&target->rate, settings->rate_per_second, clock_monotonic_us());
	histogram_init(&target->metrics.attempt_seconds, &histogram_seconds);
	gauge_set(&target->metrics.since_ms, clock_unix_ms());
	pthread_mutex_init(&target->error_mutex, NULL);
	target_lines_open(&target->lines, settings->name);
	return target;
}

static void drop_queue(struct delivery_queue *queue)
{
	while (queue->first != NULL) {
		struct delivery *delivery = queue->first;

		delivery_queue_remove(queue, delivery);
		outgoing_release(delivery->outgoing, 1);
	}
}

void target_free(struct target **targetp)
{
	struct target *target = *targetp;

	if (target == NULL)
		return;
	*targetp = NULL;
	for (size_t type = 0; type < STORE_TYPES; type++) {
		drop_queue(&target->lanes[type].first_attempts);
		drop_queue(&target->lanes[type].retries);
	}
	outbound_target_close(&target->client);
	target_lines_close(&target->lines);
	free(target->unconfigured_name);
	pthread_mutex_destroy(&target->error_mutex);
	free(target);
}

/* Wakes. */

void target_wake(struct target *target, unsigned types)
{
	for (size_t type = 0; type < STORE_TYPES; type++)
		if ((types & 1U << type) != 0)
			target->lanes[type].disk_due_ms = 0;
	run_queue_add(&target->shared->run_queue, &target->run);
}

void target_post_wake(struct target *target, unsigned types)
{
	atomic_fetch_or(&target->wake_types, types);
	if (!atomic_exchange(&target->is_wake_posted, true))
		inbox_post(&target->shared->inbox, INBOX_WAKE, &target->wake_item);
}

void target_take_wake(struct mailbox_item *item)
{
	struct target *target = MAILBOX_ENTRY(item, struct target, wake_item);

	atomic_store(&target->is_wake_posted, false);
	target_wake(target, atomic_exchange(&target->wake_types, 0));
}

/* Pauses. */

static void close_breakers(struct target *target)
{
	breaker_init(&target->breaker);
	for (size_t type = 0; type < STORE_TYPES; type++)
		breaker_init(&target->lanes[type].breaker);
}

void target_set_paused(struct target *target, bool paused)
{
	target->is_paused = paused;
	target->is_paused_by_receiver = false;
	if (!paused) {
		target->backoff_until_ms = 0;
		close_breakers(target);
	}
	target_wake(target, TARGET_TYPES_ALL);
}

struct pause_order {
	struct mailbox_item item;
	struct target *target;
	bool paused;
};

void target_post_pause(struct target *target, bool paused)
{
	struct pause_order *order = memory_zalloc(sizeof(*order));

	order->target = target;
	order->paused = paused;
	inbox_post(&target->shared->inbox, INBOX_PAUSE, &order->item);
}

void target_take_pause(struct mailbox_item *item)
{
	struct pause_order *order = MAILBOX_ENTRY(item, struct pause_order, item);

	target_set_paused(order->target, order->paused);
	free(order);
}

struct pause_request {
	struct store_pause_request store;
	struct target *target;
};

static void on_pause_stored(struct store_request *request, enum status status, void *context)
{
	struct pause_request *pause = (struct pause_request *)request;

	(void)context;
	if (status != STATUS_OK)
		log_limited(&pause->target->lines.pause_not_stored,
			LOG_STR("paused", pause->store.paused ? "yes" : "no"));
	free(pause);
}

/* So that it is so after a restart, and in other processes that share the store. */
static void store_pause_state(struct target *target)
{
	struct pause_request *pause = memory_zalloc(sizeof(*pause));

	pause->target = target;
	pause->store.request.kind = STORE_REQUEST_PAUSE;
	pause->store.request.done = on_pause_stored;
	pause->store.target = target->number;
	pause->store.paused = target->is_paused;
	pause->store.reason = target->is_paused ? TARGET_GONE_REASON : NULL;
	outbox_add(&target->shared->outbox, &pause->store.request);
}

void target_pause_by_receiver(struct target *target)
{
	target->is_paused = true;
	target->is_paused_by_receiver = true;
	store_pause_state(target);
}

/* Configurations. */

struct outbound_target *target_reconfigure(struct target *target,
	const struct target_settings *settings, struct outbound_target *client_taken)
{
	bool is_changed =
		!target->is_configured || target->settings.fingerprint != settings->fingerprint;
	struct outbound_target *old = target->client;

	target->settings = *settings;
	free(target->unconfigured_name);
	target->unconfigured_name = NULL;
	target->is_configured = true;
	target_wake(target, TARGET_TYPES_ALL);
	if (!is_changed)
		return client_taken; /* the old one keeps its connections */
	target->client = client_taken;
	outbound_target_rebind(target->client, &target->settings);
	rate_init(&target->rate, settings->rate_per_second, clock_monotonic_us());
	target->backoff_until_ms = 0;
	target->has_delivered = false;
	target->is_key_hinted = false;
	close_breakers(target);
	if (target->is_paused && target->is_paused_by_receiver) {
		target_set_paused(target, false);
		store_pause_state(target);
	}
	return old;
}

void target_unconfigure(struct target *target, bool is_disabled)
{
	struct target_settings *settings = &target->settings;

	/* Also one that was unconfigured or disabled before: its state may have another name now. */
	target->is_disabled = is_disabled;
	run_queue_add(&target->shared->run_queue, &target->run);
	if (!target->is_configured)
		return;
	target->is_configured = false;
	target->unconfigured_name = memory_copy_text(settings->name);
	settings->name = target->unconfigured_name;
}

/* Deliveries. */

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
		target_post_wake(target, TARGET_TYPES_ALL);
	} else {
		atomic_fetch_add(&target->slots_free, 1);
	}
	free(delivery->answer);
	outgoing_release(delivery->outgoing, 1);
}

void target_address(struct target *target, struct delivery *delivery, uint8_t type)
{
	delivery->target = target;
	delivery->type = lane_number(type);
	delivery->attempts = 1;
	delivery->verdict.request.kind = STORE_REQUEST_VERDICT;
	delivery->verdict.request.done = on_verdict_stored;
}

struct lane *target_lane_of(struct target *target, const struct delivery *delivery)
{
	return &target->lanes[delivery->type];
}

void target_enqueue(struct target *target, struct delivery *delivery)
{
	lane_add(target_lane_of(target, delivery), delivery);
	run_queue_add(&target->shared->run_queue, &target->run);
}

void target_note_due(struct target *target, const struct delivery *delivery, int64_t due_ms)
{
	struct lane *lane = target_lane_of(target, delivery);

	if (due_ms < lane->disk_due_ms)
		lane->disk_due_ms = due_ms;
}

int target_ready_count(const struct target *target)
{
	int count = 0;

	for (size_t type = 0; type < STORE_TYPES; type++)
		count += lane_ready_count(&target->lanes[type]);
	return count;
}
