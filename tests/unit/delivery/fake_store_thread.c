/* SPDX-License-Identifier: MIT */
#include "fake_store_thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "repostal/bizmail.h"
#include "repostal/clock.h"
#include "repostal/memory.h"

enum {
	TARGETS_MAX = 8,
};

struct store_thread {
	struct mailbox_chain posted;
	struct store_metrics metrics;
	bool is_failing;
	struct fake_row rows[FAKE_STORE_ROWS_MAX];
	size_t rows_count;
	const char *pause_reasons[TARGETS_MAX];
};

static struct store_thread the_thread;

void fake_store_reset(void)
{
	memset(&the_thread, 0, sizeof(the_thread));
	fake_store_set_lease_until(INT64_MAX);
}

struct store_thread *fake_store_thread(void)
{
	return &the_thread;
}

struct fake_row *fake_store_add(uint16_t target, uint8_t type)
{
	struct fake_row *row = &the_thread.rows[the_thread.rows_count++];

	REPOSTAL_ASSERT(the_thread.rows_count <= FAKE_STORE_ROWS_MAX);
	*row = (struct fake_row){
		.event = (int64_t)the_thread.rows_count,
		.target = target,
		.type = type,
		.state = DELIVERY_WAITING,
		.due_ms = clock_unix_ms(),
		.happened_ms = clock_unix_ms(),
	};
	return row;
}

struct fake_row *fake_store_row(int64_t event)
{
	REPOSTAL_ASSERT(event >= 1 && event <= (int64_t)the_thread.rows_count);
	return &the_thread.rows[event - 1];
}

size_t fake_store_rows_count(void)
{
	return the_thread.rows_count;
}

void fake_store_fail(bool is_failing)
{
	the_thread.is_failing = is_failing;
}

const char *fake_store_pause_reason(uint16_t target)
{
	const char *reason = the_thread.pause_reasons[target];

	return reason == NULL ? "" : reason;
}

void fake_store_set_lease_until(int64_t monotonic_ms)
{
	gauge_set(&the_thread.metrics.lease_until_ms, monotonic_ms);
}

/* Steps. */

static void record(const struct store_verdict *verdict)
{
	struct fake_row *row = fake_store_row(verdict->event);

	REPOSTAL_ASSERT(row->state == DELIVERY_LEASED && row->attempts == verdict->attempts);
	row->state = verdict->next;
	row->due_ms = verdict->due_ms;
	row->attempts -= verdict->release;
	row->verdicts++;
	row->http_status = verdict->http_status;
	row->transport = verdict->transport;
	(void)snprintf(row->answer, sizeof(row->answer), "%.*s", (int)verdict->answer.size,
		verdict->answer.data);
}

struct event_record fake_store_record(const struct fake_row *row, char raw[FAKE_STORE_RAW_SIZE_MAX])
{
	int size = row->is_untranslatable
			   ? snprintf(raw, FAKE_STORE_RAW_SIZE_MAX, "no event")
			   : snprintf(raw, FAKE_STORE_RAW_SIZE_MAX,
				     "{\"event\":\"delivered\",\"id\":\"%" PRId64
				     "@example.com\",\"recipient\":\"a@example.com\","
				     "\"time\":%" PRId64 "}",
				     row->event, row->happened_ms / 1000);

	return (struct event_record){
		.source_name = SLICE_LITERAL("bizmail"),
		.received_us = row->happened_ms * 1000,
		.kind = BIZMAIL_DELIVERED,
		.content_type = SLICE_LITERAL("application/json"),
		.raw = slice_of(raw, (size_t)size),
	};
}

static struct store_claimed *claimed_of(const struct fake_row *row)
{
	struct store_claimed *claimed = memory_zalloc(sizeof(*claimed) + FAKE_STORE_RAW_SIZE_MAX);
	const struct event_record record = fake_store_record(row, (char *)(claimed + 1));

	claimed->event = row->event;
	claimed->lease = row->event;
	claimed->received_us = record.received_us;
	claimed->attempts = row->attempts;
	claimed->is_replay = row->is_replay;
	claimed->as_new = row->as_new;
	claimed->target = row->target;
	claimed->kind = record.kind;
	claimed->type = row->type;
	claimed->source_name = "bizmail";
	claimed->content_type = record.content_type;
	claimed->raw = record.raw;
	return claimed;
}

/* Of what waits of this type: the one that is due first. */
static struct fake_row *first_due(uint16_t target, uint8_t type)
{
	struct fake_row *first = NULL;

	for (size_t i = 0; i < the_thread.rows_count; i++) {
		struct fake_row *row = &the_thread.rows[i];

		if (row->target == target && row->type == type && row->state == DELIVERY_WAITING &&
			(first == NULL || row->due_ms < first->due_ms))
			first = row;
	}
	return first;
}

static void claim_type(struct store_claim *claim, uint8_t type, struct store_claimed ***end)
{
	size_t left = claim->count_max[type];
	struct fake_row *row = first_due(claim->target, type);

	while (left > 0 && row != NULL && row->due_ms <= clock_unix_ms()) {
		row->state = DELIVERY_LEASED;
		row->attempts++;
		**end = claimed_of(row);
		*end = &(**end)->next;
		claim->count++;
		left--;
		row = first_due(claim->target, type);
	}
	claim->next_due_ms[type] = row == NULL ? INT64_MAX : row->due_ms;
}

static enum status claim(struct store_claim *claim)
{
	struct store_claimed **end = &claim->list;

	claim->list = NULL;
	claim->count = 0;
	if (the_thread.is_failing)
		return STATUS_IO;
	for (uint8_t type = 0; type < STORE_TYPES; type++)
		if (claim->count_max[type] > 0)
			claim_type(claim, type, &end);
	return STATUS_OK;
}

static void carry_out(struct store_request *request)
{
	struct store_pause_request *pause = (struct store_pause_request *)request;

	request->status = the_thread.is_failing ? STATUS_IO : STATUS_OK;
	if (request->kind == STORE_REQUEST_VERDICT)
		record(&((struct store_verdict_request *)request)->verdict);
	else if (request->kind == STORE_REQUEST_CLAIM)
		request->status = claim(&((struct store_claim_request *)request)->claim);
	else if (request->kind == STORE_REQUEST_PAUSE && request->status == STATUS_OK)
		the_thread.pause_reasons[pause->target] = pause->reason;
	request->done(request, request->status, NULL);
}

void fake_store_commit(void)
{
	struct mailbox_chain chain = the_thread.posted;
	struct mailbox_item *item;

	the_thread.posted = (struct mailbox_chain){ 0 };
	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct store_request *request = MAILBOX_ENTRY(item, struct store_request, item);

		if (the_thread.is_failing && request->kind == STORE_REQUEST_VERDICT)
			mailbox_chain_add(&the_thread.posted, item);
		else
			carry_out(request);
	}
}

int fake_store_kept_count(void)
{
	int count = 0;

	for (struct mailbox_item *item = the_thread.posted.first; item != NULL; item = item->next)
		count += MAILBOX_ENTRY(item, struct store_request, item)->kind ==
			 STORE_REQUEST_VERDICT;
	return count;
}

/* store_thread.h, and what of store.h delivery uses. */

void store_thread_post_chain(struct store_thread *thread, struct mailbox_chain *chain)
{
	mailbox_chain_join(&thread->posted, chain);
}

struct store_metrics *store_thread_metrics(struct store_thread *thread)
{
	return &thread->metrics;
}

void store_claimed_free(struct store_claimed **listp)
{
	while (*listp != NULL) {
		struct store_claimed *claimed = *listp;

		*listp = claimed->next;
		free(claimed);
	}
}
