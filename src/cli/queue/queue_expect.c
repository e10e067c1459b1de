/* SPDX-License-Identifier: MIT */
#include "queue_expect.h"

#include <stdbool.h>
#include <stddef.h>

#include "cli/show/json_show.h"

struct wanted {
	bool ready; /* those that are held are counted among them: both or neither can be asked for */
	bool held;
	bool waiting;
	bool dead;
};

/* False: a state that no target counts. */
static bool take_states(const char *states, struct wanted *wanted)
{
	struct slice rest = slice_text(states);

	while (rest.data != NULL) {
		struct slice state = slice_cut(&rest, ',');

		if (slice_is(state, "ready"))
			wanted->ready = true;
		else if (slice_is(state, "held"))
			wanted->held = true;
		else if (slice_is(state, "waiting"))
			wanted->waiting = true;
		else if (slice_is(state, "dead"))
			wanted->dead = true;
		else
			return false;
	}
	return wanted->ready == wanted->held;
}

int64_t queue_expect(const struct queue_options *options, const json_t *targets)
{
	const char *target = options->filters[QUEUE_FILTER_TARGET];
	const char *states = options->filters[QUEUE_FILTER_STATE];
	struct wanted wanted = { 0 };
	int64_t expected = 0;
	const json_t *entry;
	size_t i;

	for (i = QUEUE_FILTER_STATE + 1; i < QUEUE_FILTER_COUNT; i++)
		if (options->filters[i] != NULL)
			return -1;
	if (!take_states(states == NULL ? "ready,held,waiting,dead" : states, &wanted))
		return -1;
	json_array_foreach(targets, i, entry)
	{
		if (target != NULL && !slice_is(show_string(entry, "name"), target))
			continue;
		expected += wanted.ready ? show_integer(entry, "ready") : 0;
		expected += wanted.waiting ? show_integer(entry, "waiting") : 0;
		expected += wanted.dead ? show_integer(entry, "dead") : 0;
	}
	return expected;
}
