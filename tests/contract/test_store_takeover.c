/* SPDX-License-Identifier: MIT */
/* Processes that come late, die, leave or lose their connection: who delivers, what counts, who is told. */
#include "shared_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repostal/clock.h"
#include "wire.h"

enum since {
	NOBODY_NOTICED,
	LEASE_WAS_ENDED,
	UNDER_WAY_ELSEWHERE,
	DELIVERED_ELSEWHERE
};

static bool lease_is_over(struct shared *s)
{
	return clock_monotonic_ms() > store_lease_until_ms(s->a->store);
}

/* B does what has happened since A's lease ended. */
static void happen(struct shared *s, int64_t event, enum since since)
{
	struct store_claim claim;
	struct store_verdict verdict = fixture_verdict(&s->b, event, DELIVERY_DELIVERED);

	if (since == NOBODY_NOTICED)
		return;
	shared_await_takeover(s, store_takeovers(s->b.store).leases_expired + 1);
	if (since == LEASE_WAS_ENDED)
		return;
	claim = fixture_claim(&s->b, s->b.app, FIXTURE_NOW_MS + HOUR_MS);
	assert_int_equal(claim.count, 1);
	assert_int_equal(claim.list->event, event);
	assert_int_equal(claim.list->attempts, 2);
	verdict.lease = claim.list->lease;
	verdict.attempts = 2;
	store_claimed_free(&claim.list);
	if (since == DELIVERED_ELSEWHERE)
		fixture_record(&s->b, &verdict);
}

/* The late verdict took nothing from B: its own one counts. */
static void finish_elsewhere(struct shared *s, int64_t event, bool is_waiting)
{
	struct store_verdict verdict = fixture_verdict(&s->b, event, DELIVERY_DELIVERED);

	if (is_waiting) {
		struct store_claim claim = fixture_claim(&s->b, s->b.app, FIXTURE_NOW_MS + HOUR_MS);

		assert_int_equal(claim.count, 1);
		store_claimed_free(&claim.list);
	}
	verdict.attempts = 2;
	fixture_record(&s->b, &verdict);
	assert_int_equal(shared_column(s->a, event, "state"), DELIVERY_DELIVERED);
	assert_int_equal(store_takeovers(s->b.store).verdicts_late, 0);
	shared_recount(s);
}

/* What a verdict is worth that comes after its lease. */
static void test_late_verdicts(void **state)
{
	struct shared *s = *state;
	static const struct {
		const char *name;
		enum since since;
		int64_t late;
		enum delivery_state want;
	} cases[] = {
		{ "nobody noticed", NOBODY_NOTICED, 0, DELIVERY_DEAD },
		{ "the lease was ended", LEASE_WAS_ENDED, 1, DELIVERY_WAITING },
		{ "under way elsewhere", UNDER_WAY_ELSEWHERE, 1, DELIVERY_LEASED },
		{ "delivered elsewhere", DELIVERED_ELSEWHERE, 1, DELIVERY_DELIVERED },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_event event = shared_append(s->a, 10 * (int64_t)i, true);
		struct store_verdict late = fixture_verdict(s->a, event.id, DELIVERY_DEAD);
		int64_t before = store_takeovers(s->a->store).verdicts_late;
		int64_t id = event.id, own, attempts;

		late.lease = event.lease;
		shared_let_lease_end(s->a);
		shared_await(s, "the lease is over", lease_is_over);
		happen(s, event.id, cases[i].since);
		attempts = fixture_query(s->a, "SELECT count(*) FROM attempt");
		store_set_lease_ms(s->a->store, STORE_LEASE_MS);
		fixture_record(s->a, &late);
		own = store_takeovers(s->a->store).verdicts_late - before;
		if (own != cases[i].late)
			fail_msg("%s: %d verdicts late", cases[i].name, (int)own);
		attempts = fixture_query(s->a, "SELECT count(*) FROM attempt") - attempts;
		if (attempts != 1 - own)
			fail_msg("%s: %d attempts written", cases[i].name, (int)attempts);
		if (shared_column(s->a, event.id, "state") != (int64_t)cases[i].want)
			fail_msg("%s: state %d", cases[i].name,
				(int)shared_column(s->a, event.id, "state"));
		shared_recount(s);
		/* A goes on, under a number that nobody ends. */
		event = shared_append(s->a, 10 * (int64_t)i + 1, true);
		late = fixture_verdict(s->a, event.id, DELIVERY_DELIVERED);
		late.lease = event.lease;
		shared_poll(&s->b, FIXTURE_NOW_MS, NULL);
		fixture_record(s->a, &late);
		assert_int_equal(shared_column(s->a, event.id, "state"), DELIVERY_DELIVERED);
		if (cases[i].want == DELIVERY_WAITING || cases[i].want == DELIVERY_LEASED)
			finish_elsewhere(s, id, cases[i].want == DELIVERY_WAITING);
	}
}

/* A lease that is renewed does not end, however short it is. */
static void test_renewed_leases_last(void **state)
{
	struct shared *s = *state;
	struct store_event event = shared_append(s->a, 1, true);
	int64_t until_ms;

	store_set_lease_ms(s->a->store, 1000);
	shared_poll(s->a, FIXTURE_NOW_MS, NULL);
	until_ms = clock_monotonic_ms() + 2500;
	while (clock_monotonic_ms() < until_ms) {
		shared_poll(s->a, FIXTURE_NOW_MS, NULL);
		shared_poll(&s->b, FIXTURE_NOW_MS, NULL);
	}
	assert_int_equal(store_takeovers(s->b.store).leases_expired, 0);
	assert_int_equal(shared_column(s->a, event.id, "lease"), event.lease);
}

/* In a process of its own: one leased at intake, one claimed, one waiting, some quarantined. */
static bool work_and_die(struct fixture *f)
{
	static struct store_new_delivery leased = { .target = 0, .leased = true };
	static struct store_new_delivery waiting = { .target = 0 };
	struct store_event events[] = { fixture_event(f, 1, &leased, 1),
		fixture_event(f, 2, &waiting, 1), fixture_event(f, 3, &waiting, 1) };
	struct store_quarantined quarantined = {
		.source = 0, .reason = "json", .raw = SLICE_LITERAL("{")
	};
	struct store_claim claim = { .target = 0, .count_max = EACH_TYPE(1), .bytes_max = 1000 };

	if (store_begin(f->store, &f->err) != STATUS_OK ||
		store_quarantine(f->store, &quarantined, &f->err) != STATUS_OK)
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(events); i++)
		if (append_now(f->store, &events[i], &f->err) != STATUS_OK)
			return false;
	return claim_now(f->store, FIXTURE_NOW_MS + HOUR_MS, &claim, &f->err) == STATUS_OK &&
	       claim.count == 1 && store_commit(f->store, &f->err) == STATUS_OK;
}

static void test_a_crash_beside_the_living(void **state)
{
	struct shared *s = *state;
	struct store_claim claim;

	fixture_crash(s->a, work_and_die);
	shared_await_takeover(s, 2);
	fixture_recount(&s->b);
	assert_int_equal(store_counts(s->b.store, s->b.app).open, 3);
	assert_int_equal(store_counts(s->b.store, s->b.app).retrying, 2);
	assert_int_equal(store_quarantine_count(s->b.store), 1);
	/* Its row is gone, and so are its counts: they are in number 0's. */
	assert_int_equal(fixture_query(s->a, "SELECT count(*) FROM instance"), 1);
	assert_int_equal(fixture_query(s->a, "SELECT count(*) FROM tally WHERE instance NOT IN "
					     "(SELECT number FROM instance UNION SELECT 0)"),
		0);
	claim = fixture_claim(&s->b, s->b.app, FIXTURE_NOW_MS + HOUR_MS);
	assert_int_equal(claim.count, 3);
	store_claimed_free(&claim.list);
	fixture_open(s->a, FIXTURE_NOW_MS);
	shared_recount(s);
}

/* Who leaves in peace does not let others wait for the end of his lease. */
static void test_sign_off(void **state)
{
	struct shared *s = *state;
	struct store_claim claim;

	shared_append(s->a, 1, true);
	shared_append(s->a, 2, false);
	shared_poll(&s->b, FIXTURE_NOW_MS, NULL);
	claim = fixture_claim(s->a, s->a->app, FIXTURE_NOW_MS + HOUR_MS);
	assert_int_equal(claim.count, 1);
	store_claimed_free(&claim.list);
	fixture_close(s->a);
	assert_int_equal(fixture_query(&s->b, "SELECT count(*) FROM instance"), 1);
	claim = fixture_claim(&s->b, s->b.app, FIXTURE_NOW_MS + HOUR_MS);
	assert_int_equal(claim.count, 2);
	for (struct store_claimed *c = claim.list; c != NULL; c = c->next)
		assert_int_equal(c->attempts, 2);
	store_claimed_free(&claim.list);
	assert_int_equal(store_takeovers(s->b.store).leases_expired, 0);
	shared_poll(&s->b, FIXTURE_NOW_MS, NULL);
	fixture_recount(&s->b);
	fixture_open(s->a, FIXTURE_NOW_MS);
	shared_recount(s);
}

/* A third store, whose way to the server is a wire. */
struct wired {
	struct fixture side;
	struct wire *wire;
	char *dsn;
};

static void wired_open(struct shared *s, struct wired *wired)
{
	size_t size = strlen(s->a->settings.dsn) + strlen(s->a->folder) + 16;

	wired->side = *s->a;
	wired->side.store = NULL;
	wired->wire = wire_open(s->a->settings.dsn, s->a->folder);
	wired->dsn = memory_zalloc(size);
	snprintf(wired->dsn, size, "%s host=%s", s->a->settings.dsn, s->a->folder);
	wired->side.settings.dsn = wired->dsn;
	fixture_open(&wired->side, FIXTURE_NOW_MS);
}

static void wired_close(struct wired *wired)
{
	fixture_close(&wired->side);
	wire_close(&wired->wire);
	free(wired->dsn);
}

static void await_connection(struct fixture *side)
{
	static const struct store_news no_news;
	int64_t deadline_ms = clock_monotonic_ms() + 10 * 1000;

	while (store_poll(side->store, FIXTURE_NOW_MS, &no_news, &side->err) != STATUS_OK)
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("not connected again: %s", side->err.text);
}

struct commit_work {
	struct fixture *side;
	enum status status;
};

static void *commit_in_thread(void *data)
{
	struct commit_work *work = data;

	work->status = store_commit(work->side->store, &work->side->err);
	return NULL;
}

static bool event_is_there(struct shared *s)
{
	return fixture_query(s->a, "SELECT count(*) FROM event") == 1;
}

/*
 * The commit happened, and its answer got lost: that is neither yes nor no. Nobody works on what it
 * leased, so it is there for everybody; and the sender's repeat is a duplicate.
 */
static void test_a_lost_answer(void **state)
{
	struct shared *s = *state;
	struct store_new_delivery delivery = { .target = s->a->app, .leased = true };
	struct store_event event = fixture_event(s->a, 1, &delivery, 1);
	struct commit_work commit;
	struct store_claim claim;
	struct wired wired;
	pthread_t thread;
	int64_t id = 0;

	wired_open(s, &wired);
	commit.side = &wired.side;
	MUST(&wired.side, store_begin(wired.side.store, &wired.side.err));
	MUST(&wired.side, append_now(wired.side.store, &event, &wired.side.err));
	wire_lose_answers(wired.wire, true);
	assert_int_equal(pthread_create(&thread, NULL, commit_in_thread, &commit), 0);
	shared_await(s, "the commit happens", event_is_there);
	wire_cut(wired.wire);
	wire_lose_answers(wired.wire, false);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(commit.status, STATUS_UNCERTAIN);
	store_rollback(wired.side.store);
	assert_int_equal(shared_column(s->a, event.id, "state"), DELIVERY_LEASED);

	await_connection(&wired.side);
	assert_int_equal(shared_column(s->a, event.id, "state"), DELIVERY_WAITING);
	assert_true(shared_is_duplicate(&wired.side, 1, &id));
	assert_int_equal(id, event.id);
	assert_true(shared_is_duplicate(&s->b, 1, &id));
	claim = fixture_claim(&s->b, s->b.app, FIXTURE_NOW_MS + HOUR_MS);
	assert_int_equal(claim.count, 1);
	assert_int_equal(claim.list->attempts, 2);
	store_claimed_free(&claim.list);
	assert_int_equal(store_takeovers(wired.side.store).leases_expired, 0);
	shared_poll(&wired.side, FIXTURE_NOW_MS, NULL);
	fixture_recount(&wired.side);
	wired_close(&wired);
	shared_recount(s);
}

/* Cut off before the commit: there is no trace of it, and the repeat is the first. */
static void test_a_commit_that_never_came(void **state)
{
	struct shared *s = *state;
	struct store_new_delivery delivery = { .target = s->a->app, .leased = true };
	struct store_event event = fixture_event(s->a, 1, &delivery, 1);
	struct wired wired;
	enum status status;

	wired_open(s, &wired);
	MUST(&wired.side, store_begin(wired.side.store, &wired.side.err));
	MUST(&wired.side, append_now(wired.side.store, &event, &wired.side.err));
	wire_cut(wired.wire);
	status = store_commit(wired.side.store, &wired.side.err);
	if (status != STATUS_UNCERTAIN && status != STATUS_IO)
		fail_msg("status %d", (int)status);
	store_rollback(wired.side.store);
	await_connection(&wired.side);
	assert_false(shared_is_duplicate(&wired.side, 1, NULL));
	assert_int_equal(fixture_query(s->a, "SELECT count(*) FROM event"), 1);
	fixture_recount(&wired.side);
	wired_close(&wired);
	shared_recount(s);
}

/* The connection broke and came back while a request was under way: the lease held, the verdict counts. */
static void test_leases_outlive_connections(void **state)
{
	struct shared *s = *state;
	struct store_verdict verdict;
	struct store_event event;
	struct wired wired;

	wired_open(s, &wired);
	event = shared_append(&wired.side, 1, true);
	wire_cut(wired.wire);
	/* Nothing waits for a server that is not there. */
	while (store_begin(wired.side.store, &wired.side.err) == STATUS_OK) {
		bool lost = store_flush(wired.side.store, &wired.side.err) != STATUS_OK ||
			    store_pause(wired.side.store, wired.side.other, false, "",
				    &wired.side.err) != STATUS_OK;

		store_rollback(wired.side.store);
		if (lost)
			break;
	}
	await_connection(&wired.side);
	shared_poll(&s->b, FIXTURE_NOW_MS, NULL);
	verdict = fixture_verdict(&wired.side, event.id, DELIVERY_DELIVERED);
	verdict.lease = event.lease;
	fixture_record(&wired.side, &verdict);
	assert_int_equal(shared_column(s->a, event.id, "state"), DELIVERY_DELIVERED);
	assert_int_equal(store_takeovers(wired.side.store).verdicts_late, 0);
	assert_int_equal(store_takeovers(s->b.store).leases_expired, 0);
	wired_close(&wired);
	shared_recount(s);
}

static void pause_target(struct fixture *side, bool paused, const char *reason)
{
	MUST(side, store_begin(side->store, &side->err));
	MUST(side, store_pause(side->store, side->other, paused, reason, &side->err));
	MUST(side, store_commit(side->store, &side->err));
}

static void test_pauses_are_told(void **state)
{
	struct shared *s = *state;
	static const struct {
		const char *name;
		bool paused;
		const char *reason;
		int told; /* to b */
	} cases[] = {
		{ "paused", true, "410 Gone", 1 },
		{ "the same again", true, "410 Gone", 0 },
		{ "another reason", true, "by hand", 1 },
		{ "goes on", false, "", 1 },
		{ "goes on already", false, "", 0 },
	};
	struct heard own = { 0 };

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct heard heard = { 0 };
		const char *reason = NULL;

		pause_target(s->a, cases[i].paused, cases[i].reason);
		shared_poll(&s->b, FIXTURE_NOW_MS, &heard);
		if (heard.pauses != cases[i].told)
			fail_msg("%s: told %d times", cases[i].name, heard.pauses);
		if (heard.pauses > 0 &&
			(heard.last_target != s->b.other || heard.is_paused != cases[i].paused))
			fail_msg("%s: told something else", cases[i].name);
		assert_int_equal(store_is_paused(s->b.store, s->b.other, &reason), cases[i].paused);
		assert_string_equal(reason, cases[i].reason);
		shared_poll(&s->b, FIXTURE_NOW_MS, &heard);
		if (heard.pauses != cases[i].told)
			fail_msg("%s: told again", cases[i].name);
	}
	/* Nobody is told what he did himself, nor what was rolled back. */
	MUST(s->a, store_begin(s->a->store, &s->a->err));
	MUST(s->a, store_pause(s->a->store, s->a->other, true, "not", &s->a->err));
	store_rollback(s->a->store);
	shared_poll(s->a, FIXTURE_NOW_MS, &own);
	shared_poll(&s->b, FIXTURE_NOW_MS, &own);
	assert_int_equal(own.pauses, 0);
}

static void test_due_is_told(void **state)
{
	struct shared *s = *state;
	struct heard heard = { 0 };
	struct store_claim claim;
	const int64_t due_ms = FIXTURE_NOW_MS + SECOND_MS; /* event 1 arrives then */

	shared_poll(&s->b, due_ms, &heard);
	assert_int_equal(heard.due[s->b.app], 0);
	shared_append(s->a, 1, false);
	shared_poll(&s->b, due_ms - 1, &heard);
	assert_int_equal(heard.due[s->b.app], 0);
	shared_poll(&s->b, due_ms, &heard);
	assert_int_equal(heard.due[s->b.app], 1);
	assert_int_equal(heard.due[s->b.other], 0);
	claim = fixture_claim(&s->b, s->b.app, due_ms);
	assert_int_equal(claim.count, 1);
	store_claimed_free(&claim.list);
	shared_poll(s->a, due_ms, &heard);
	assert_int_equal(heard.due[s->b.app], 1); /* nothing is left */
}

static atomic_int hints_count;

static void count_hint(void *context)
{
	(void)context;
	atomic_fetch_add(&hints_count, 1);
}

static bool was_hinted(struct shared *s)
{
	(void)s;
	return atomic_load(&hints_count) > 0;
}

static int64_t next_event;

static bool append_until_hinted(struct shared *s)
{
	if (!was_hinted(s))
		shared_append(s->a, next_event++, false);
	return was_hinted(s);
}

/* No need to poll: what waits makes the other's hint() run, and so does a pause. */
static void test_hints(void **state)
{
	struct shared *s = *state;

	shared_poll(s->a, FIXTURE_NOW_MS, NULL); /* it is not alone */
	/* Whether the connection for hints is there yet is not known: ask until one gets through. */
	store_set_hint(s->b.store, count_hint, NULL);
	for (int64_t n = 1; n < 200 && !was_hinted(s); n++) {
		pause_target(s->a, n % 2 == 1, "");
		shared_poll(&s->b, FIXTURE_NOW_MS, NULL);
	}
	shared_await(s, "a hint after a pause", was_hinted);
	/* Not every event makes one: the server would have little else to do. */
	atomic_store(&hints_count, 0);
	next_event = 1;
	shared_await(s, "a hint after an event", append_until_hinted);
	store_set_hint(s->b.store, NULL, NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SHARED_TEST(test_late_verdicts),
		SHARED_TEST(test_renewed_leases_last),
		SHARED_TEST(test_a_crash_beside_the_living),
		SHARED_TEST(test_sign_off),
		SHARED_TEST(test_a_lost_answer),
		SHARED_TEST(test_a_commit_that_never_came),
		SHARED_TEST(test_leases_outlive_connections),
		SHARED_TEST(test_pauses_are_told),
		SHARED_TEST(test_due_is_told),
		SHARED_TEST(test_hints),
	};

	return contract_run_on(STORE_POSTGRESQL, "store takeover", tests, ARRAY_COUNT(tests));
}
