/* SPDX-License-Identifier: MIT */
#include "claimed.h"

#include "attempt/claim.h"
#include "attempt/verdict.h"
#include "handoff.h"
#include "repostal/event_row.h"

/*
 * The raw bytes once more through the same steps as at intake: the same envelope comes out, but for the uuid
 * of one that is sent as new.
 */
static struct outgoing *translate_claimed(struct dispatcher *dispatcher,
	const struct target *target, const struct store_claimed *claimed, struct error *err)
{
	static const struct known_message known;
	struct event_record record = event_record_of_claimed(claimed);
	struct outgoing *outgoing = NULL;
	struct parsed_event parsed;

	if (event_parse(&record, &parsed) != BIZMAIL_PROBLEM_NONE) {
		error_set(err, "cannot be translated any more: %s",
			bizmail_problem_name(parsed.problem));
	} else if (record.source_name.size == 0) {
		error_set(err, "cannot be translated: source number %d is not known",
			claimed->source);
	} else {
		parsed_event_send_as_new(
			&parsed, slice_text(target->settings.name), claimed->as_new);
		outgoing = outgoing_translate(&dispatcher->settings.rules, &parsed, &known, 1, err);
	}
	parsed_event_release(&parsed);
	return outgoing;
}

static void on_claimed(
	struct dispatcher *dispatcher, struct target *target, const struct store_claimed *claimed)
{
	struct error err = { .text = "" };
	struct outgoing *outgoing = translate_claimed(dispatcher, target, claimed, &err);
	bool is_translated = outgoing != NULL;
	struct delivery *delivery;

	if (!is_translated)
		outgoing = outgoing_new(SLICE_LITERAL(""), claimed->received_us, 1);
	outgoing->event = claimed->event;
	outgoing->lease = claimed->lease;
	outgoing->source = claimed->source;
	handoff_address(dispatcher, outgoing, 0, target, claimed->type);
	delivery = &outgoing->deliveries[0];
	delivery->attempts = claimed->attempts;
	delivery->is_replay = claimed->is_replay || claimed->as_new > 0;
	delivery->claimed = true;
	atomic_fetch_add(&target->claimed_held, 1);
	if (!is_translated) {
		verdict_give_up(target, delivery, TRANSPORT_OTHER, "untranslatable", err.text);
		return;
	}
	target_lane_of(target, delivery)->claimed_ready++;
	handoff_sign(dispatcher, outgoing);
}

void claimed_take(struct dispatcher *dispatcher, struct mailbox_item *item, int64_t now_ms)
{
	struct target *target = MAILBOX_ENTRY(item, struct target, claim_item);
	struct store_claim *claim = &target->claim.claim;

	for (struct store_claimed *claimed = claim->list; claimed != NULL; claimed = claimed->next)
		on_claimed(dispatcher, target, claimed);
	store_claimed_free(&claim->list);
	claim_done(target, now_ms);
}
