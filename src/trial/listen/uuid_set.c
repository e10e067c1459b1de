/* SPDX-License-Identifier: MIT */
#include "uuid_set.h"

#include <stdlib.h>
#include <string.h>

#include "repostal/memory.h"

enum {
	SLOTS_COUNT_MIN = 1024
};

static const struct uuid zero;

static bool is_equal(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->bytes, b->bytes, UUID_SIZE) == 0;
}

/* The slot of the uuid, or the free one where it belongs: there always is a free one. */
static struct uuid *find(struct uuid *slots, size_t slots_count, const struct uuid *uuid)
{
	uint64_t halves[2];
	size_t at;

	memcpy(halves, uuid->bytes, sizeof(halves));
	at = (size_t)((halves[0] ^ halves[1]) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
	for (;; at++) {
		struct uuid *slot = &slots[at & (slots_count - 1)];

		if (is_equal(slot, &zero) || is_equal(slot, uuid))
			return slot;
	}
}

/* At most three quarters of the slots are used. */
static void make_room(struct uuid_set *set)
{
	size_t slots_count = set->slots_count == 0 ? SLOTS_COUNT_MIN : set->slots_count * 2;
	struct uuid *slots;

	if ((set->count + 1) * 4 <= set->slots_count * 3)
		return;
	slots = memory_array(slots_count, sizeof(*slots));
	for (size_t i = 0; i < set->slots_count; i++)
		if (!is_equal(&set->slots[i], &zero))
			*find(slots, slots_count, &set->slots[i]) = set->slots[i];
	free(set->slots);
	set->slots = slots;
	set->slots_count = slots_count;
}

void uuid_set_init(struct uuid_set *set, size_t count_max)
{
	*set = (struct uuid_set){ .count_max = count_max };
}

enum uuid_set_answer uuid_set_add(struct uuid_set *set, const struct uuid *uuid)
{
	struct uuid *slot;

	if (is_equal(uuid, &zero)) {
		bool seen = set->has_zero;

		set->has_zero = true;
		return seen ? UUID_SET_SEEN : UUID_SET_NEW;
	}
	make_room(set);
	slot = find(set->slots, set->slots_count, uuid);
	if (is_equal(slot, uuid))
		return UUID_SET_SEEN;
	if (set->count == set->count_max)
		return UUID_SET_FULL;
	*slot = *uuid;
	set->count++;
	return UUID_SET_NEW;
}

void uuid_set_free(struct uuid_set *set)
{
	free(set->slots);
	*set = (struct uuid_set){ 0 };
}
