/* SPDX-License-Identifier: MIT */
#include "target_test.h"

#include <inttypes.h>
#include <semaphore.h>
#include <string.h>

#include "repostal/clock.h"
#include "repostal/event_envelope.h"
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
struct test_order {
	struct mailbox_item item;
	struct test_order *next; /* under way */
	struct target *target;
	struct slice body;
	const struct signature *signature; /* NULL: signing is off */
	struct target_test *filled;
	sem_t done;
};

/* Writes the envelope, if the target takes what this sample becomes, or it is wanted all the same. */
static void write_envelope(const struct dispatcher_settings *settings,
	const struct target_settings *target, const struct parsed_event *parsed, bool is_wanted,
	struct target_test *test, struct buf *envelope)
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
		return;
	test->event = postal_event_type_name(type);
	memcpy(test->uuid, parsed->uuid, sizeof(test->uuid));
	(void)event_envelope(&rules, parsed, &known, envelope);
}

static void make_one(const struct dispatcher_settings *settings,
	const struct target_settings *target, const char *sample, bool is_wanted,
	struct target_test *test, struct buf *envelope)
{
	struct event_record record = {
		.source_name = SLICE_LITERAL("repostal-test"),
		.received_us = clock_unix_us(),
		.content_type = SLICE_LITERAL("application/json"),
	};
	struct parsed_event parsed;
	struct buf text;

	buf_init(&text, EVENT_SIZE_MAX);
	/* A message of its own each time: no receiver has seen it. */
	buf_printf(&text, "{%s,\"id\":\"repostal-test-%08x%08x@example.com\",\"time\":%" PRId64 "}",
		sample, random_u32(), random_u32(), record.received_us / US_PER_S);
	record.raw = buf_slice(&text);
	if (event_parse(&record, &parsed) == BIZMAIL_PROBLEM_NONE)
		write_envelope(settings, target, &parsed, is_wanted, test, envelope);
	parsed_event_release(&parsed);
	buf_free(&text);
}

/* False: the envelope stays empty. */
static bool make_envelope(const struct dispatcher_settings *settings,
	const struct target_settings *target, struct target_test *test, struct buf *envelope)
{
	for (size_t i = 0; i < ARRAY_COUNT(samples) && envelope->size == 0; i++)
		make_one(settings, target, samples[i], false, test, envelope);
	if (envelope->size == 0)
		make_one(settings, target, samples[0], true, test, envelope);
	return envelope->size > 0;
}

static const struct target_settings *find_settings(
	const struct dispatcher_settings *settings, uint16_t number)
{
	for (size_t i = 0; i < settings->targets_count; i++)
		if (settings->target_numbers[i] == number && settings->targets[i].enabled)
			return &settings->targets[i];
	return NULL;
}

static enum status post(struct dispatcher *dispatcher, struct test_order *order, struct error *err)
{
	struct test_list *tests = &dispatcher->tests;
	enum status status = STATUS_BUSY;

	pthread_mutex_lock(&tests->mutex);
	if (!tests->is_closed) {
		inbox_post(&dispatcher->shared.inbox, INBOX_TEST, &order->item);
		status = STATUS_OK;
	}
	pthread_mutex_unlock(&tests->mutex);
	if (status != STATUS_OK)
		error_set(err, "the gateway is stopping");
	return status;
}

/* Posts the order and waits for its end. */
static enum status post_and_wait(
	struct dispatcher *dispatcher, struct test_order *order, struct error *err)
{
	enum status status;

	sem_init(&order->done, 0, 0);
	status = post(dispatcher, order, err);
	while (status == STATUS_OK && sem_wait(&order->done) != 0)
		continue;
	sem_destroy(&order->done);
	return status;
}

enum status target_test_run(struct dispatcher *dispatcher,
	const struct dispatcher_settings *settings, uint16_t number, struct target_test *test_out,
	struct error *err)
{
	const struct target_settings *target_settings = find_settings(settings, number);
	struct test_order order = {
		.target = target_table_find(&dispatcher->table, number),
		.filled = test_out,
	};
	struct signature *signature = NULL;
	struct buf envelope;
	enum status status = STATUS_INVALID;

	*test_out = (struct target_test){ .event = "" };
	if (target_settings == NULL || order.target == NULL) {
		error_set(err, "the target is disabled, or not configured any more");
		return STATUS_NOT_FOUND;
	}
	buf_init(&envelope, ENVELOPE_SIZE_MAX);
	if (!make_envelope(settings, target_settings, test_out, &envelope)) {
		error_set(err, "the sample cannot be translated");
		goto out;
	}
	if (signer_is_on(settings->signer)) {
		signature = signer_sign(settings->signer, buf_slice(&envelope), err);
		if (signature == NULL)
			goto out;
	}
	test_out->is_signed = signature != NULL;
	order.body = buf_slice(&envelope);
	order.signature = signature;
	status = post_and_wait(dispatcher, &order, err);
out:
	free(signature);
	buf_free(&envelope);
	return status;
}

/* The delivery thread. */

static void finish(struct test_order *order, const struct client_result *result)
{
	struct target_test *filled = order->filled;
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
	sem_post(&order->done);
}

void target_test_start(struct dispatcher *dispatcher, struct mailbox_item *item)
{
	static const struct client_result interrupted = {
		.outcome = { .transport = TRANSPORT_INTERRUPTED, .retry_after_ms = -1 },
		.cause = "the gateway is stopping, or the target was removed",
	};
	struct test_order *order = MAILBOX_ENTRY(item, struct test_order, item);

	if (!order->target->is_configured || atomic_load(&dispatcher->stop_by_ms) != 0) {
		finish(order, &interrupted);
		return;
	}
	order->next = dispatcher->tests.first;
	dispatcher->tests.first = order;
	outbound_start(order->target->client, order->body, order->signature, order);
}

bool target_test_end(
	struct dispatcher *dispatcher, void *request, const struct client_result *result)
{
	struct test_order **at = &dispatcher->tests.first;

	while (*at != NULL && *at != request)
		at = &(*at)->next;
	if (*at == NULL)
		return false;
	*at = (*at)->next;
	finish(request, result);
	return true;
}

void target_test_close(struct dispatcher *dispatcher)
{
	pthread_mutex_lock(&dispatcher->tests.mutex);
	dispatcher->tests.is_closed = true;
	pthread_mutex_unlock(&dispatcher->tests.mutex);
}
