/* SPDX-License-Identifier: MIT */
/*
 * One sample envelope to a target, because an operator asks: the same client, headers and signature as for
 * an event, but no delivery, no verdict, no breaker and no count.
 *
 * The caller waits on its own thread. A test that was posted before the list is closed comes to an end,
 * also while the gateway stops.
 */
#include <inttypes.h>
#include <string.h>

#include "dispatcher_private.h"
#include "repostal/clock.h"
#include "repostal/event_route.h"
#include "repostal/memory.h"
#include "repostal/random.h"

enum {
	EVENT_SIZE_MAX = 2048,
	US_PER_S = 1000000,
};

/* Without id and time; the first whose type the target takes is sent. */
static const char *const samples[] = {
	"\"event\":\"delivered\",\"recipient\":\"test@example.com\",\"mxHostname\":\"mx.example."
	"com\","
	"\"response\":\"250 2.0.0 a test of repostal\"",
	"\"event\":\"bounce\",\"to\":\"test@example.com\",\"category\":\"hard_bounce\","
	"\"response\":\"550 5.1.1 a test of repostal\"",
	"\"event\":\"bounce\",\"to\":\"test@example.com\",\"category\":\"soft_bounce\","
	"\"response\":\"452 4.2.2 a test of repostal\"",
	"\"action\":\"drop\",\"recipient\":\"test@example.com\",\"reason\":\"a test of repostal\"",
};

/* On the caller's stack until done. */
struct test {
	struct test *next;
	struct slice body;
	const struct signature *signature; /* NULL: signing is off */
	struct dispatcher_test *filled;
	sem_t done;
};

/* NULL: the target does not take what this sample becomes, and it is not wanted all the same. */
static struct outgoing *translate_sample(const struct dispatcher_settings *settings,
	const struct target_settings *target, const struct parsed_event *parsed, bool is_wanted,
	struct dispatcher_test *test, struct error *err)
{
	static const struct known_message known = {
		.from = SLICE_LITERAL("repostal-test@example.com"),
		.subject = SLICE_LITERAL("A test of repostal"),
		.tag = SLICE_LITERAL("repostal-test"),
	};
	const struct event_route route = { .events = target->events,
		.final_only = target->final_only };
	/* Of no source that is configured. */
	const struct event_rules rules = { .translate = settings->rules.translate };
	enum postal_event_type type = translate_type(rules.translate, &parsed->event);

	if (!is_wanted && !event_route_takes(&route, type, &parsed->event))
		return NULL;
	test->event = postal_event_type_name(type);
	return outgoing_translate(&rules, parsed, &known, 0, err);
}

static struct outgoing *make_one(const struct dispatcher_settings *settings,
	const struct target_settings *target, const char *sample, bool is_wanted,
	struct dispatcher_test *test, struct error *err)
{
	struct event_record record = {
		.source_name = SLICE_LITERAL("repostal-test"),
		.received_us = clock_unix_us(),
		.content_type = SLICE_LITERAL("application/json"),
	};
	struct outgoing *outgoing = NULL;
	struct parsed_event parsed;
	struct buf text;

	buf_init(&text, EVENT_SIZE_MAX);
	/* A message of its own each time: no receiver has seen it. */
	buf_printf(&text, "{%s,\"id\":\"repostal-test-%08x%08x@example.com\",\"time\":%" PRId64 "}",
		sample, random_u32(), random_u32(), record.received_us / US_PER_S);
	record.raw = buf_slice(&text);
	error_set(err, "the sample cannot be translated");
	if (event_parse(&record, &parsed) == BIZMAIL_PROBLEM_NONE)
		outgoing = translate_sample(settings, target, &parsed, is_wanted, test, err);
	parsed_event_release(&parsed);
	buf_free(&text);
	return outgoing;
}

static struct outgoing *make_envelope(const struct dispatcher_settings *settings,
	const struct target_settings *target, struct dispatcher_test *test, struct error *err)
{
	for (size_t i = 0; i < ARRAY_COUNT(samples); i++) {
		struct outgoing *outgoing =
			make_one(settings, target, samples[i], false, test, err);

		if (outgoing != NULL)
			return outgoing;
	}
	return make_one(settings, target, samples[0], true, test, err);
}

static const struct target_settings *find_settings(
	const struct dispatcher_settings *settings, uint16_t number)
{
	for (size_t i = 0; i < settings->targets_count; i++)
		if (settings->target_numbers[i] == number && settings->targets[i].enabled)
			return &settings->targets[i];
	return NULL;
}

static enum status post(
	struct dispatcher *dispatcher, struct target *target, struct test *test, struct error *err)
{
	enum status status = STATUS_BUSY;

	pthread_mutex_lock(&dispatcher->tests_mutex);
	if (!dispatcher->tests_closed) {
		dispatcher_post_test(dispatcher, target, test);
		status = STATUS_OK;
	}
	pthread_mutex_unlock(&dispatcher->tests_mutex);
	if (status != STATUS_OK)
		error_set(err, "the gateway is stopping");
	return status;
}

enum status dispatcher_test(struct dispatcher *dispatcher,
	const struct dispatcher_settings *settings, uint16_t number,
	struct dispatcher_test *test_out, struct error *err)
{
	const struct target_settings *target_settings = find_settings(settings, number);
	struct target *target = dispatcher->by_number[number];
	struct test test = { .filled = test_out };
	struct signature *signature = NULL;
	struct outgoing *outgoing;
	enum status status = STATUS_INVALID;

	*test_out = (struct dispatcher_test){ .event = "" };
	if (target_settings == NULL || target == NULL) {
		error_set(err, "the target is disabled, or not configured any more");
		return STATUS_NOT_FOUND;
	}
	outgoing = make_envelope(settings, target_settings, test_out, err);
	if (outgoing == NULL)
		return STATUS_INVALID;
	memcpy(test_out->uuid, outgoing_uuid(outgoing).data, UUID_TEXT_SIZE - 1);
	if (signer_is_on(settings->signer)) {
		signature = signer_sign(settings->signer, outgoing->body, err);
		if (signature == NULL)
			goto out;
	}
	test_out->is_signed = signature != NULL;
	test.body = outgoing->body;
	test.signature = signature;
	sem_init(&test.done, 0, 0);
	status = post(dispatcher, target, &test, err);
	while (status == STATUS_OK && sem_wait(&test.done) != 0)
		continue;
	sem_destroy(&test.done);
out:
	free(signature);
	outgoing_release(outgoing, 0);
	return status;
}

/* The delivery thread. */

static void finish(struct test *test, const struct client_result *result)
{
	struct dispatcher_test *filled = test->filled;
	size_t size = result->answer.size < sizeof(filled->answer) ? result->answer.size
								   : sizeof(filled->answer);

	filled->result = outcome_result(&result->outcome);
	filled->http_status = result->outcome.http_status;
	filled->duration_us = result->duration_us;
	memcpy(filled->cause, result->cause, sizeof(filled->cause));
	/* Without an answer it is the cause once more. */
	if (result->outcome.http_status != 0) {
		memcpy(filled->answer, result->answer.data, size);
		filled->answer_size = size;
	}
	sem_post(&test->done);
}

void dispatcher_start_test(struct dispatcher *dispatcher, struct target *target, struct test *test)
{
	static const struct client_result interrupted = {
		.outcome = { .transport = TRANSPORT_INTERRUPTED, .retry_after_ms = -1 },
		.cause = "the gateway is stopping, or the target was removed",
	};

	if (!target->configured || atomic_load(&dispatcher->stop_by_ms) != 0) {
		finish(test, &interrupted);
		return;
	}
	test->next = dispatcher->tests;
	dispatcher->tests = test;
	outbound_start(target->client, test->body, test->signature, test);
}

bool dispatcher_end_test(
	struct dispatcher *dispatcher, void *request, const struct client_result *result)
{
	for (struct test **at = &dispatcher->tests; *at != NULL; at = &(*at)->next) {
		struct test *test = *at;

		if (test != request)
			continue;
		*at = test->next;
		finish(test, result);
		return true;
	}
	return false;
}

void dispatcher_close_tests(struct dispatcher *dispatcher)
{
	pthread_mutex_lock(&dispatcher->tests_mutex);
	dispatcher->tests_closed = true;
	pthread_mutex_unlock(&dispatcher->tests_mutex);
	dispatcher_take_controls(dispatcher);
}
