/* SPDX-License-Identifier: MIT */
#include "places.h"

enum {
	DESCRIPTORS_OTHER = 64, /* listeners, store, log, files that are read */
	DESCRIPTORS_SHARE = 4, /* the others are connections of senders, idle ones, name look-ups */
};

int places_of_descriptors(int64_t descriptors_max)
{
	int64_t count = (descriptors_max - DESCRIPTORS_OTHER) / DESCRIPTORS_SHARE;

	if (count > PLACES_MAX)
		return PLACES_MAX;
	return count < PLACES_MIN ? PLACES_MIN : (int)count;
}

void places_init(struct places *places, int total)
{
	*places = (struct places){ .total = total, .limit = total };
	places->waiting_end = &places->waiting;
}

int places_share(const struct places *places, size_t targets_count)
{
	int count = (int)targets_count;
	int share;

	if (count <= 1)
		return places->total;
	share = places->total / (2 * count);
	return share == 0 && places->total >= count ? 1 : share;
}

static int aside(const struct seat *seat)
{
	return seat->held < seat->guaranteed ? seat->guaranteed - seat->held : 0;
}

void places_guarantee(struct places *places, struct seat *seat, int count)
{
	places->set_aside -= aside(seat);
	seat->guaranteed = count;
	places->set_aside += aside(seat);
}

/* What any target may have. */
static int free_count(const struct places *places)
{
	return places->limit - places->taken - places->set_aside;
}

static void wait_in_line(struct places *places, struct seat *seat)
{
	if (seat->is_waiting)
		return;
	seat->is_waiting = true;
	seat->next_waiting = NULL;
	*places->waiting_end = seat;
	places->waiting_end = &seat->next_waiting;
}

static bool may_take(const struct places *places, const struct seat *seat)
{
	if (places->taken >= places->limit)
		return false;
	if (aside(seat) > 0)
		return true;
	/* None overtakes those that wait. */
	return free_count(places) > 0 && (places->waiting == NULL || seat->is_called);
}

bool places_take(struct places *places, struct seat *seat, int64_t now_ms)
{
	bool is_taken = now_ms >= places->held_until_ms && may_take(places, seat);

	if (!is_taken) {
		wait_in_line(places, seat);
		return false;
	}
	places->set_aside -= aside(seat);
	seat->held++;
	places->set_aside += aside(seat);
	places->taken++;
	seat->is_called = false;
	return true;
}

void places_give_back(struct places *places, struct seat *seat)
{
	places->set_aside -= aside(seat);
	seat->held--;
	places->set_aside += aside(seat);
	places->taken--;
	if (places->limit < places->total)
		places->limit++;
}

void places_run_short(struct places *places, int64_t now_ms)
{
	places->limit = places->taken > PLACES_MIN ? places->taken : PLACES_MIN;
	if (places->limit > places->total)
		places->limit = places->total;
	places->held_until_ms = now_ms + PLACES_HOLD_MS;
}

static bool may_call(const struct places *places)
{
	return places->waiting != NULL && places->taken < places->limit &&
	       (aside(places->waiting) > 0 || free_count(places) > 0);
}

struct seat *places_call(struct places *places, int64_t now_ms)
{
	struct seat *seat = places->waiting;

	if (now_ms < places->held_until_ms || !may_call(places))
		return NULL;
	places->waiting = seat->next_waiting;
	if (places->waiting == NULL)
		places->waiting_end = &places->waiting;
	seat->is_waiting = false;
	seat->is_called = true;
	return seat;
}

int64_t places_wait_ms(const struct places *places, int64_t now_ms)
{
	if (!may_call(places))
		return INT64_MAX;
	return now_ms >= places->held_until_ms ? 0 : places->held_until_ms - now_ms;
}
