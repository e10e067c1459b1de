/* SPDX-License-Identifier: MIT */
#include "control_private.h"
#include "repostal/search_key.h"

enum {
	SCAN_MAX = 5000
};

static enum status take_portion(struct store *store, void *argument, struct error *err)
{
	return store_change(store, argument, err);
}

static void look(const struct control *control, const uint64_t *touched_targets)
{
	for (size_t target = 0; target < STORE_TARGETS_MAX; target++)
		if ((touched_targets[target / 64] >> (target % 64) & 1) != 0)
			control->settings.backend->look(
				control->settings.context, (uint16_t)target);
}

enum status change_portion(
	const struct control *control, struct store_change *change, struct error *err)
{
	enum status status = control_write(control, take_portion, change, err);

	if (status == STATUS_OK)
		look(control, change->touched_targets);
	return status;
}

struct item_changes {
	const struct change_item *items;
	size_t items_count;
	struct store_change change;
	size_t changed;
};

/* The delivery stays locked from its change to the end of the transaction: a number is used once. */
static enum status send_as_new(
	struct store *store, const struct change_item *item, int64_t now_ms, struct error *err)
{
	char text[UUID_TEXT_SIZE];
	struct uuid uuid;
	int number;
	enum status status;

	status = store_number_anew(store, item->event, (uint16_t)item->target, 1, &number, err);
	if (status != STATUS_OK)
		return status;
	uuid = event_uuid_as_new(&item->uuid, item->target_name, number);
	uuid_format(&uuid, text);
	return store_add_search_key(
		store, item->event, search_key_uuid(slice_text(text)), now_ms, err);
}

static enum status change_item(
	struct store *store, struct item_changes *changes, size_t index, struct error *err)
{
	const struct change_item *item = &changes->items[index];
	struct store_change *change = &changes->change;
	enum status status = STATUS_OK;

	change->filter = (struct store_filter){
		.target = item->target,
		.type = -1,
		.event = item->event,
		.states = item->states,
	};
	change->after = 0;
	change->done = false;
	while (status == STATUS_OK && !change->done) {
		status = store_change(store, change, err);
		changes->changed += change->changed;
		if (status == STATUS_OK && item->as_new && change->changed > 0)
			status = send_as_new(store, item, change->now_ms, err);
	}
	return status;
}

static enum status take_items(struct store *store, void *argument, struct error *err)
{
	struct item_changes *changes = argument;
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < changes->items_count; i++)
		status = change_item(store, changes, i, err);
	return status;
}

enum status change_items(const struct control *control, enum store_change_kind kind,
	const struct change_item *items, size_t items_count, int64_t now_ms, size_t *changed_out,
	struct error *err)
{
	struct item_changes changes = {
		.items = items,
		.items_count = items_count,
		.change = {
			.kind = kind,
			.now_ms = now_ms,
			.count_max = STORE_TARGETS_MAX,
			.scan_limit = SCAN_MAX,
		},
	};
	enum status status = control_write(control, take_items, &changes, err);

	*changed_out = status == STATUS_OK ? changes.changed : 0;
	if (status == STATUS_OK)
		look(control, changes.change.touched_targets);
	return status;
}
