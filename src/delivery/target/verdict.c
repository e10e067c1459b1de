/* SPDX-License-Identifier: MIT */
/*
 * Reads as the protocol of a delivery's end: a result is weighed, counted, logged where it matters, and
 * becomes a verdict for the store.
 */
#include <stdio.h>
#include <string.h>

#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/random.h"
#include "repostal/text.h"
#include "target.h"

enum {
	HTTP_UNAUTHORIZED = 401,
	HTTP_FORBIDDEN = 403,
	HTTP_TOO_MANY_REQUESTS = 429,
	ADVICE_SIZE_MAX = 256,
};

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
	/* A first attempt that succeeds leaves no attempt row, so nobody would read it. */
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

static void count_attempt(struct target *target, const struct client_result *result)
{
	counter_add(&target->metrics.attempts[outcome_result(&result->outcome)], 1);
	histogram_observe(&target->metrics.attempt_seconds, (double)result->duration_us / 1e6);
	recent_add(&target->metrics.recent_attempts, clock_monotonic_ms());
}

/* A receiver that has never taken anything may be one that was not given our key. */
static bool may_not_know_key(const struct target *target, const struct client_result *result)
{
	int status = result->outcome.http_status;

	return (status == HTTP_UNAUTHORIZED || status == HTTP_FORBIDDEN) &&
	       !target->has_delivered && dispatcher_key(target->dispatcher).id[0] != '\0';
}

static void print_hint(
	const struct target *target, const struct client_result *result, char out[TARGET_HINT_SIZE])
{
	struct dispatcher_key key = dispatcher_key(target->dispatcher);

	out[0] = '\0';
	if (may_not_know_key(target, result))
		snprintf(out, TARGET_HINT_SIZE,
			"the receiver may not know our signing key: key id %s, published at %s",
			key.id, key.jwks_url);
}

static void hint_at_key(struct target *target, const struct client_result *result)
{
	struct dispatcher_key key = dispatcher_key(target->dispatcher);

	if (target->is_key_hinted || !may_not_know_key(target, result))
		return;
	target->is_key_hinted = true;
	log_limited(&target->lines.key_unknown, LOG_INT("status", result->outcome.http_status),
		LOG_STR("key_id", key.id), LOG_STR("jwks", key.jwks_url),
		LOG_STR("advice", "the receiver has taken nothing yet: it may not know this key"));
}

/* Kept for those who ask why a target fails. */
static void note_error(struct target *target, const struct client_result *result)
{
	struct target_error *error = &target->last_error;

	pthread_mutex_lock(&target->error_mutex);
	error->time_ms = result->started_ms + result->duration_us / 1000;
	error->result = outcome_result(&result->outcome);
	error->http_status = result->outcome.http_status;
	memcpy(error->cause, result->cause, sizeof(error->cause));
	print_hint(target, result, error->hint);
	pthread_mutex_unlock(&target->error_mutex);
	hint_at_key(target, result);
}

/* type: of the events that are held back or go on, or "all". */
static void log_breaker(struct target *target, const struct breaker *breaker, const char *type)
{
	if (breaker->state == BREAKER_CLOSED)
		log_limited(&target->lines.breaker_closed, LOG_STR("type", type));
	else
		log_limited(&target->lines.breaker_opened, LOG_STR("type", type),
			LOG_STR("cause", target->last_error.cause),
			LOG_INT("probe_in_ms", breaker->cooldown_ms));
}

static const char *type_name(const struct delivery *delivery)
{
	return delivery->type < POSTAL_EVENT_TYPE_COUNT
		       ? postal_event_type_name((enum postal_event_type)delivery->type)
		       : "other";
}

static void note_target(struct target *target, bool is_there)
{
	struct breaker *breaker = &target->breaker;
	bool changed = is_there ? breaker_success(breaker, target->settings.concurrency)
				: breaker_failure(
					  breaker, &target->settings.breaker, clock_monotonic_ms());

	if (!changed)
		return;
	log_breaker(target, breaker, "all");
	if (is_there)
		target_look(target, TARGET_TYPES_ALL);
}

static void note_type(struct target *target, const struct delivery *delivery, bool is_taken)
{
	struct breaker *breaker = &target->lanes[delivery->type].breaker;
	bool changed = is_taken ? breaker_success(breaker, target->settings.concurrency)
				: breaker_failure(
					  breaker, &target->settings.breaker, clock_monotonic_ms());

	if (!changed)
		return;
	log_breaker(target, breaker, type_name(delivery));
	if (is_taken)
		target_look(target, 1U << delivery->type);
}

/* All that the target takes but this type, as the configuration spells it. */
static void print_other_types(
	const struct target *target, const struct delivery *delivery, struct buf *out)
{
	const char *between = "";

	buf_append_text(out, "events = [ ");
	for (int type = 0; type < POSTAL_EVENT_TYPE_COUNT; type++) {
		if ((target->settings.events & 1U << type) == 0 || type == delivery->type)
			continue;
		buf_append_text(out, between);
		buf_append_json_string(
			out, slice_text(postal_event_type_name((enum postal_event_type)type)));
		between = ", ";
	}
	buf_append_text(out, " ];");
}

static void note_answer(
	struct target *target, const struct delivery *delivery, const struct client_result *result)
{
	struct buf advice;

	if (result->outcome.transport != TRANSPORT_OK ||
		result->outcome.http_status == HTTP_TOO_MANY_REQUESTS ||
		!lane_note_answer(&target->lanes[delivery->type], result->outcome.http_status))
		return;
	buf_init(&advice, ADVICE_SIZE_MAX);
	print_other_types(target, delivery, &advice);
	log_limited(&target->lines.refused, LOG_STR("type", type_name(delivery)),
		LOG_INT("status", result->outcome.http_status),
		LOG_INT("refused", LANE_REFUSED_WARN), LOG_SLICE("advice", buf_slice(&advice)));
	buf_free(&advice);
}

/* 429 is about the target, not about this event, and it is no sign of ill health. */
static void rest(struct target *target, const struct client_result *result)
{
	int64_t rest_ms = result->outcome.retry_after_ms;

	if (rest_ms > target->settings.retry.retry_after_max_ms)
		rest_ms = target->settings.retry.retry_after_max_ms;
	if (rest_ms < TARGET_REST_MIN_MS)
		rest_ms = TARGET_REST_MIN_MS;
	target->not_before_ms = clock_monotonic_ms() + rest_ms;
	target_look(target, TARGET_TYPES_ALL);
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
		dispatcher_note_latency(target->dispatcher, delivery);
	note_target(target, true);
	note_type(target, delivery, true);
}

/*
 * What a failed answer says about the health of the type and the target. What give_up expects is no sign of ill
 * health, for the receiver is there and has answered; but 502 and 504 do not say that it is.
 */
static void note_health(struct target *target, const struct delivery *delivery,
	const struct client_result *result, bool is_expected)
{
	switch (outcome_blame(&result->outcome)) {
	case BLAME_NOBODY:
		if (result->outcome.http_status == HTTP_TOO_MANY_REQUESTS)
			rest(target, result);
		break;
	case BLAME_TYPE:
		note_target(target, true);
		note_type(target, delivery, is_expected);
		break;
	case BLAME_TARGET:
		if (!is_expected)
			note_target(target, false);
		break;
	}
}

static void note_due(struct target *target, const struct delivery *delivery, int64_t due_ms)
{
	struct lane *lane = &target->lanes[delivery->type];

	if (due_ms < lane->disk_due_ms)
		lane->disk_due_ms = due_ms;
}

static void on_failed(struct target *target, struct delivery *delivery,
	const struct client_result *result, int64_t delay_ms)
{
	struct store_verdict *verdict =
		verdict_of(delivery, delay_ms < 0 ? DELIVERY_DEAD : DELIVERY_WAITING);

	describe(delivery, result);
	note_error(target, result);
	if (delay_ms < 0) {
		counter_add(&target->metrics.outcomes[OUTCOME_DEAD], 1);
		log_dead(target, delivery, result, "attempts");
	} else {
		verdict->due_ms = clock_schedule_ms() + delay_ms;
		note_due(target, delivery, verdict->due_ms);
		log_retry(target, delivery, result, delay_ms);
	}
	note_health(target, delivery, result, false);
}

static void on_given_up(
	struct target *target, struct delivery *delivery, const struct client_result *result)
{
	verdict_of(delivery, DELIVERY_DEAD);
	describe(delivery, result);
	delivery->verdict.verdict.transport = TRANSPORT_GIVEN_UP;
	counter_add(&target->metrics.outcomes[OUTCOME_DEAD], 1);
	log_dead(target, delivery, result, "give_up_status");
	hint_at_key(target, result);
	note_health(target, delivery, result, true);
}

/* 410: the event is not to blame, so its attempt does not count against it. */
static void on_gone(
	struct target *target, struct delivery *delivery, const struct client_result *result)
{
	struct store_verdict *verdict = verdict_of(delivery, DELIVERY_WAITING);

	describe(delivery, result);
	note_error(target, result);
	verdict->release = true;
	verdict->due_ms = clock_schedule_ms();
	target_look(target, TARGET_TYPES_ALL);
	if (target->paused)
		return;
	target->paused = true;
	target->paused_by_receiver = true;
	dispatcher_post_pause(target->dispatcher, target);
	log_limited(&target->lines.paused, LOG_STR("reason", DISPATCHER_GONE_REASON),
		LOG_STR("cause", result->cause), LOG_STR("advice", "its events are kept"));
}

/* We cut it off ourselves: it counts, because the receiver may have it, but says nothing of him. */
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

void target_on_result(
	struct target *target, struct delivery *delivery, const struct client_result *result)
{
	delivery_queue_remove(&target->flying, delivery);
	target->lanes[delivery->type].flying--;
	if (delivery->attempts > 1)
		target->retries_flying--;
	gauge_add(&target->metrics.in_flight, -1);
	dispatcher_give_place_back(target->dispatcher, target);
	dispatcher_attend(target->dispatcher, target);
	if (result->is_unsent) {
		/* Nobody's attempt: the receiver has not seen it. */
		target_release(target, delivery,
			clock_schedule_ms() + dispatcher_run_short(target->dispatcher));
		return;
	}
	count_attempt(target, result);
	note_answer(target, delivery, result);
	if (result->outcome.transport == TRANSPORT_INTERRUPTED)
		on_interrupted(delivery, result);
	else
		decide(target, delivery, result);
	dispatcher_post_verdict(target->dispatcher, delivery);
}

void target_give_up(struct target *target, struct delivery *delivery, enum transport transport,
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
	dispatcher_post_verdict(target->dispatcher, delivery);
}

void target_give_up_old(struct target *target, struct delivery *delivery)
{
	char happened[CLOCK_TEXT_SIZE];
	struct buf cause;

	clock_format_utc(delivery->outgoing->happened_ms, happened);
	buf_init(&cause, CAUSE_SIZE);
	buf_printf(&cause, "not sent: it happened at %s, longer ago than give_up.age, ", happened);
	text_format_duration(&cause, target->settings.give_up.age_ms);
	target_give_up(target, delivery, TRANSPORT_GIVEN_UP, "give_up_age", cause.data);
	buf_free(&cause);
}

void target_release(struct target *target, struct delivery *delivery, int64_t due_ms)
{
	struct store_verdict *verdict = verdict_of(delivery, DELIVERY_WAITING);

	verdict->release = true;
	verdict->due_ms = due_ms;
	note_due(target, delivery, due_ms);
	dispatcher_post_verdict(target->dispatcher, delivery);
}
