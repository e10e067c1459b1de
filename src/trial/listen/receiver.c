/* SPDX-License-Identifier: MIT */
#include "receiver.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "delay_line.h"
#include "received.h"
#include "repostal/buf.h"
#include "repostal/clock.h"
#include "repostal/memory.h"
#include "uuid_set.h"

enum {
	UUIDS_REMEMBERED_MAX = 6 * 1024 * 1024, /* at most 128 MiB: 2^23 slots */
	DRAIN_TIMEOUT_MS = 1000,
	BLOCK_SIZE_MAX = 4 * RECEIVED_TEXT_SIZE_MAX,
};

/* Under the receiver's mutex. */
struct totals {
	uint64_t requests;
	uint64_t distinct;
	uint64_t duplicates;
	uint64_t not_remembered; /* the set of uuids was full */
	uint64_t not_envelopes;  /* no JSON object with a uuid */
	uint64_t unsigned_count;
	uint64_t bad_signatures;
	uint64_t answers[ANSWER_STATUS_MAX + 1];
	int64_t first_us;
	int64_t last_us;
};

struct receiver {
	struct receiver_settings settings;
	struct http_server *server;
	struct delay_line *delay_line; /* NULL: answers are not delayed */
	pthread_mutex_t mutex;         /* of what follows, and of standard output */
	struct totals totals;
	struct uuid_set seen;
	uint64_t progress_requests;
	int64_t progress_us;
	bool output_closed;
};

struct pending {
	struct delayed delayed;
	int status;
};

struct receiver *receiver_new(const struct receiver_settings *settings)
{
	struct receiver *receiver = memory_zalloc(sizeof(*receiver));

	receiver->settings = *settings;
	REPOSTAL_ASSERT(pthread_mutex_init(&receiver->mutex, NULL) == 0);
	uuid_set_init(&receiver->seen, UUIDS_REMEMBERED_MAX);
	receiver->progress_us = clock_monotonic_us();
	return receiver;
}

void receiver_free(struct receiver **receiverp)
{
	struct receiver *receiver = *receiverp;

	if (receiver == NULL)
		return;
	*receiverp = NULL;
	delay_line_free(&receiver->delay_line);
	uuid_set_free(&receiver->seen);
	pthread_mutex_destroy(&receiver->mutex);
	free(receiver);
}

static void count_uuid(struct receiver *receiver, struct received *received)
{
	struct totals *totals = &receiver->totals;

	if (!received->has_uuid) {
		totals->not_envelopes++;
		return;
	}
	switch (uuid_set_add(&receiver->seen, &received->uuid)) {
	case UUID_SET_NEW:
		totals->distinct++;
		break;
	case UUID_SET_SEEN:
		totals->duplicates++;
		received->seen_before = true;
		break;
	case UUID_SET_FULL:
		totals->not_remembered++;
		break;
	}
}

/* Counts it, and decides on its answer. */
static void take(struct receiver *receiver, struct received *received)
{
	struct totals *totals = &receiver->totals;

	pthread_mutex_lock(&receiver->mutex);
	totals->last_us = clock_monotonic_us();
	if (totals->requests == 0)
		totals->first_us = totals->last_us;
	received->answer_status = answer_plan_pick(&receiver->settings.plan, totals->requests);
	totals->requests++;
	totals->answers[received->answer_status]++;
	totals->bad_signatures += received_is_bad(received);
	totals->unsigned_count += received_is_unsigned(received);
	count_uuid(receiver, received);
	pthread_mutex_unlock(&receiver->mutex);
}

/* Under the mutex. */
static void flush_output(struct receiver *receiver)
{
	fflush(stdout);
	if (ferror(stdout) == 0 || receiver->output_closed)
		return;
	/* The reader has gone: end as if asked to, which is what the main thread waits for. */
	receiver->output_closed = true;
	kill(getpid(), SIGTERM);
}

static void print(struct receiver *receiver, const struct received *received)
{
	struct buf block;

	buf_init(&block, BLOCK_SIZE_MAX);
	received_print(received, &block);
	pthread_mutex_lock(&receiver->mutex);
	fwrite(block.data, 1, block.size, stdout);
	flush_output(receiver);
	pthread_mutex_unlock(&receiver->mutex);
	buf_free(&block);
}

/* Statuses that RFC 9110 gives no content. */
static bool has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

static void answer(struct http_exchange *exchange, int status)
{
	static const struct slice good = SLICE_LITERAL("taken by repostal listen\n");
	static const struct slice bad =
		SLICE_LITERAL("refused by repostal listen, as it was told\n");
	struct http_answer reply = { .status = status };

	if (has_body(status)) {
		reply.content_type = "text/plain";
		reply.body = status <= 299 ? good : bad;
	}
	http_answer(exchange, &reply);
}

static void complete(struct http_ticket *ticket, struct http_exchange *exchange)
{
	struct pending *pending = (struct pending *)ticket; /* its first member's first member */

	if (exchange != NULL)
		answer(exchange, pending->status);
	free(pending);
}

static void answer_later(struct receiver *receiver, struct http_exchange *exchange, int status)
{
	struct pending *pending = memory_zalloc(sizeof(*pending));

	pending->status = status;
	pending->delayed.ticket.complete = complete;
	http_defer(exchange, &pending->delayed.ticket);
	delay_line_add(receiver->delay_line, &pending->delayed);
}

static void refuse_method(struct http_exchange *exchange)
{
	struct http_header allow = { .name = "allow", .value = SLICE_LITERAL("POST") };

	http_answer_error_with(
		exchange, 405, "webhooks are sent with POST", "method", "request", allow);
}

static void handle(
	void *context, struct http_exchange *exchange, const struct http_request *request)
{
	struct receiver *receiver = context;
	struct signature_headers headers = {
		.kid = http_request_header(exchange, "x-postal-signature-kid"),
		.sha1 = http_request_header(exchange, "x-postal-signature"),
		.sha256 = http_request_header(exchange, "x-postal-signature-256"),
	};
	struct received received;

	if (!slice_is(request->method, "POST")) {
		refuse_method(exchange);
		return;
	}
	received_parse(request->body, &received);
	received.signatures = receiver_keys_check(receiver->settings.keys, request->body, &headers);
	take(receiver, &received);
	if (!receiver->settings.quiet)
		print(receiver, &received);
	if (receiver->delay_line != NULL)
		answer_later(receiver, exchange, received.answer_status);
	else
		answer(exchange, received.answer_status);
	received_clear(&received);
}

static void print_address(const struct receiver *receiver, const char *address)
{
	bool is_ipv6 = strchr(address, ':') != NULL;

	printf("listening on http://%s%s%s:%d/\n", is_ipv6 ? "[" : "", address, is_ipv6 ? "]" : "",
		http_server_port(receiver->server));
	fflush(stdout);
}

enum status receiver_start(
	struct receiver *receiver, const struct http_settings *http, struct error *err)
{
	int64_t delay_ms = receiver->settings.delay_ms;
	enum status status = http_server_open(http, handle, receiver, &receiver->server, err);

	if (status != STATUS_OK)
		return status;
	if (delay_ms > 0)
		receiver->delay_line = delay_line_start(receiver->server, delay_ms);
	print_address(receiver, http->address);
	http_server_run(receiver->server);
	return STATUS_OK;
}

void receiver_stop(struct receiver *receiver)
{
	if (receiver->delay_line != NULL)
		delay_line_hurry(receiver->delay_line);
	http_server_drain(receiver->server, DRAIN_TIMEOUT_MS);
	if (receiver->delay_line != NULL)
		delay_line_stop(receiver->delay_line);
	http_server_stop(&receiver->server);
}

/* Under the mutex. */
static void print_line(const struct receiver *receiver, double rate_per_second)
{
	const struct totals *totals = &receiver->totals;
	const char *separator = " answers=";

	printf("requests=%" PRIu64 " distinct=%" PRIu64 " duplicates=%" PRIu64
	       " bad_signatures=%" PRIu64 " unsigned=%" PRIu64 " not_envelopes=%" PRIu64
	       " rate=%.1f/s",
		totals->requests, totals->distinct, totals->duplicates, totals->bad_signatures,
		totals->unsigned_count, totals->not_envelopes, rate_per_second);
	for (int i = 0; i <= ANSWER_STATUS_MAX; i++)
		if (totals->answers[i] > 0) {
			printf("%s%d:%" PRIu64, separator, i, totals->answers[i]);
			separator = ",";
		}
	if (totals->not_remembered > 0)
		printf(" not_remembered=%" PRIu64
		       " (more than %d uuids: repeats of these are not seen)",
			totals->not_remembered, UUIDS_REMEMBERED_MAX);
	putchar('\n');
}

static double per_second(uint64_t count, int64_t duration_us)
{
	return duration_us <= 0 ? 0 : (double)count * 1e6 / (double)duration_us;
}

void receiver_print_progress(struct receiver *receiver)
{
	int64_t now_us = clock_monotonic_us();
	uint64_t arrived;

	pthread_mutex_lock(&receiver->mutex);
	arrived = receiver->totals.requests - receiver->progress_requests;
	if (arrived > 0) {
		print_line(receiver, per_second(arrived, now_us - receiver->progress_us));
		flush_output(receiver);
	}
	receiver->progress_requests = receiver->totals.requests;
	receiver->progress_us = now_us;
	pthread_mutex_unlock(&receiver->mutex);
}

void receiver_print_totals(struct receiver *receiver)
{
	const struct totals *totals = &receiver->totals;

	pthread_mutex_lock(&receiver->mutex);
	printf("total ");
	/* The first request starts the clock, so it is not among those that took the time. */
	print_line(receiver, totals->requests < 2 ? 0
						  : per_second(totals->requests - 1,
							    totals->last_us - totals->first_us));
	pthread_mutex_unlock(&receiver->mutex);
}

bool receiver_saw_bad_signature(const struct receiver *receiver)
{
	return receiver->totals.bad_signatures > 0;
}
