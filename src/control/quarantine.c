/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>

#include "control_private.h"
#include "listing.h"
#include "replay.h"
#include "repostal/memory.h"

enum {
	PORTION_COUNT = 32 /* bounds the bytes in memory */
};

static void write_members(
	struct buf *out, const struct names *names, const struct store_quarantine_row *row)
{
	out_int(out, "id", row->id);
	out_text(out, "source", names_source(names, row->source));
	out_text(out, "kind", slice_text(bizmail_kind_name((enum bizmail_kind)row->kind)));
	out_text(out, "reason", row->reason);
	out_time_ms(out, "received", row->received_us / 1000);
	out_time_ms(out, "last_seen", row->last_seen_us / 1000);
	out_int(out, "seen", row->seen);
	out_int(out, "size", (int64_t)row->raw.size);
}

static void write_listed(void *context, const struct store_quarantine_row *row)
{
	struct call *call = context;

	out_open(&call->answer->body, '{');
	write_members(&call->answer->body, &call->names, row);
	out_close(&call->answer->body, '}');
}

void quarantine_list(struct call *call)
{
	struct buf *out = &call->answer->body;
	struct paging paging;
	struct error err;
	struct store_page page;
	enum status status;

	if (!call_take_paging(call, &paging) || !call_take_query_end(call))
		return;
	out_open(out, '{');
	out_open_at(out, "quarantine", '[');
	page = (struct store_page){ .count_max = paging.limit, .next = paging.before };
	status = store_reader_quarantine(call->control->reader, &page, write_listed, call, &err);
	out_close(out, ']');
	call_write_next(call, page.next);
	out_close(out, '}');
	if (status != STATUS_OK)
		call_refuse_status(call, status, &err);
}

/* The status of one row's lookup; false: refused. */
static bool is_found(struct call *call, enum status status, const struct error *err)
{
	if (status == STATUS_NOT_FOUND)
		call_refuse(call, 404, "id", "path", "nothing of id %" PRId64 " is in quarantine",
			call->number);
	else if (status != STATUS_OK)
		call_refuse_status(call, status, err);
	return status == STATUS_OK;
}

static void write_whole(void *context, const struct store_quarantine_row *row)
{
	struct call *call = context;
	struct buf *out = &call->answer->body;

	out_open(out, '{');
	write_members(out, &call->names, row);
	out_text(out, "content_type", row->content_type);
	out_text(out, "raw", row->raw);
	out_close(out, '}');
}

void quarantine_show(struct call *call)
{
	struct error err;

	if (call_take_query_end(call))
		is_found(call,
			store_reader_quarantined(
				call->control->reader, call->number, write_whole, call, &err),
			&err);
}

/* Rows that can be replayed now, and a count of those that cannot. */
struct portion {
	const struct call *call;
	struct replay *replays[PORTION_COUNT];
	size_t count;
	int64_t stays;
	struct error why; /* of the last that stays */
};

static void on_replay_row(void *context, const struct store_quarantine_row *row)
{
	struct portion *portion = context;
	struct replay *replay = replay_prepare(portion->call, row, &portion->why);

	if (replay == NULL)
		portion->stays++;
	else
		portion->replays[portion->count++] = replay;
}

static void portion_free(struct portion *portion)
{
	for (size_t i = 0; i < portion->count; i++)
		replay_free(&portion->replays[i]);
	portion->count = 0;
}

static void answer_replayed(struct call *call, const struct portion *portion)
{
	struct buf *out = &call->answer->body;
	bool is_replayed = portion->count == 1;
	enum replay_result result =
		is_replayed ? replay_result(portion->replays[0]) : REPLAY_ACCEPTED;

	if (is_replayed && result == REPLAY_GONE) {
		is_found(call, STATUS_NOT_FOUND, NULL);
		return;
	}
	out_open(out, '{');
	out_text(out, "status",
		slice_text(!is_replayed                 ? "quarantined"
			   : result == REPLAY_DUPLICATE ? "duplicate"
							: "accepted"));
	out_text(out, "message_id",
		is_replayed ? replay_message_id(portion->replays[0]) : slice_of(NULL, 0));
	if (!is_replayed)
		out_text(out, "reason", slice_text(portion->why.text));
	out_close(out, '}');
}

void quarantine_replay_one(struct call *call)
{
	struct portion portion = { .call = call };
	struct error err;

	if (!call_take_query_end(call) ||
		!is_found(call,
			store_reader_quarantined(
				call->control->reader, call->number, on_replay_row, &portion, &err),
			&err))
		return;
	if (portion.count == 0 ||
		is_found(call, replay_commit(call->control, portion.replays, portion.count, &err),
			&err))
		answer_replayed(call, &portion);
	portion_free(&portion);
}

static int64_t count_replayed(const struct portion *portion)
{
	int64_t count = 0;

	for (size_t i = 0; i < portion->count; i++)
		count += replay_result(portion->replays[i]) != REPLAY_GONE;
	return count;
}

void quarantine_replay_all(struct call *call)
{
	struct portion portion = { .call = call };
	struct buf *out = &call->answer->body;
	enum status status = STATUS_OK;
	struct store_page page = { .count_max = PORTION_COUNT };
	int64_t replayed = 0;
	struct error err;

	if (!call_take_all(call))
		return;
	do {
		status = store_reader_quarantine(
			call->control->reader, &page, on_replay_row, &portion, &err);
		if (status == STATUS_OK && portion.count > 0)
			status = replay_commit(call->control, portion.replays, portion.count, &err);
		if (status == STATUS_OK)
			replayed += count_replayed(&portion);
		portion_free(&portion);
	} while (status == STATUS_OK && page.next != 0);
	if (status != STATUS_OK) {
		call_refuse_status(call, status, &err);
		return;
	}
	out_open(out, '{');
	out_int(out, "replayed", replayed);
	out_int(out, "still_quarantined", portion.stays);
	out_close(out, '}');
}

struct discards {
	int64_t ids[PORTION_COUNT];
	size_t count;
	int64_t discarded; /* by the last portion */
};

static void on_discard_row(void *context, const struct store_quarantine_row *row)
{
	struct discards *discards = context;

	discards->ids[discards->count++] = row->id;
}

static enum status take_discards(struct store *store, void *argument, struct error *err)
{
	struct discards *discards = argument;
	enum status status = STATUS_OK;

	discards->discarded = 0;
	for (size_t i = 0; status == STATUS_OK && i < discards->count; i++) {
		status = store_unquarantine(store, discards->ids[i], err);
		discards->discarded += status == STATUS_OK;
		/* Somebody was faster. */
		if (status == STATUS_NOT_FOUND)
			status = STATUS_OK;
	}
	return status;
}

static void answer_discarded(
	struct call *call, enum status status, int64_t discarded, const struct error *err)
{
	if (status != STATUS_OK) {
		call_refuse_status(call, status, err);
		return;
	}
	out_open(&call->answer->body, '{');
	out_int(&call->answer->body, "discarded", discarded);
	out_close(&call->answer->body, '}');
}

void quarantine_discard_one(struct call *call)
{
	struct discards discards = { .ids = { call->number }, .count = 1 };
	struct error err;
	enum status status;

	if (!call_take_query_end(call))
		return;
	status = control_write(call->control, take_discards, &discards, &err);
	if (status == STATUS_OK && discards.discarded == 0)
		is_found(call, STATUS_NOT_FOUND, NULL);
	else
		answer_discarded(call, status, discards.discarded, &err);
}

void quarantine_discard_all(struct call *call)
{
	enum status status = STATUS_OK;
	struct store_page page = { .count_max = PORTION_COUNT };
	int64_t discarded = 0;
	struct discards discards;
	struct error err;

	if (!call_take_all(call))
		return;
	do {
		discards.count = 0;
		discards.discarded = 0;
		status = store_reader_quarantine(
			call->control->reader, &page, on_discard_row, &discards, &err);
		if (status == STATUS_OK && discards.count > 0)
			status = control_write(call->control, take_discards, &discards, &err);
		discarded += discards.discarded;
	} while (status == STATUS_OK && page.next != 0);
	answer_discarded(call, status, discarded, &err);
}
