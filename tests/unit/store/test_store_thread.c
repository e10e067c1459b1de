/* SPDX-License-Identifier: MIT */
/*
 * The store thread over a store that fails when it is told to. Every store_*() function that the
 * thread calls is defined here, so that the real ones are not linked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "repostal/clock.h"
#include "repostal/log.h"
#include "repostal/memory.h"
#include "repostal/store_thread.h"

enum {
	EVENTS_MAX = 64,
	VERDICTS_MAX = 64
};

struct store {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	enum status next_commit; /* status of commits until it is changed */
	int commits, failed_commits, rollbacks;
	bool is_gated; /* commits wait until the gate opens */
	int waiting_at_gate;
	int64_t staged_events[EVENTS_MAX], events[EVENTS_MAX];
	size_t staged_events_count, events_count;
	int64_t staged_verdicts[VERDICTS_MAX], verdicts[VERDICTS_MAX];
	size_t staged_verdicts_count, verdicts_count;
	int64_t refused_event; /* store_append() answers refusal to this one */
	enum status refusal;
	enum status quarantine_answer;
	bool is_closed;
	bool is_shared; /* with other processes: it is polled */
	int polls;
	enum status next_poll;
	struct store_takeovers takeovers;
	void (*hint)(void *context);
	void *hint_context;
};

static struct store fake;

enum status store_append(struct store *store, struct store_event *event, struct error *err)
{
	(void)err;
	if (event->occurred_ms == store->refused_event && store->refusal != STATUS_OK)
		return store->refusal;
	store->staged_events[store->staged_events_count++] = event->occurred_ms;
	event->id = event->occurred_ms;
	return STATUS_OK;
}

enum status store_record(
	struct store *store, const struct store_verdict *verdict, struct error *err)
{
	(void)err;
	store->staged_verdicts[store->staged_verdicts_count++] = verdict->event;
	return STATUS_OK;
}

static enum status commit(struct store *store, struct error *err)
{
	enum status status;

	pthread_mutex_lock(&store->mutex);
	store->waiting_at_gate++;
	pthread_cond_broadcast(&store->moved);
	while (store->is_gated)
		pthread_cond_wait(&store->moved, &store->mutex);
	store->waiting_at_gate--;
	status = store->next_commit;
	if (status == STATUS_OK) {
		store->commits++;
		for (size_t i = 0; i < store->staged_events_count; i++)
			store->events[store->events_count++] = store->staged_events[i];
		for (size_t i = 0; i < store->staged_verdicts_count; i++)
			store->verdicts[store->verdicts_count++] = store->staged_verdicts[i];
	} else {
		store->failed_commits++;
		error_set(err, "no room");
	}
	pthread_cond_broadcast(&store->moved);
	pthread_mutex_unlock(&store->mutex);
	return status;
}

enum status store_transaction(struct store *store,
	enum status (*step)(struct store *store, void *argument, struct error *err), void *argument,
	struct error *err)
{
	enum status status;

	store->staged_events_count = 0;
	store->staged_verdicts_count = 0;
	status = step(store, argument, err);
	if (status == STATUS_OK)
		status = commit(store, err);
	if (status != STATUS_OK)
		store->rollbacks++;
	return status;
}

enum status store_quarantine(
	struct store *store, struct store_quarantined *quarantined, struct error *err)
{
	(void)quarantined;
	(void)err;
	return store->quarantine_answer;
}

enum status store_claim(
	struct store *store, int64_t now_ms, struct store_claim *claim, struct error *err)
{
	(void)store;
	(void)now_ms;
	(void)err;
	claim->next_due_ms[0] = 42;
	return STATUS_OK;
}

enum status store_pause(
	struct store *store, uint16_t target, bool paused, const char *reason, struct error *err)
{
	(void)store;
	(void)target;
	(void)paused;
	(void)reason;
	(void)err;
	return STATUS_OK;
}

void store_claimed_free(struct store_claimed **listp)
{
	*listp = NULL;
}

void store_claim_clear(struct store_claim *claim)
{
	claim->list = NULL;
	claim->count = 0;
	for (size_t type = 0; type < STORE_TYPES; type++)
		claim->next_due_ms[type] = INT64_MAX;
}

enum status store_sweep(struct store *store, int64_t now_ms, bool *more_out, struct error *err)
{
	(void)store;
	(void)now_ms;
	(void)err;
	*more_out = false;
	return STATUS_OK;
}

struct store_target_counts store_counts(const struct store *store, uint16_t target)
{
	(void)store;
	(void)target;
	return (struct store_target_counts){ 0 };
}

size_t store_targets_count(const struct store *store)
{
	(void)store;
	return 1;
}

int64_t store_backlog(const struct store *store)
{
	return (int64_t)store->events_count;
}

int64_t store_discarded(const struct store *store, uint16_t target)
{
	(void)store;
	(void)target;
	return 0;
}

int64_t store_oldest_waiting_us(struct store *store, uint16_t target)
{
	(void)store;
	(void)target;
	return 0;
}

int64_t store_quarantine_count(const struct store *store)
{
	(void)store;
	return 0;
}

int64_t store_bytes(struct store *store)
{
	(void)store;
	return 0;
}

enum status store_poll(
	struct store *store, int64_t now_ms, const struct store_news *news, struct error *err)
{
	enum status status;

	(void)now_ms;
	pthread_mutex_lock(&store->mutex);
	status = store->next_poll;
	store->polls++;
	pthread_cond_broadcast(&store->moved);
	pthread_mutex_unlock(&store->mutex);
	if (status != STATUS_OK)
		error_set(err, "no server");
	else if (news->on_due != NULL)
		news->on_due(news->context, 7);
	return status;
}

void store_set_hint(struct store *store, void (*hint)(void *context), void *context)
{
	store->hint = hint;
	store->hint_context = context;
}

int64_t store_lease_until_ms(const struct store *store)
{
	return store->is_shared ? 12345 : INT64_MAX;
}

int64_t store_gather_us(const struct store *store)
{
	return store->is_shared ? 100 : 0;
}

int64_t store_differing(const struct store *store)
{
	(void)store;
	return 0;
}

struct store_takeovers store_takeovers(const struct store *store)
{
	return store->takeovers;
}

void store_close(struct store **storep)
{
	(*storep)->is_closed = true;
	*storep = NULL;
}

/* What came back, in order. */
struct answers {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	struct store_request *requests[EVENTS_MAX];
	enum status statuses[EVENTS_MAX];
	size_t count;
	int batches;
};

static struct answers answers;

static void on_done(struct store_request *request, enum status status, void *context)
{
	assert_ptr_equal(context, &answers);
	pthread_mutex_lock(&answers.mutex);
	answers.requests[answers.count] = request;
	answers.statuses[answers.count++] = status;
	pthread_cond_broadcast(&answers.moved);
	pthread_mutex_unlock(&answers.mutex);
}

static void on_batch_done(void *context)
{
	assert_ptr_equal(context, &answers);
	answers.batches++;
}

static void await_answers(size_t count)
{
	pthread_mutex_lock(&answers.mutex);
	while (answers.count < count)
		pthread_cond_wait(&answers.moved, &answers.mutex);
	pthread_mutex_unlock(&answers.mutex);
}

static void set_commit(enum status status)
{
	pthread_mutex_lock(&fake.mutex);
	fake.next_commit = status;
	pthread_mutex_unlock(&fake.mutex);
}

static void set_gate(bool is_gated)
{
	pthread_mutex_lock(&fake.mutex);
	fake.is_gated = is_gated;
	pthread_cond_broadcast(&fake.moved);
	pthread_mutex_unlock(&fake.mutex);
}

static void await_at_gate(void)
{
	pthread_mutex_lock(&fake.mutex);
	while (fake.waiting_at_gate == 0)
		pthread_cond_wait(&fake.moved, &fake.mutex);
	pthread_mutex_unlock(&fake.mutex);
}

static void await_failures(int count)
{
	pthread_mutex_lock(&fake.mutex);
	while (fake.failed_commits < count)
		pthread_cond_wait(&fake.moved, &fake.mutex);
	pthread_mutex_unlock(&fake.mutex);
}

static struct store_thread *start(void)
{
	struct store *store = &fake;
	struct store_thread *thread = NULL;
	struct error err;

	memset(&fake, 0, sizeof(fake));
	memset(&answers, 0, sizeof(answers));
	pthread_mutex_init(&fake.mutex, NULL);
	pthread_cond_init(&fake.moved, NULL);
	pthread_mutex_init(&answers.mutex, NULL);
	pthread_cond_init(&answers.moved, NULL);
	fake.refused_event = -1;
	assert_int_equal(
		store_thread_start(&store, on_batch_done, &answers, &thread, &err), STATUS_OK);
	assert_null(store);
	return thread;
}

static struct store_append_request append_of(int64_t number)
{
	return (struct store_append_request){
		.request = { .kind = STORE_REQUEST_APPEND, .done = on_done },
		.event = { .occurred_ms = number },
	};
}

static struct store_verdict_request verdict_of(int64_t event)
{
	return (struct store_verdict_request){
		.request = { .kind = STORE_REQUEST_VERDICT, .done = on_done },
		.verdict = { .event = event },
	};
}

static void test_group_commit(void **state)
{
	struct store_thread *thread = start();
	struct store_append_request requests[10];

	(void)state;
	/* While the first is being committed, nine gather; one commit takes them all. */
	set_gate(true);
	for (int i = 0; i < 10; i++) {
		requests[i] = append_of(i);
		store_thread_post(thread, &requests[i].request);
		if (i == 0)
			await_at_gate();
	}
	set_gate(false);
	await_answers(10);
	store_thread_stop(&thread);
	assert_int_equal(fake.commits, 2);
	assert_int_equal(fake.events_count, 10);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(fake.events[i], i);
		assert_ptr_equal(answers.requests[i], &requests[i].request);
		assert_int_equal(answers.statuses[i], STATUS_OK);
	}
	assert_int_equal(answers.batches, 2);
	assert_true(fake.is_closed);
}

/* Posts an event that is refused and a quarantined one between two events and a verdict. */
static void post_with_refusals(enum status event_refusal, enum status quarantine_answer)
{
	struct store_thread *thread = start();
	struct store_append_request requests[3];
	struct store_quarantine_request quarantine = {
		.request = { .kind = STORE_REQUEST_QUARANTINE, .done = on_done },
	};
	struct store_verdict_request verdict = verdict_of(5);
	struct mailbox_chain chain = { 0 };

	fake.refused_event = 1;
	fake.refusal = event_refusal;
	fake.quarantine_answer = quarantine_answer;
	for (int i = 0; i < 3; i++) {
		requests[i] = append_of(i);
		mailbox_chain_add(&chain, &requests[i].request.item);
	}
	mailbox_chain_add(&chain, &quarantine.request.item);
	mailbox_chain_add(&chain, &verdict.request.item);
	store_thread_post_chain(thread, &chain);
	await_answers(5);
	store_thread_stop(&thread);
}

static void test_a_harmless_refusal_concerns_one_request(void **state)
{
	static const struct {
		const char *name;
		enum status event;
		enum status quarantine;
	} cases[] = {
		{ "the backlog is full", STATUS_FULL, STATUS_OK },
		{ "an event is too large", STATUS_INVALID, STATUS_OK },
		{ "what is to be quarantined is too large", STATUS_OK, STATUS_INVALID },
		{ "both", STATUS_INVALID, STATUS_INVALID },
		{ "there is no such row", STATUS_NOT_FOUND, STATUS_OK },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		print_message("case: %s\n", cases[i].name);
		assert_true(store_is_intact_after(cases[i].event));
		post_with_refusals(cases[i].event, cases[i].quarantine);
		assert_int_equal(answers.statuses[0], STATUS_OK);
		assert_int_equal(answers.statuses[1], cases[i].event);
		assert_int_equal(answers.statuses[2], STATUS_OK);
		assert_int_equal(answers.statuses[3], cases[i].quarantine);
		assert_int_equal(answers.statuses[4], STATUS_OK);
		assert_int_equal(fake.events_count, cases[i].event == STATUS_OK ? 3 : 2);
		assert_int_equal(fake.verdicts_count, 1);
		assert_int_equal(fake.commits, 1);
		assert_int_equal(fake.rollbacks, 0);
	}
}

static void test_any_other_refusal_loses_the_transaction(void **state)
{
	static const enum status refusals[] = { STATUS_IO, STATUS_UNCERTAIN, STATUS_BUSY };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
		assert_false(store_is_intact_after(refusals[i]));
		post_with_refusals(refusals[i], STATUS_OK);
		for (int event = 0; event < 4; event++)
			assert_int_equal(answers.statuses[event], refusals[i]);
		assert_int_equal(answers.statuses[4], STATUS_OK); /* the verdict: repeated alone */
		assert_int_equal(fake.events_count, 0);
		assert_int_equal(fake.verdicts_count, 1);
		assert_int_equal(fake.rollbacks, 1);
	}
}

static void test_failure_refuses_events_and_keeps_verdicts(void **state)
{
	struct store_thread *thread = start();
	struct store_append_request event = append_of(7), later = append_of(8);
	struct store_verdict_request verdict = verdict_of(5);
	struct store_claim_request claim = {
		.request = { .kind = STORE_REQUEST_CLAIM, .done = on_done },
	};
	struct mailbox_chain chain = { 0 };

	(void)state;
	set_commit(STATUS_IO);
	mailbox_chain_add(&chain, &verdict.request.item);
	mailbox_chain_add(&chain, &event.request.item);
	mailbox_chain_add(&chain, &claim.request.item);
	store_thread_post_chain(thread, &chain);
	await_answers(2);
	/* The verdict is tried again by itself, alone. */
	await_failures(2);
	assert_int_equal(answers.count, 2);
	assert_int_not_equal(gauge_read(&store_thread_metrics(thread)->failing_since_ms), 0);
	set_commit(STATUS_OK);
	await_answers(3);
	store_thread_post(thread, &later.request);
	await_answers(4);
	assert_int_equal(gauge_read(&store_thread_metrics(thread)->failing_since_ms), 0);
	store_thread_stop(&thread);
	assert_ptr_equal(answers.requests[0], &event.request);
	assert_int_equal(answers.statuses[0], STATUS_IO);
	assert_ptr_equal(answers.requests[1], &claim.request);
	assert_int_equal(answers.statuses[1], STATUS_IO);
	assert_int_equal(claim.claim.next_due_ms[0], INT64_MAX);
	assert_ptr_equal(answers.requests[2], &verdict.request);
	assert_int_equal(answers.statuses[2], STATUS_OK);
	assert_int_equal(fake.verdicts_count, 1);
	assert_int_equal(fake.verdicts[0], 5);
	assert_int_equal(fake.events_count, 1);
	assert_int_equal(fake.events[0], 8);
}

static enum status on_call(struct store *store, void *argument, struct error *err)
{
	int64_t *events_seen = argument;

	assert_ptr_equal(store, &fake);
	*events_seen = (int64_t)store->events_count;
	error_set(err, "said by the call");
	return STATUS_NOT_FOUND;
}

static void test_call_runs_after_what_was_posted_before(void **state)
{
	struct store_thread *thread = start();
	struct store_append_request event = append_of(1);
	struct error err = { .text = "" };
	int64_t events_seen = -1;

	(void)state;
	store_thread_post(thread, &event.request);
	assert_int_equal(store_thread_call(thread, on_call, &events_seen, &err), STATUS_NOT_FOUND);
	assert_int_equal(events_seen, 1);
	assert_string_equal(err.text, "said by the call");
	store_thread_stop(&thread);
}

static void test_uncertain_commit_is_told(void **state)
{
	struct store_thread *thread = start();
	struct store_append_request event = append_of(1);

	(void)state;
	set_commit(STATUS_UNCERTAIN);
	store_thread_post(thread, &event.request);
	await_answers(1);
	set_commit(STATUS_OK);
	store_thread_stop(&thread);
	assert_int_equal(answers.statuses[0], STATUS_UNCERTAIN);
}

static void test_stop_writes_what_was_posted(void **state)
{
	struct store_thread *thread = start();
	struct store_append_request requests[5];

	(void)state;
	for (int i = 0; i < 5; i++) {
		requests[i] = append_of(i);
		store_thread_post(thread, &requests[i].request);
	}
	store_thread_stop(&thread);
	assert_null(thread);
	assert_int_equal(fake.events_count, 5);
	assert_int_equal(answers.count, 5);
}

static void test_stop_gives_up_on_verdicts_that_cannot_be_stored(void **state)
{
	struct store_thread *thread = start();
	struct store_verdict_request verdict = verdict_of(5);

	(void)state;
	set_commit(STATUS_IO);
	store_thread_post(thread, &verdict.request);
	await_failures(1);
	store_thread_stop(&thread);
	assert_int_equal(answers.count, 1);
	assert_int_equal(answers.statuses[0], STATUS_IO);
	assert_int_equal(fake.verdicts_count, 0);
}

/* A deferrable verdict, and perhaps a request after it that is awaited; how long both took. */
static int64_t answered_within_us(struct store_thread *thread, bool is_followed)
{
	struct store_verdict_request verdict = verdict_of(1);
	struct store_append_request event = append_of(2);
	size_t count = answers.count;
	int64_t began_us = clock_monotonic_us();

	verdict.request.is_deferrable = true;
	store_thread_post(thread, &verdict.request);
	if (is_followed)
		store_thread_post(thread, &event.request);
	await_answers(count + (is_followed ? 2 : 1));
	return clock_monotonic_us() - began_us;
}

static void test_deferrable_waits(void **state)
{
	struct store_thread *thread = start();

	(void)state;
	for (int round = 1; round <= 3; round++) {
		assert_true(answered_within_us(thread, false) >= (STORE_DEFER_MS - 1) * 1000);
		assert_int_equal(fake.commits, round);
		assert_int_equal(fake.verdicts_count, round);
	}
	store_thread_stop(&thread);
}

/* The best of several rounds: on a machine with other work any one may take longer. */
static void test_deferrable_goes_with_what_is_awaited(void **state)
{
	struct store_thread *thread = start();
	int64_t best_us = INT64_MAX;

	(void)state;
	for (int round = 0; round < EVENTS_MAX / 2 && best_us >= STORE_DEFER_MS * 1000; round++) {
		int64_t took_us = answered_within_us(thread, true);

		best_us = took_us < best_us ? took_us : best_us;
	}
	assert_true(best_us < STORE_DEFER_MS * 1000);
	store_thread_stop(&thread);
}

static void await_polls(int count)
{
	pthread_mutex_lock(&fake.mutex);
	while (fake.polls < count)
		pthread_cond_wait(&fake.moved, &fake.mutex);
	pthread_mutex_unlock(&fake.mutex);
}

static int polls_so_far(void)
{
	int polls;

	pthread_mutex_lock(&fake.mutex);
	polls = fake.polls;
	pthread_mutex_unlock(&fake.mutex);
	return polls;
}

static enum status take_over(struct store *store, void *argument, struct error *err)
{
	(void)err;
	store->takeovers = *(const struct store_takeovers *)argument;
	return STATUS_OK;
}

static struct store_thread *start_shared(void)
{
	struct store *store = &fake;
	struct store_thread *thread = NULL;
	struct error err;

	store_thread_stop(&(struct store_thread *){ start() });
	fake.is_closed = false;
	fake.is_shared = true;
	assert_int_equal(
		store_thread_start(&store, on_batch_done, &answers, &thread, &err), STATUS_OK);
	return thread;
}

static void note_due(void *context, uint16_t target)
{
	atomic_store((_Atomic int *)context, target);
}

/* One process owns the store: there is nothing to look for. */
static void test_own_store_is_not_polled(void **state)
{
	struct store_thread *thread = start();

	(void)state;
	assert_int_equal(gauge_read(&store_thread_metrics(thread)->lease_until_ms), INT64_MAX);
	store_thread_stop(&thread);
	assert_int_equal(fake.polls, 0);
}

static void test_hints_and_news(void **state)
{
	struct store_thread *thread = start_shared();
	_Atomic int due = 0;
	const struct store_news news = { .context = (void *)&due, .on_due = note_due };
	int polls;

	(void)state;
	store_thread_follow(thread, &news);
	await_polls(1);
	while (atomic_load(&due) != 7)
		sched_yield();
	/* A hundred hints are a look or two, and the look comes at once. */
	polls = polls_so_far();
	for (int i = 0; i < 100; i++)
		fake.hint(fake.hint_context);
	await_polls(polls + 1);
	assert_int_equal(gauge_read(&store_thread_metrics(thread)->lease_until_ms), 12345);
	store_thread_stop(&thread);
	assert_null(fake.hint);
}

static void test_takeovers_are_counted_once(void **state)
{
	struct store_thread *thread = start_shared();
	struct store_metrics *metrics = store_thread_metrics(thread);
	struct store_takeovers takeovers = { .leases_expired = 3, .verdicts_late = 2 };

	(void)state;
	assert_int_equal(store_thread_call(thread, take_over, &takeovers, NULL), STATUS_OK);
	for (int i = 0; i < 3; i++) {
		int polls = polls_so_far();

		fake.hint(fake.hint_context);
		await_polls(polls + 1);
	}
	while (counter_read(&metrics->verdicts_late) == 0)
		sched_yield();
	assert_int_equal(counter_read(&metrics->leases_expired), 3);
	assert_int_equal(counter_read(&metrics->verdicts_late), 2);
	store_thread_stop(&thread);
}

/* The server goes and comes while nobody sends anything: both are seen. */
static void test_a_silent_server_is_noticed(void **state)
{
	struct store_thread *thread = start_shared();
	struct store_metrics *metrics = store_thread_metrics(thread);

	(void)state;
	for (int round = 0; round < 2; round++) {
		bool away = round == 0;

		pthread_mutex_lock(&fake.mutex);
		fake.next_poll = away ? STATUS_IO : STATUS_OK;
		pthread_mutex_unlock(&fake.mutex);
		fake.hint(fake.hint_context);
		while ((gauge_read(&metrics->failing_since_ms) != 0) != away)
			sched_yield();
	}
	store_thread_stop(&thread);
}

int main(void)
{
	static const struct log_settings quiet = { .level = LOG_LEVEL_ERROR };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_group_commit),
		cmocka_unit_test(test_a_harmless_refusal_concerns_one_request),
		cmocka_unit_test(test_any_other_refusal_loses_the_transaction),
		cmocka_unit_test(test_failure_refuses_events_and_keeps_verdicts),
		cmocka_unit_test(test_call_runs_after_what_was_posted_before),
		cmocka_unit_test(test_uncertain_commit_is_told),
		cmocka_unit_test(test_stop_writes_what_was_posted),
		cmocka_unit_test(test_deferrable_waits),
		cmocka_unit_test(test_deferrable_goes_with_what_is_awaited),
		cmocka_unit_test(test_own_store_is_not_polled),
		cmocka_unit_test(test_hints_and_news),
		cmocka_unit_test(test_takeovers_are_counted_once),
		cmocka_unit_test(test_a_silent_server_is_noticed),
		cmocka_unit_test(test_stop_gives_up_on_verdicts_that_cannot_be_stored),
	};

	log_configure(&quiet);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
