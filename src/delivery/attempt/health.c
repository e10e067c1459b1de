/* SPDX-License-Identifier: MIT */
#include "health.h"

#include "repostal/clock.h"
#include "repostal/envelope.h"
#include "repostal/text.h"

enum {
	HTTP_TOO_MANY_REQUESTS = 429,
	BACKOFF_MIN_MS = 1000, /* after a 429 */
	ADVICE_SIZE_MAX = 256,
};

/* type: of the events that are held back or continue, or "all". */
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

/* True: the breaker's state has changed. */
static bool move_breaker(const struct target *target, struct breaker *breaker, bool is_success)
{
	return is_success
		       ? breaker_success(breaker, target->settings.concurrency)
		       : breaker_failure(breaker, &target->settings.breaker, clock_monotonic_ms());
}

static void note_target(struct target *target, bool is_there)
{
	if (!move_breaker(target, &target->breaker, is_there))
		return;
	log_breaker(target, &target->breaker, "all");
	if (is_there)
		target_wake(target, TARGET_TYPES_ALL);
}

static void note_type(struct target *target, const struct delivery *delivery, bool is_taken)
{
	struct breaker *breaker = &target_lane_of(target, delivery)->breaker;

	if (!move_breaker(target, breaker, is_taken))
		return;
	log_breaker(target, breaker, type_name(delivery));
	if (is_taken)
		target_wake(target, 1U << delivery->type);
}

/* 429 is about the target, not about this event, and it is no sign of ill health. */
static void back_off(struct target *target, const struct client_result *result)
{
	int64_t backoff_ms = result->outcome.retry_after_ms;

	if (backoff_ms > target->settings.retry.retry_after_max_ms)
		backoff_ms = target->settings.retry.retry_after_max_ms;
	if (backoff_ms < BACKOFF_MIN_MS)
		backoff_ms = BACKOFF_MIN_MS;
	target->backoff_until_ms = clock_monotonic_ms() + backoff_ms;
	target_wake(target, TARGET_TYPES_ALL);
}

void health_note_success(struct target *target, const struct delivery *delivery)
{
	note_target(target, true);
	note_type(target, delivery, true);
}

void health_note_failure(struct target *target, const struct delivery *delivery,
	const struct client_result *result, bool is_expected)
{
	switch (outcome_blame(&result->outcome)) {
	case BLAME_NOBODY:
		if (result->outcome.http_status == HTTP_TOO_MANY_REQUESTS)
			back_off(target, result);
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

void health_note_answer(
	struct target *target, const struct delivery *delivery, const struct client_result *result)
{
	struct lane *lane = target_lane_of(target, delivery);
	struct buf advice;

	if (result->outcome.transport != TRANSPORT_OK ||
		result->outcome.http_status == HTTP_TOO_MANY_REQUESTS ||
		!lane_note_answer(lane, result->outcome.http_status))
		return;
	buf_init(&advice, ADVICE_SIZE_MAX);
	print_other_types(target, delivery, &advice);
	log_limited(&target->lines.type_refused, LOG_STR("type", type_name(delivery)),
		LOG_INT("status", result->outcome.http_status),
		LOG_INT("refused", LANE_REFUSED_WARN), LOG_SLICE("advice", buf_slice(&advice)));
	buf_free(&advice);
}

unsigned health_types_failing(const struct target *target)
{
	unsigned types = 0;

	for (size_t type = 0; type < STORE_TYPES; type++)
		if (target->lanes[type].breaker.state != BREAKER_CLOSED)
			types |= 1U << type;
	return types;
}
