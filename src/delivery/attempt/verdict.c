/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include "health.h"
#include "last_error.h"
#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/random.h"
#include "repostal/text.h"

/* The next of an order waits for the verdict, and so does a retry for its due time. */
static struct store_verdict *verdict_of(struct delivery *delivery, enum delivery_state next)
{
	struct store_verdict *verdict = &delivery->verdict.verdict;

	delivery->verdict.request.is_patient =
		next == DELIVERY_DELIVERED &&
		delivery->target->settings.ordering == TARGET_ORDERING_NONE;
	*verdict = (struct store_verdict){
		.event = delivery->outgoing->event,
		.lease = delivery->outgoing->lease,
		.target = delivery->target->number,
		.source = delivery->outgoing->source,
		.next = next,
		.attempts = delivery->attempts,
	};
	return verdict;
}

static void keep_answer(struct delivery *delivery, struct slice answer)
{
	size_t size = answer.size < STORE_ANSWER_SIZE_MAX ? answer.size : STORE_ANSWER_SIZE_MAX;

	if (size == 0)
		return;
	delivery->answer = memory_copy_bytes(answer.data, size);
	delivery->verdict.verdict.answer = slice_of(delivery->answer, size);
}

static void describe(struct delivery *delivery, const struct client_result *result)
{
	struct store_verdict *verdict = &delivery->verdict.verdict;

	verdict->started_ms = result->started_ms;
	verdict->duration_ms = result->duration_us / 1000;
	verdict->http_status = result->outcome.http_status;
	verdict->transport = (int)result->outcome.transport;
	/* A first attempt that succeeds leaves no attempt row, so it would never be read. */
	if (verdict->next != DELIVERY_DELIVERED || delivery->attempts > 1)
		keep_answer(delivery, result->answer);
}

static void log_retry(struct target *target, const struct delivery *delivery,
	const struct client_result *result, int64_t delay_ms)
{
	log_limited(&target->lines.retry, LOG_INT("event_id", delivery->outgoing->event),
		LOG_SLICE("uuid", outgoing_uuid(delivery->outgoing)),
		LOG_INT("attempt", delivery->attempts),
		LOG_STR("result", attempt_result_name(outcome_result(&result->outcome))),
		LOG_INT("status", result->outcome.http_status), LOG_STR("cause", result->cause),
		LOG_INT("retry_in_ms", delay_ms));
}

/* reason: why there is no further attempt. */
static void log_dead(struct target *target, const struct delivery *delivery,
	const struct client_result *result, const char *reason)
{
	log_limited(&target->lines.dead, LOG_INT("event_id", delivery->outgoing->event),
		LOG_SLICE("uuid", outgoing_uuid(delivery->outgoing)),
		LOG_INT("attempt", delivery->attempts),
		LOG_STR("result", attempt_result_name(outcome_result(&result->outcome))),
		LOG_INT("status", result->outcome.http_status), LOG_STR("reason", reason),
		LOG_STR("cause", result->cause));
}

static void post_verdict(struct target *target, struct delivery *delivery)
{
	outbox_add(&target->shared->outbox, &delivery->verdict.request);
}

static void note_latency(struct target *target, const struct delivery *delivery)
{
	histogram_observe(target->shared->event_latency_seconds,
		(double)(clock_unix_us() - delivery->outgoing->received_us) / 1e6);
}

static void on_delivered(
	struct target *target, struct delivery *delivery, const struct client_result *result)
{
	verdict_of(delivery, DELIVERY_DELIVERED);
	describe(delivery, result);
	target->has_delivered = true;
	counter_add(&target->metrics.outcomes[OUTCOME_DELIVERED], 1);
	recent_add(&target->metrics.recent_delivered, clock_monotonic_ms());
	/* Of what was tried before, the wait for the receiver would be counted as ours. */
	if (delivery->attempts == 1 && !delivery->is_replay)
		note_latency(target, delivery);
	health_note_success(target, delivery);
}

static void on_failed(struct target *target, struct delivery *delivery,
	const struct client_result *result, int64_t delay_ms)
{
	struct store_verdict *verdict =
		verdict_of(delivery, delay_ms < 0 ? DELIVERY_DEAD : DELIVERY_WAITING);

	describe(delivery, result);
	last_error_note(target, result);
	if (delay_ms < 0) {
		counter_add(&target->metrics.outcomes[OUTCOME_DEAD], 1);
		log_dead(target, delivery, result, "attempts");
	} else {
		verdict->due_ms = clock_schedule_ms() + delay_ms;
		target_note_due(target, delivery, verdict->due_ms);
		log_retry(target, delivery, result, delay_ms);
	}
	health_note_failure(target, delivery, result, false);
}

static void on_given_up(
	struct target *target, struct delivery *delivery, const struct client_result *result)
{
	verdict_of(delivery, DELIVERY_DEAD);
	describe(delivery, result);
	delivery->verdict.verdict.transport = TRANSPORT_GIVEN_UP;
	counter_add(&target->metrics.outcomes[OUTCOME_DEAD], 1);
	log_dead(target, delivery, result, "give_up_status");
	last_error_hint_at_key(target, result);
	health_note_failure(target, delivery, result, true);
}

/* 410: the event is not to blame, so its attempt does not count against it. */
static void on_gone(
	struct target *target, struct delivery *delivery, const struct client_result *result)
{
	struct store_verdict *verdict = verdict_of(delivery, DELIVERY_WAITING);

	describe(delivery, result);
	last_error_note(target, result);
	verdict->release = true;
	verdict->due_ms = clock_schedule_ms();
	target_wake(target, TARGET_TYPES_ALL);
	if (target->is_paused)
		return;
	target_pause_by_receiver(target);
	log_limited(&target->lines.paused, LOG_STR("reason", TARGET_GONE_REASON),
		LOG_STR("cause", result->cause), LOG_STR("advice", "its events are kept"));
}

/* We cut it off ourselves: it counts, because the receiver may have it, but says nothing of its health. */
static void on_interrupted(struct delivery *delivery, const struct client_result *result)
{
	struct store_verdict *verdict = verdict_of(delivery, DELIVERY_WAITING);

	describe(delivery, result);
	verdict->due_ms = clock_schedule_ms();
}

/* A random number costs a system call, and what was delivered needs none. */
static double draw_jitter(const struct client_result *result)
{
	return outcome_result(&result->outcome) == ATTEMPT_2XX ? 0 : random_unit();
}

static void decide(
	struct target *target, struct delivery *delivery, const struct client_result *result)
{
	struct decision decision = outcome_decide(&result->outcome, &target->settings.retry,
		&target->settings.give_up, delivery->attempts, draw_jitter(result));

	switch (decision.verdict) {
	case VERDICT_DELIVERED:
		on_delivered(target, delivery, result);
		break;
	case VERDICT_RETRY:
		on_failed(target, delivery, result, decision.delay_ms);
		break;
	case VERDICT_DEAD:
		on_failed(target, delivery, result, -1);
		break;
	case VERDICT_GIVE_UP:
		on_given_up(target, delivery, result);
		break;
	case VERDICT_PAUSE:
		on_gone(target, delivery, result);
		break;
	}
}

static void count_attempt(struct target *target, const struct client_result *result)
{
	counter_add(&target->metrics.attempts[outcome_result(&result->outcome)], 1);
	histogram_observe(&target->metrics.attempt_seconds, (double)result->duration_us / 1e6);
	recent_add(&target->metrics.recent_attempts, clock_monotonic_ms());
}

void verdict_decide(
	struct target *target, struct delivery *delivery, const struct client_result *result)
{
	count_attempt(target, result);
	health_note_answer(target, delivery, result);
	if (result->outcome.transport == TRANSPORT_INTERRUPTED)
		on_interrupted(delivery, result);
	else
		decide(target, delivery, result);
	post_verdict(target, delivery);
}

void verdict_give_up(struct target *target, struct delivery *delivery, enum transport transport,
	const char *reason, const char *cause)
{
	struct store_verdict *verdict = verdict_of(delivery, DELIVERY_DEAD);

	verdict->started_ms = clock_unix_ms();
	verdict->transport = (int)transport;
	keep_answer(delivery, slice_text(cause));
	counter_add(&target->metrics.outcomes[OUTCOME_DEAD], 1);
	log_limited(&target->lines.dead, LOG_INT("event_id", delivery->outgoing->event),
		LOG_SLICE("uuid", outgoing_uuid(delivery->outgoing)), LOG_STR("reason", reason),
		LOG_STR("cause", cause));
	post_verdict(target, delivery);
}

void verdict_give_up_old(struct target *target, struct delivery *delivery)
{
	char happened[CLOCK_TEXT_SIZE];
	struct buf cause;

	clock_format_utc(delivery->outgoing->happened_ms, happened);
	buf_init(&cause, CAUSE_SIZE);
	buf_printf(&cause, "not sent: it happened at %s, longer ago than give_up.age, ", happened);
	text_format_duration(&cause, target->settings.give_up.age_ms);
	verdict_give_up(target, delivery, TRANSPORT_GIVEN_UP, "give_up_age", cause.data);
	buf_free(&cause);
}

void verdict_release(struct target *target, struct delivery *delivery, int64_t due_ms)
{
	struct store_verdict *verdict = verdict_of(delivery, DELIVERY_WAITING);

	verdict->release = true;
	verdict->due_ms = due_ms;
	target_note_due(target, delivery, due_ms);
	post_verdict(target, delivery);
}

void verdict_release_lane(struct target *target, struct lane *lane, int64_t due_ms)
{
	struct delivery_queue *queues[] = { &lane->first_attempts, &lane->retries };

	for (size_t i = 0; i < ARRAY_COUNT(queues); i++)
		while (queues[i]->first != NULL) {
			struct delivery *delivery = queues[i]->first;

			lane_remove(lane, delivery);
			verdict_release(target, delivery, due_ms);
		}
}

void verdict_release_ready(struct target *target, int64_t due_ms)
{
	for (size_t type = 0; type < STORE_TYPES; type++)
		verdict_release_lane(target, &target->lanes[type], due_ms);
}
