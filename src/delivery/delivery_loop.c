/* SPDX-License-Identifier: MIT */
#include "delivery_loop.h"

#include <stddef.h>

#include "attempt/attempt.h"
#include "attempt/publish.h"
#include "attempt/serve.h"
#include "claimed.h"
#include "ready.h"
#include "reload.h"
#include "repostal/clock.h"
#include "target_test.h"

enum {
	POLL_MAX_MS = 1000,
	WIND_DOWN_POLL_MS = 10,
	OLDEST_INTERVAL_MS = 1000,
};

void delivery_loop_on_result(void *context, void *request, const struct client_result *result)
{
	struct delivery *delivery = request;

	if (!target_test_end(context, request, result))
		attempt_end(delivery->target, delivery, result);
}

static void take(struct dispatcher *dispatcher, struct mailbox_item *item)
{
	switch ((enum inbox_kind)item->kind) {
	case INBOX_READY:
		ready_take(dispatcher, item);
		break;
	case INBOX_WAKE:
		target_take_wake(item);
		break;
	case INBOX_CLAIMED:
		claimed_take(dispatcher, item, clock_schedule_ms());
		break;
	case INBOX_PAUSE:
		target_take_pause(item);
		break;
	case INBOX_RELOAD:
		reload_apply(dispatcher, item);
		break;
	case INBOX_TEST:
		target_test_start(dispatcher, item);
		break;
	}
}

void delivery_loop_take_inbox(struct dispatcher *dispatcher)
{
	struct mailbox_chain chain = mailbox_take(&dispatcher->shared.inbox);
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(&chain)) != NULL)
		take(dispatcher, item);
	target_table_close_retired(&dispatcher->table);
}

static void serve(struct dispatcher *dispatcher, struct target *target, int64_t now_ms)
{
	target_serve(target, now_ms);
	target->seat.is_called = false;
	if (target->serve_at_ms < dispatcher->timer_ms)
		dispatcher->timer_ms = target->serve_at_ms;
}

/* Those that wait for a place in flight, one place each in turn. */
static void serve_waiting(struct dispatcher *dispatcher, int64_t now_ms)
{
	struct seat *seat;

	while ((seat = places_call(&dispatcher->shared.places, clock_monotonic_ms())) != NULL)
		serve(dispatcher, (struct target *)((char *)seat - offsetof(struct target, seat)),
			now_ms);
}

static void serve_queued(struct dispatcher *dispatcher, int64_t now_ms)
{
	struct run_entry *entry;

	while ((entry = run_queue_take(&dispatcher->shared.run_queue)) != NULL)
		serve(dispatcher, (struct target *)((char *)entry - offsetof(struct target, run)),
			now_ms);
	serve_waiting(dispatcher, now_ms);
}

static void run_timers(struct dispatcher *dispatcher, int64_t now_ms)
{
	const struct target_table *table = &dispatcher->table;

	if (now_ms < dispatcher->timer_ms)
		return;
	dispatcher->timer_ms = INT64_MAX;
	for (size_t i = 0; i < table->count; i++) {
		struct target *target = table->targets[i];

		if (target->serve_at_ms <= now_ms)
			run_queue_add(&dispatcher->shared.run_queue, &target->run);
		else if (target->serve_at_ms < dispatcher->timer_ms)
			dispatcher->timer_ms = target->serve_at_ms;
	}
}

static void note_alive(struct dispatcher *dispatcher)
{
	int64_t now_ms = clock_monotonic_ms();

	gauge_set(&dispatcher->metrics.heartbeat_ms, now_ms);
	if (now_ms - dispatcher->oldest_noted_ms < OLDEST_INTERVAL_MS)
		return;
	dispatcher->oldest_noted_ms = now_ms;
	for (size_t i = 0; i < dispatcher->table.count; i++)
		publish_oldest(dispatcher->table.targets[i]);
}

static int64_t poll_ms(const struct dispatcher *dispatcher, int64_t now_ms)
{
	int64_t wait_ms =
		dispatcher->timer_ms == INT64_MAX ? POLL_MAX_MS : dispatcher->timer_ms - now_ms;
	int64_t place_ms = places_wait_ms(&dispatcher->shared.places, clock_monotonic_ms());

	if (place_ms < wait_ms)
		wait_ms = place_ms;
	if (wait_ms < 0 || !run_queue_is_empty(&dispatcher->shared.run_queue))
		return 0;
	return wait_ms > POLL_MAX_MS ? POLL_MAX_MS : wait_ms;
}

int64_t delivery_loop_turn(struct dispatcher *dispatcher)
{
	int64_t now_ms = clock_schedule_ms();

	delivery_loop_take_inbox(dispatcher);
	run_timers(dispatcher, now_ms);
	serve_queued(dispatcher, now_ms);
	outbound_perform(dispatcher->outbound);
	serve_queued(dispatcher, now_ms);
	outbox_flush(&dispatcher->shared.outbox);
	note_alive(dispatcher);
	return poll_ms(dispatcher, now_ms);
}

static bool has_work_left(struct dispatcher *dispatcher)
{
	return target_table_is_in_flight(&dispatcher->table) || dispatcher->tests.first != NULL ||
	       dispatcher->shared.claims_out > 0 || atomic_load(&dispatcher->unfinished) > 0;
}

static void return_ready(struct dispatcher *dispatcher)
{
	target_table_release_ready(&dispatcher->table, clock_schedule_ms());
	outbox_flush(&dispatcher->shared.outbox);
}

/* What is in flight may finish until the deadline; everything else goes back to the disk at once. */
static void wind_down(struct dispatcher *dispatcher)
{
	int64_t stop_by_ms = atomic_load(&dispatcher->stop_by_ms);
	bool is_cut_off = false;

	while (has_work_left(dispatcher)) {
		delivery_loop_take_inbox(dispatcher);
		if (!is_cut_off && clock_monotonic_ms() >= stop_by_ms) {
			is_cut_off = true;
			target_table_cancel(&dispatcher->table);
		}
		return_ready(dispatcher);
		outbound_poll(dispatcher->outbound, WIND_DOWN_POLL_MS);
		outbound_perform(dispatcher->outbound);
	}
	return_ready(dispatcher);
}

void delivery_loop_run(struct dispatcher *dispatcher)
{
	while (atomic_load(&dispatcher->stop_by_ms) == 0)
		outbound_poll(dispatcher->outbound, delivery_loop_turn(dispatcher));
	wind_down(dispatcher);
	target_test_close(dispatcher);
	delivery_loop_take_inbox(dispatcher);
}
