/* SPDX-License-Identifier: MIT */
#include "claimed.h"

#include "attempt/claim.h"
#include "attempt/verdict.h"
#include "handoff.h"
#include "repostal/bizmail.h"

static const struct dispatcher_source *find_source(
	const struct dispatcher *dispatcher, uint16_t number)
{
	for (size_t i = 0; i < dispatcher->settings.sources_count; i++)
		if (dispatcher->settings.sources[i].number == number)
			return &dispatcher->settings.sources[i];
	return NULL;
}

/*
 * The raw bytes once more through the same steps as at intake: the same envelope comes out, but for the uuid
 * of one that is sent as new.
 */
static struct outgoing *translate_claimed(struct dispatcher *dispatcher,
	const struct target *target, const struct store_claimed *claimed, struct error *err)
{
	const struct dispatcher_source *source = find_source(dispatcher, claimed->source);
	static const struct translate_defaults no_defaults;
	struct bizmail_event event;
	struct outgoing *outgoing = NULL;
	enum bizmail_problem problem = bizmail_parse(
		bizmail_encoding_of(claimed->content_type, claimed->raw), claimed->content_type,
		claimed->raw, (enum bizmail_kind)claimed->kind, &event, err);

	if (problem != BIZMAIL_PROBLEM_NONE) {
		error_set(err, "cannot be translated any more: %s", bizmail_problem_name(problem));
	} else if (claimed->source_name[0] == '\0') {
		error_set(err, "cannot be translated: source number %d is not known",
			claimed->source);
	} else {
		struct slice name = slice_text(claimed->source_name);
		struct event_identity identity = translate_identity(name, &event);

		identity.uuid = translate_uuid_as_new(
			&identity.uuid, slice_text(target->settings.name), claimed->as_new);
		outgoing = outgoing_translate(dispatcher->settings.translate, name,
			source == NULL || source->defaults == NULL ? &no_defaults
								   : source->defaults,
			&event, &identity, claimed->received_us, 1, err);
	}
	bizmail_event_release(&event);
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
