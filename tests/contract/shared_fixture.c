/* SPDX-License-Identifier: MIT */
#include "shared_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "repostal/clock.h"

enum {
	AWAIT_MAX_MS = 10 * 1000,
	AWAIT_STEP_MS = 10,
	LEASE_ENDING_MS = 50,
};

int shared_setup(void **state)
{
	struct shared *shared = memory_zalloc(sizeof(*shared));
	void *fixture = NULL;

	(void)fixture_setup(&fixture);
	shared->a = fixture;
	shared->b = *shared->a;
	shared->b.store = NULL;
	fixture_open(&shared->b, FIXTURE_NOW_MS);
	*state = shared;
	return 0;
}

int shared_teardown(void **state)
{
	struct shared *shared = *state;
	void *fixture = shared->a;

	fixture_close(&shared->b);
	(void)fixture_teardown(&fixture);
	free(shared);
	return 0;
}

static void on_due(void *context, uint16_t target)
{
	struct heard *heard = context;

	heard->due[target]++;
}

static void on_pause(void *context, uint16_t target, bool paused)
{
	struct heard *heard = context;

	heard->pauses++;
	heard->last_target = target;
	heard->is_paused = paused;
}

void shared_poll(struct fixture *side, int64_t now_ms, struct heard *heard)
{
	struct heard nobody = { 0 };
	const struct store_news news = {
		.context = heard == NULL ? &nobody : heard, .on_due = on_due, .on_pause = on_pause
	};

	MUST(side, store_poll(side->store, now_ms, &news, &side->err));
}

struct runner {
	struct fixture *side;
	int which;
	bool (*work)(struct fixture *side, int which, void *context);
	void *context;
	pthread_barrier_t *start;
	bool done;
};

static void *runner_main(void *data)
{
	struct runner *runner = data;

	pthread_barrier_wait(runner->start);
	runner->done = runner->work(runner->side, runner->which, runner->context);
	return NULL;
}

void shared_race(struct shared *shared,
	bool (*work)(struct fixture *side, int which, void *context), void *context)
{
	pthread_barrier_t start;
	pthread_t threads[2];
	struct runner runners[2];

	assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
	for (int which = 0; which < 2; which++) {
		struct fixture *side = which == 0 ? shared->a : &shared->b;

		side->err.text[0] = '\0';
		runners[which] = (struct runner){ side, which, work, context, &start, false };
		assert_int_equal(
			pthread_create(&threads[which], NULL, runner_main, &runners[which]), 0);
	}
	for (int which = 0; which < 2; which++)
		assert_int_equal(pthread_join(threads[which], NULL), 0);
	pthread_barrier_destroy(&start);
	for (int which = 0; which < 2; which++)
		if (!runners[which].done)
			fail_msg("side %c: %s", "ab"[which], runners[which].side->err.text);
}

void shared_await(struct shared *shared, const char *what, bool (*is_so)(struct shared *shared))
{
	int64_t deadline_ms = clock_monotonic_ms() + AWAIT_MAX_MS;

	while (!is_so(shared)) {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("%s: not within %d ms", what, AWAIT_MAX_MS);
		(void)poll(NULL, 0, AWAIT_STEP_MS);
	}
}

void shared_let_lease_end(struct fixture *side)
{
	store_set_lease_ms(side->store, LEASE_ENDING_MS);
	shared_poll(side, FIXTURE_NOW_MS, NULL);
}

void shared_await_takeover(struct shared *shared, int64_t leases_expired)
{
	int64_t deadline_ms = clock_monotonic_ms() + AWAIT_MAX_MS;

	while (store_takeovers(shared->b.store).leases_expired < leases_expired) {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("nobody took over within %d ms", AWAIT_MAX_MS);
		shared_poll(&shared->b, FIXTURE_NOW_MS, NULL);
		(void)poll(NULL, 0, AWAIT_STEP_MS);
	}
	assert_int_equal(store_takeovers(shared->b.store).leases_expired, leases_expired);
}

struct store_event shared_append(struct fixture *side, int64_t n, bool leased)
{
	static struct store_new_delivery deliveries[] = {
		{ .target = 0, .leased = false },
		{ .target = 0, .leased = true },
	};
	struct store_event event = fixture_event(side, n, &deliveries[leased ? 1 : 0], 1);

	assert_int_equal(side->app, 0);
	MUST(side, store_begin(side->store, &side->err));
	MUST(side, store_append(side->store, &event, &side->err));
	MUST(side, store_commit(side->store, &side->err));
	return event;
}

bool shared_is_duplicate(struct fixture *side, int64_t n, int64_t *id_out)
{
	struct store_event event = shared_append(side, n, false);

	if (id_out != NULL)
		*id_out = event.id;
	return event.duplicate;
}

int64_t shared_column(struct fixture *side, int64_t event, const char *column)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT %s FROM delivery WHERE id = %lld", column,
		(long long)(event << 16 | side->app));
	return fixture_query(side, sql);
}

void shared_recount(struct shared *shared)
{
	shared_poll(shared->a, FIXTURE_NOW_MS, NULL);
	shared_poll(&shared->b, FIXTURE_NOW_MS, NULL);
	fixture_recount(shared->a);
	fixture_recount(&shared->b);
}

uint32_t shared_dice(uint32_t *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}
