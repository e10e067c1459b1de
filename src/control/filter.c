/* SPDX-License-Identifier: MIT */
#include "filter.h"

#include <stdlib.h>
#include <string.h>

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
	YEAR_MIN = 1970,
	YEAR_MAX = 9999,
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

/* A fixed number of digits at *at, which moves behind them. */
static bool take_digits(struct slice *at, size_t digits, int64_t *out)
{
	bool is_number = at->size >= digits && text_parse_uint(slice_of(at->data, digits), out);

	if (is_number)
		*at = slice_of(at->data + digits, at->size - digits);
	return is_number;
}

static bool take_char(struct slice *at, char c)
{
	if (at->size == 0 || at->data[0] != c)
		return false;
	*at = slice_of(at->data + 1, at->size - 1);
	return true;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970-01-01. */
static int64_t days_before(int64_t year, int64_t month)
{
	static const int days_before_month[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304,
		334 };
	int64_t past = year - 1;
	int64_t days = 365 * past + past / 4 - past / 100 + past / 400 - 719162;

	return days + days_before_month[month - 1] + (month > 2 && is_leap(year));
}

static bool take_date(struct slice *at, int64_t *days_out)
{
	static const int days_of_month[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t year, month, day;

	if (!take_digits(at, 4, &year) || !take_char(at, '-') || !take_digits(at, 2, &month) ||
		!take_char(at, '-') || !take_digits(at, 2, &day))
		return false;
	if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1 ||
		day > days_of_month[month - 1] + (month == 2 && is_leap(year)))
		return false;
	*days_out = days_before(year, month) + day - 1;
	return true;
}

static bool take_fraction_us(struct slice *at, int64_t *us)
{
	int64_t digit, unit_us = 100000;

	if (!take_char(at, '.'))
		return true;
	if (!take_digits(at, 1, &digit))
		return false;
	do {
		*us += digit * unit_us;
		unit_us /= 10;
	} while (unit_us > 0 && take_digits(at, 1, &digit));
	return true;
}

static bool take_time_us(struct slice *at, int64_t *us_out)
{
	int64_t hour, minute, second;

	if (!take_digits(at, 2, &hour) || !take_char(at, ':') || !take_digits(at, 2, &minute) ||
		!take_char(at, ':') || !take_digits(at, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	*us_out = ((hour * 60 + minute) * 60 + second) * 1000000;
	return take_fraction_us(at, us_out) && take_char(at, 'Z');
}

bool filter_parse_time(struct slice text, int64_t now_us, int64_t *us_out)
{
	int64_t ago_ms, days, us = 0;

	if (text_parse_duration_ms(text, &ago_ms)) {
		*us_out = ago_ms < now_us / 1000 ? now_us - ago_ms * 1000 : 1;
		return true;
	}
	if (!take_date(&text, &days))
		return false;
	if (text.size > 0 && (!take_char(&text, 'T') || !take_time_us(&text, &us)))
		return false;
	if (text.size > 0)
		return false;
	us += days * 24 * 3600 * 1000000;
	*us_out = us > 0 ? us : 1; /* 0 is no limit at all */
	return true;
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
				(int)(name.size < 40 ? name.size : 40), name.data);
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
		error_set(err, "there is no target of this name");
	return filter->store.target >= 0;
}

static bool set_type(struct filter *filter, struct slice value, struct error *err)
{
	enum postal_event_type type;

	if (!postal_event_type_parse(value, &type)) {
		error_set(err, "not an event that is sent, such as MessageSent");
		return false;
	}
	filter->store.type = (int)type;
	return true;
}

static bool set_time(struct slice value, int64_t now_us, int64_t *us_out, struct error *err)
{
	if (filter_parse_time(value, now_us, us_out))
		return true;
	error_set(err, "neither a time such as 2026-11-21T01:02:03Z nor a duration such as 2h");
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
		is_good = set_text(
			&filter->message_id, value, search_key_message(value), true, filter, err);
	else if (slice_is(key, "recipient"))
		is_good = set_text(
			&filter->recipient, value, search_key_recipient(value), false, filter, err);
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
	const struct filter *filter, const struct store_row *row, const struct facts *facts)
{
	if (filter->shown_states != 0 && (filter->shown_states >> shown_state_of(row) & 1) == 0)
		return false;
	if (filter->message_id != NULL &&
		!facts_same_text(facts->event.id, slice_text(filter->message_id)))
		return false;
	return filter->recipient == NULL ||
	       facts_same_text(facts->event.recipient, slice_text(filter->recipient));
}
