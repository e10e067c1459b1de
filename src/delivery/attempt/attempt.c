/* SPDX-License-Identifier: MIT */
#include "attempt.h"

#include "repostal/clock.h"
#include "repostal/give_up.h"
#include "verdict.h"

enum {
	INTERRUPTED_MAX = 3, /* attempts beyond the schedule that crashes may cost */
};

/* The first of a type that may go, the types in turn. */
static struct delivery *next_in_turn(
	struct target *target, const struct allowance *allowance, bool is_retry)
{
	for (unsigned i = 0; i < STORE_TYPES; i++) {
		unsigned type = (target->turn + i) % STORE_TYPES;
		struct lane *lane = &target->lanes[type];
		struct delivery_queue *queue = is_retry ? &lane->retries : &lane->first_attempts;

		if (queue->count == 0 || lane->in_flight >= allowance->of_type[type])
			continue;
		target->turn = type + 1;
		return queue->first;
	}
	return NULL;
}

/*
 * First attempts go before retries, or a burst of failures would delay what is new; but a share of the
 * places (at least one) is open to retries, or a stream of new events would starve them.
 */
static struct delivery *next_delivery(struct target *target, const struct allowance *allowance)
{
	int retries_share = (int)(allowance->total * target->settings.retry_share);
	struct delivery *delivery = NULL;

	if (retries_share < 1)
		retries_share = 1;
	if (target->retries_in_flight < retries_share)
		delivery = next_in_turn(target, allowance, true);
	if (delivery == NULL)
		delivery = next_in_turn(target, allowance, false);
	if (delivery == NULL)
		delivery = next_in_turn(target, allowance, true);
	return delivery;
}

/* An operator who has it tried again knows how old it is. */
static bool is_too_old(const struct target *target, const struct delivery *delivery)
{
	const struct give_up_settings *give_up = &target->settings.give_up;

	return give_up->age_ms > 0 && !delivery->is_replay &&
	       give_up_on_age(give_up, delivery->outgoing->happened_ms, clock_unix_ms());
}

static bool end_without_attempt(struct target *target, struct delivery *delivery)
{
	int attempts_max = (int)target->settings.retry.delays_count + 1 + INTERRUPTED_MAX;

	if (delivery->attempts > attempts_max) {
		lane_remove(target_lane_of(target, delivery), delivery);
		verdict_give_up(
			target, delivery, TRANSPORT_OTHER, "interrupted", "interrupted too often");
		return true;
	}
	if (is_too_old(target, delivery)) {
		lane_remove(target_lane_of(target, delivery), delivery);
		verdict_give_up_old(target, delivery);
		return true;
	}
	return false;
}

static void start(struct target *target, struct delivery *delivery)
{
	struct outgoing *outgoing = delivery->outgoing;
	struct lane *lane = target_lane_of(target, delivery);

	lane_remove(lane, delivery);
	delivery_queue_add(&target->in_flight, delivery);
	lane->in_flight++;
	if (delivery->attempts > 1)
		target->retries_in_flight++;
	gauge_add(&target->metrics.in_flight, 1);
	outbound_start(target->client, outgoing->body, outgoing->signature, delivery);
}

void attempt_start_all(struct target *target, const struct allowance *allowance)
{
	struct places *places = &target->shared->places;

	while (target->in_flight.count < allowance->total) {
		struct delivery *delivery = next_delivery(target, allowance);

		if (delivery == NULL)
			return;
		if (end_without_attempt(target, delivery))
			continue;
		if (!places_take(places, &target->seat, clock_monotonic_ms()))
			return;
		if (!rate_take(&target->rate, clock_monotonic_us())) {
			places_give_back(places, &target->seat);
			return;
		}
		start(target, delivery);
	}
}

/* It was no attempt: the receiver has not seen it. */
static void return_unsent(struct target *target, struct delivery *delivery)
{
	struct target_shared *shared = target->shared;

	places_run_short(&shared->places, clock_monotonic_ms());
	log_limited(&shared->descriptors_short, LOG_INT("in_flight", shared->places.taken),
		LOG_STR("advice",
			"more file descriptors (LimitNOFILE=, ulimit -n), or fewer connections"));
	verdict_release(target, delivery, clock_schedule_ms() + PLACES_HOLD_MS);
}

void attempt_end(
	struct target *target, struct delivery *delivery, const struct client_result *result)
{
	delivery_queue_remove(&target->in_flight, delivery);
	target_lane_of(target, delivery)->in_flight--;
	if (delivery->attempts > 1)
		target->retries_in_flight--;
	gauge_add(&target->metrics.in_flight, -1);
	places_give_back(&target->shared->places, &target->seat);
	run_queue_add(&target->shared->run_queue, &target->run);
	if (result->is_unsent)
		return_unsent(target, delivery);
	else
		verdict_decide(target, delivery, result);
}
