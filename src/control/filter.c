/* SPDX-License-Identifier: MIT */
#include "filter.h"

#include <stdlib.h>
#include <string.h>

#include "repostal/bizmail.h"
#include "repostal/clock.h"
#include "repostal/envelope.h"
#include "repostal/memory.h"
#include "repostal/search_key.h"
#include "repostal/text.h"

static const struct {
	const char *name;
	enum delivery_state stored;
} states[SHOWN_STATE_COUNT] = {
	[SHOWN_READY] = { "ready", DELIVERY_WAITING },
	[SHOWN_WAITING] = { "waiting", DELIVERY_WAITING },
	[SHOWN_IN_FLIGHT] = { "inflight", DELIVERY_LEASED },
	[SHOWN_HELD] = { "held", DELIVERY_WAITING },
	[SHOWN_DELIVERED] = { "delivered", DELIVERY_DELIVERED },
	[SHOWN_DEAD] = { "dead", DELIVERY_DEAD },
	[SHOWN_DISCARDED] = { "discarded", DELIVERY_DISCARDED },
};

enum {
	ALL_WAITING = 1 << SHOWN_READY | 1 << SHOWN_WAITING | 1 << SHOWN_HELD,
	SHOWN_SIZE_MAX = 60, /* of what was given, in a message */
};

enum shown_state shown_state_of(const struct store_row *row)
{
	switch (row->state) {
	case DELIVERY_LEASED:
		return SHOWN_IN_FLIGHT;
	case DELIVERY_WAITING:
		if (row->is_held)
			return SHOWN_HELD;
		return row->attempts == 0 ? SHOWN_READY : SHOWN_WAITING;
	case DELIVERY_DELIVERED:
		return SHOWN_DELIVERED;
	case DELIVERY_DEAD:
		return SHOWN_DEAD;
	case DELIVERY_DISCARDED:
		return SHOWN_DISCARDED;
	}
	return SHOWN_DISCARDED; /* not reached: -Wswitch guards the cases */
}

const char *shown_state_name(enum shown_state state)
{
	return states[state].name;
}

void filter_init(struct filter *filter)
{
	*filter = (struct filter){
		.store = { .target = -1, .type = -1 },
		.is_empty = true,
	};
}

void filter_free(struct filter *filter)
{
	free(filter->message_id);
	free(filter->recipient);
	filter_init(filter);
}

/* The beginning of what was given, for a message. */
static int shown_size(struct slice value)
{
	return (int)(value.size < SHOWN_SIZE_MAX ? value.size : SHOWN_SIZE_MAX);
}

static bool set_states(struct filter *filter, struct slice value, struct error *err)
{
	while (value.size > 0) {
		struct slice name = slice_trim(slice_cut(&value, ','));
		size_t state = 0;

		while (state < SHOWN_STATE_COUNT && !slice_is(name, states[state].name))
			state++;
		if (state == SHOWN_STATE_COUNT) {
			error_set(err,
				"'%.*s' is not one of ready, waiting, inflight, held, delivered, "
				"dead, discarded",
				shown_size(name), name.data);
			return false;
		}
		filter->shown_states |= UINT32_C(1) << state;
		filter->store.states |= UINT32_C(1) << states[state].stored;
	}
	return true;
}

static bool set_target(
	struct filter *filter, const struct names *names, struct slice value, struct error *err)
{
	filter->store.target = names_find_target(names, value);
	if (filter->store.target < 0)
		names_refuse_target(names, value, err);
	return filter->store.target >= 0;
}

static bool set_type(struct filter *filter, struct slice value, struct error *err)
{
	enum postal_event_type type;
	struct buf known;

	if (postal_event_type_parse(value, &type)) {
		filter->store.type = (int)type;
		return true;
	}
	buf_init(&known, ERROR_TEXT_SIZE);
	for (int i = 0; i < POSTAL_EVENT_TYPE_COUNT; i++)
		buf_printf(&known, "%s%s", i == 0 ? "" : ", ",
			postal_event_type_name((enum postal_event_type)i));
	error_set(err, "'%.*s' is not one of %s", shown_size(value), value.data, known.data);
	buf_free(&known);
	return false;
}

static bool set_time(struct slice value, int64_t now_us, int64_t *us_out, struct error *err)
{
	if (clock_parse_when(value, now_us, CLOCK_UTC, us_out))
		return true;
	error_set(err,
		"'%.*s' is neither a duration such as 2h nor a time such as 2026-11-21 or "
		"2026-11-21T08:00:00+01:00",
		shown_size(value), value.data);
	return false;
}

/* A message is the narrower of the two; only one can be looked up. */
static bool set_text(char **text, struct slice value, int64_t key, bool is_narrower,
	struct filter *filter, struct error *err)
{
	if (value.size > BIZMAIL_ADDRESS_SIZE_MAX || memchr(value.data, 0, value.size) != NULL) {
		error_set(err, "too long, or with a NUL in it");
		return false;
	}
	free(*text);
	*text = memory_copy_bytes(value.data, value.size);
	if (is_narrower || filter->store.search_key == 0)
		filter->store.search_key = key;
	return true;
}

/* As a mail program shows them: "<m1@x>", "Ann <ann@example.com>". What is neither stays as it is. */

static bool set_message_id(struct filter *filter, struct slice value, struct error *err)
{
	struct slice id = bizmail_id(value);

	if (id.size == 0)
		id = value;
	return set_text(&filter->message_id, id, search_key_message(id), true, filter, err);
}

static bool set_recipient(struct filter *filter, struct slice value, struct error *err)
{
	struct slice address = bizmail_address(value);

	if (address.size == 0)
		address = slice_trim(value);
	return set_text(
		&filter->recipient, address, search_key_recipient(address), false, filter, err);
}

enum filter_set filter_set(struct filter *filter, const struct names *names, struct slice key,
	struct slice value, int64_t now_us, struct error *err)
{
	bool is_good;

	if (value.size == 0 && (slice_is(key, "target") || slice_is(key, "state") ||
				       slice_is(key, "message_id") || slice_is(key, "recipient"))) {
		error_set(err, "is empty");
		return FILTER_BAD_VALUE;
	}
	if (slice_is(key, "target"))
		is_good = set_target(filter, names, value, err);
	else if (slice_is(key, "state"))
		is_good = set_states(filter, value, err);
	else if (slice_is(key, "event"))
		is_good = set_type(filter, value, err);
	else if (slice_is(key, "since"))
		is_good = set_time(value, now_us, &filter->store.since_us, err);
	else if (slice_is(key, "until"))
		is_good = set_time(value, now_us, &filter->store.until_us, err);
	else if (slice_is(key, "message_id"))
		is_good = set_message_id(filter, value, err);
	else if (slice_is(key, "recipient"))
		is_good = set_recipient(filter, value, err);
	else
		return FILTER_NO_SUCH_KEY;
	filter->is_empty = filter->is_empty && !is_good;
	return is_good ? FILTER_SET : FILTER_BAD_VALUE;
}

void filter_default_states(struct filter *filter, uint32_t shown_states)
{
	if (filter->shown_states != 0)
		return;
	filter->shown_states = shown_states;
	for (int state = 0; state < SHOWN_STATE_COUNT; state++)
		if ((shown_states >> state & 1) != 0)
			filter->store.states |= UINT32_C(1) << states[state].stored;
}

bool filter_is_exact(const struct filter *filter)
{
	uint32_t waiting = filter->shown_states & ALL_WAITING;

	return filter->message_id == NULL && filter->recipient == NULL &&
	       (waiting == 0 || waiting == ALL_WAITING);
}

bool filter_wants(
	const struct filter *filter, const struct store_row *row, const struct parsed_event *parsed)
{
	if (filter->shown_states != 0 && (filter->shown_states >> shown_state_of(row) & 1) == 0)
		return false;
	if (filter->message_id != NULL && !slice_is_nocase(parsed->event.id, filter->message_id))
		return false;
	return filter->recipient == NULL ||
	       slice_is_nocase(parsed->event.recipient, filter->recipient);
}
