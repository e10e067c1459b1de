/* SPDX-License-Identifier: MIT */
/*
 * Group commit: while one commit waits for the disk, requests gather in the mailbox; the next
 * transaction takes them all. A request that can be deferred (the verdict of a delivery that went well)
 * goes with the next commit that a request waits for, or a moment later.
 *
 * When a commit fails, new events and claims are refused, but verdicts stay: they describe what has
 * already happened at a receiver, and losing one would send its event again. They are repeated, in
 * a transaction of their own so that a refused event cannot hold them up, until they are on disk.
 */
#include "repostal/store_thread.h"

#include <inttypes.h>
#include <time.h>

#include "repostal/clock.h"
#include "repostal/log.h"
#include "repostal/memory.h"

enum {
	SWEEP_PAUSE_MS = 10,      /* between two steps while there is more */
	SWEEP_INTERVAL_MS = 1000, /* between two steps when there was nothing to do */
	RETRY_INTERVAL_MS = 500,  /* between two attempts to store kept verdicts */
	GAUGES_INTERVAL_MS = 1000,
	POLL_INTERVAL_MS = 1000, /* for news from other processes */
	GATHER_REQUESTS_MIN = 8, /* of the last batch: less is no load */
};

struct store_thread {
	struct store *store;
	pthread_t thread;
	struct mailbox mailbox;
	void (*on_batch_done)(void *context);
	void *context;
	struct mailbox_chain kept; /* verdicts of failed commits */
	int64_t sweep_at_ms;       /* monotonic, like all times here */
	int64_t gauges_at_ms;
	int64_t poll_at_ms;
	size_t last_count; /* requests of the last batch */
	struct store_news news;
	struct store_request hint;
	_Atomic bool is_hinted; /* hint is in the mailbox */
	struct store_takeovers counted;
	struct log_limit failing_lines; /* a sender may make it fail again and again */
	struct log_limit recovered_lines;
	struct store_metrics metrics;
	pthread_mutex_t trouble_mutex;
	struct error trouble; /* of the last transaction; others read it */
};

static struct store_request *request_of(struct mailbox_item *item)
{
	return MAILBOX_ENTRY(item, struct store_request, item);
}

static enum status carry_out(struct store *store, struct store_request *request, struct error *err)
{
	switch (request->kind) {
	case STORE_REQUEST_APPEND:
		return store_append(store, &((struct store_append_request *)request)->event, err);
	case STORE_REQUEST_QUARANTINE:
		return store_quarantine(
			store, &((struct store_quarantine_request *)request)->quarantined, err);
	case STORE_REQUEST_VERDICT:
		return store_record(
			store, &((struct store_verdict_request *)request)->verdict, err);
	case STORE_REQUEST_PAUSE: {
		const struct store_pause_request *pause = (struct store_pause_request *)request;

		return store_pause(store, pause->target, pause->paused, pause->reason, err);
	}
	case STORE_REQUEST_CALL:
	case STORE_REQUEST_HINT:
		break; /* not reached: these are taken out of the chain before */
	case STORE_REQUEST_CLAIM:
		return store_claim(store, clock_schedule_ms(),
			&((struct store_claim_request *)request)->claim, err);
	}
	return STATUS_INVALID;
}

struct writing {
	const struct mailbox_chain *chain;
	int64_t new_events;
};

/* A refusal that leaves the transaction intact is its request's alone. */
static enum status write_chain(struct store *store, void *argument, struct error *err)
{
	struct writing *writing = argument;

	for (struct mailbox_item *item = writing->chain->first; item != NULL; item = item->next) {
		struct store_request *request = request_of(item);

		request->status = carry_out(store, request, err);
		if (!store_is_intact_after(request->status))
			return request->status;
		if (request->kind == STORE_REQUEST_APPEND && request->status == STATUS_OK)
			writing->new_events++;
	}
	return STATUS_OK;
}

static void set_trouble(struct store_thread *thread, const char *text)
{
	pthread_mutex_lock(&thread->trouble_mutex);
	error_set(&thread->trouble, "%s", text);
	pthread_mutex_unlock(&thread->trouble_mutex);
}

void store_thread_read_trouble(struct store_thread *thread, struct error *trouble_out)
{
	pthread_mutex_lock(&thread->trouble_mutex);
	*trouble_out = thread->trouble;
	pthread_mutex_unlock(&thread->trouble_mutex);
}

static void note_result(struct store_thread *thread, enum status status, const struct error *err)
{
	struct store_metrics *metrics = &thread->metrics;
	int64_t failing_since_ms = gauge_read(&metrics->failing_since_ms);

	if (status != STATUS_OK || failing_since_ms != 0)
		set_trouble(thread, status == STATUS_OK ? "" : err->text);
	if (status == STATUS_OK && failing_since_ms != 0) {
		gauge_set(&metrics->failing_since_ms, 0);
		log_limited(&thread->recovered_lines,
			LOG_INT("after_ms", clock_monotonic_ms() - failing_since_ms));
	} else if (status != STATUS_OK && failing_since_ms == 0) {
		gauge_set(&metrics->failing_since_ms, clock_monotonic_ms());
		log_limited(&thread->failing_lines, LOG_STR("error", err->text));
	}
}

static void release_claim(struct store_request *request)
{
	store_claim_clear(&((struct store_claim_request *)request)->claim);
}

/* Every request but a verdict that must be kept gets its answer. */
static void answer_chain(
	struct store_thread *thread, struct mailbox_chain *chain, enum status status)
{
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(chain)) != NULL) {
		struct store_request *request = request_of(item);

		if (status != STATUS_OK && request->kind == STORE_REQUEST_VERDICT) {
			mailbox_chain_add(&thread->kept, item);
			continue;
		}
		if (status != STATUS_OK) {
			request->status = status;
			if (request->kind == STORE_REQUEST_CLAIM)
				release_claim(request);
		}
		request->done(request, request->status, thread->context);
	}
}

static void update_counts(struct store_thread *thread)
{
	struct store_metrics *metrics = &thread->metrics;

	gauge_set(&metrics->backlog, store_backlog(thread->store));
	gauge_set(&metrics->quarantined, store_quarantine_count(thread->store));
	for (size_t i = 0; i < store_targets_count(thread->store); i++) {
		struct store_target_counts counts = store_counts(thread->store, (uint16_t)i);

		gauge_set(&metrics->targets[i].open, counts.open);
		gauge_set(&metrics->targets[i].retrying, counts.retrying);
		gauge_set(&metrics->targets[i].dead, counts.dead);
	}
}

static void run_transaction(struct store_thread *thread, struct mailbox_chain *chain)
{
	struct error err = { .text = "" };
	int64_t began_us = clock_monotonic_us();
	struct writing writing = { .chain = chain };
	enum status status;

	if (chain->first == NULL)
		return;
	status = store_transaction(thread->store, write_chain, &writing, &err);
	note_result(thread, status, &err);
	if (status == STATUS_OK) {
		histogram_observe(&thread->metrics.commit_seconds,
			(double)(clock_monotonic_us() - began_us) / 1e6);
		if (writing.new_events > 0)
			histogram_observe(
				&thread->metrics.batch_events, (double)writing.new_events);
	}
	/* Before the answers: a client that has its answer can see its event counted. */
	update_counts(thread);
	answer_chain(thread, chain, status);
}

/* Moves the requests of this kind to the end of found. */
static void split(
	struct mailbox_chain *chain, enum store_request_kind kind, struct mailbox_chain *found)
{
	struct mailbox_chain others = { 0 };
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(chain)) != NULL)
		mailbox_chain_add(request_of(item)->kind == kind ? found : &others, item);
	*chain = others;
}

/* The hint is the thread's own: it only has to be free again before the poll that it asks for. */
static void take_hint(struct store_thread *thread, struct mailbox_chain *chain)
{
	struct mailbox_chain hints = { 0 };

	split(chain, STORE_REQUEST_HINT, &hints);
	if (hints.first == NULL)
		return;
	atomic_store(&thread->is_hinted, false);
	thread->poll_at_ms = 0;
}

static void on_hint(void *context)
{
	struct store_thread *thread = context;

	if (!atomic_exchange(&thread->is_hinted, true))
		mailbox_post(&thread->mailbox, &thread->hint.item);
}

struct call_request {
	struct store_request request;
	enum status (*run)(struct store *store, void *argument, struct error *err);
	void *argument;
	struct error *err;
	pthread_mutex_t mutex;
	pthread_cond_t returned;
	bool is_done;
};

/* Only calls discard anything. */
static void update_discarded(struct store_thread *thread)
{
	for (size_t i = 0; i < store_targets_count(thread->store); i++)
		gauge_set(&thread->metrics.targets[i].discarded,
			store_discarded(thread->store, (uint16_t)i));
}

/* The caller waits with the mutex free; after the unlock the call is the caller's again, and may be gone. */
static void run_calls(struct store_thread *thread, struct mailbox_chain *calls)
{
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(calls)) != NULL) {
		struct call_request *call = (struct call_request *)request_of(item);

		call->request.status = call->run(thread->store, call->argument, call->err);
		update_counts(thread);
		update_discarded(thread);
		pthread_mutex_lock(&call->mutex);
		call->is_done = true;
		pthread_cond_signal(&call->returned);
		pthread_mutex_unlock(&call->mutex);
	}
}

enum status store_thread_call(struct store_thread *thread,
	enum status (*run)(struct store *store, void *argument, struct error *err), void *argument,
	struct error *err)
{
	struct call_request call = {
		.request = { .kind = STORE_REQUEST_CALL },
		.run = run,
		.argument = argument,
		.err = err,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.returned = PTHREAD_COND_INITIALIZER,
	};

	store_thread_post(thread, &call.request);
	pthread_mutex_lock(&call.mutex);
	while (!call.is_done)
		pthread_cond_wait(&call.returned, &call.mutex);
	pthread_mutex_unlock(&call.mutex);
	return call.request.status;
}

static void run_batch(struct store_thread *thread, struct mailbox_chain *chain)
{
	struct mailbox_chain calls = { 0 };

	take_hint(thread, chain);
	split(chain, STORE_REQUEST_CALL, &calls);
	if (gauge_read(&thread->metrics.failing_since_ms) != 0 || thread->kept.first != NULL) {
		struct mailbox_chain verdicts = thread->kept;

		thread->kept = (struct mailbox_chain){ 0 };
		split(chain, STORE_REQUEST_VERDICT, &verdicts);
		run_transaction(thread, &verdicts);
	}
	run_transaction(thread, chain);
	run_calls(thread, &calls);
	if (thread->on_batch_done != NULL)
		thread->on_batch_done(thread->context);
}

/* What costs a system call or a statement. */
static void update_slow_gauges(struct store_thread *thread, int64_t now_ms)
{
	if (now_ms < thread->gauges_at_ms)
		return;
	thread->gauges_at_ms = now_ms + GAUGES_INTERVAL_MS;
	gauge_set(&thread->metrics.bytes, store_bytes(thread->store));
	for (size_t i = 0; i < store_targets_count(thread->store); i++)
		gauge_set(&thread->metrics.targets[i].oldest_waiting_us,
			store_oldest_waiting_us(thread->store, (uint16_t)i));
}

/* A line when it begins, and one when it ends. */
static void note_differing(struct store_thread *thread)
{
	int64_t known = gauge_read(&thread->metrics.differing);
	int64_t differing = store_differing(thread->store);

	if (differing == known)
		return;
	gauge_set(&thread->metrics.differing, differing);
	if (known == 0)
		log_event(LOG_LEVEL_WARN, "store.config_differs", LOG_INT("processes", differing),
			LOG_STR("advice", "give all processes on this database the same sources, "
					  "targets, translation and signing keys"));
	else if (differing == 0)
		log_event(LOG_LEVEL_INFO, "store.config_agrees");
}

static void note_sharing(struct store_thread *thread)
{
	struct store_takeovers takeovers = store_takeovers(thread->store);
	struct store_metrics *metrics = &thread->metrics;

	gauge_set(&metrics->lease_until_ms, store_lease_until_ms(thread->store));
	counter_add(&metrics->leases_expired,
		(uint64_t)(takeovers.leases_expired - thread->counted.leases_expired));
	counter_add(&metrics->verdicts_late,
		(uint64_t)(takeovers.verdicts_late - thread->counted.verdicts_late));
	thread->counted = takeovers;
	note_differing(thread);
}

/* A server that is away is noticed here even when no request comes, and so is its return. */
static void poll_news(struct store_thread *thread, int64_t now_ms)
{
	struct error err = { .text = "" };

	if (store_lease_until_ms(thread->store) == INT64_MAX || now_ms < thread->poll_at_ms)
		return;
	note_result(
		thread, store_poll(thread->store, clock_schedule_ms(), &thread->news, &err), &err);
	thread->poll_at_ms = clock_monotonic_ms() + POLL_INTERVAL_MS;
	update_counts(thread);
}

static void sweep(struct store_thread *thread, int64_t now_ms)
{
	struct error err;
	bool more = false;

	if (now_ms < thread->sweep_at_ms)
		return;
	if (gauge_read(&thread->metrics.failing_since_ms) != 0) {
		thread->sweep_at_ms = now_ms + SWEEP_INTERVAL_MS;
		return;
	}
	if (store_sweep(thread->store, clock_unix_ms(), &more, &err) != STATUS_OK)
		log_event(LOG_LEVEL_WARN, "store.sweep_failed", LOG_STR("error", err.text));
	thread->sweep_at_ms = clock_monotonic_ms() + (more ? SWEEP_PAUSE_MS : SWEEP_INTERVAL_MS);
}

static int64_t wait_ms(const struct store_thread *thread, int64_t now_ms)
{
	int64_t until_ms = thread->sweep_at_ms;

	if (thread->gauges_at_ms < until_ms)
		until_ms = thread->gauges_at_ms;
	if (thread->poll_at_ms < until_ms && store_lease_until_ms(thread->store) != INT64_MAX)
		until_ms = thread->poll_at_ms;
	if (thread->kept.first != NULL && now_ms + RETRY_INTERVAL_MS < until_ms)
		until_ms = now_ms + RETRY_INTERVAL_MS;
	return until_ms > now_ms ? until_ms - now_ms : 0;
}

static size_t chain_count(const struct mailbox_chain *chain)
{
	size_t count = 0;

	for (const struct mailbox_item *item = chain->first; item != NULL; item = item->next)
		count++;
	return count;
}

static bool all_deferrable(const struct mailbox_chain *chain)
{
	for (struct mailbox_item *item = chain->first; item != NULL; item = item->next)
		if (!request_of(item)->is_deferrable)
			return false;
	return true;
}

/* A commit for each delivery that ended would cost more than all else that is done for it. */
static void await_batch(struct store_thread *thread, struct mailbox_chain *chain)
{
	int64_t until_ms = clock_monotonic_ms() + STORE_DEFER_MS;
	int64_t left_ms = STORE_DEFER_MS;
	bool waits = chain->first != NULL && all_deferrable(chain);

	while (waits && left_ms > 0 && !mailbox_is_closed(&thread->mailbox)) {
		struct mailbox_chain more = mailbox_wait(&thread->mailbox, left_ms);

		waits = all_deferrable(&more);
		mailbox_chain_join(chain, &more);
		left_ms = until_ms - clock_monotonic_ms();
	}
}

static void gather(struct store_thread *thread, struct mailbox_chain *chain)
{
	const struct timespec pause = { .tv_nsec = store_gather_us(thread->store) * 1000 };
	struct mailbox_chain more;

	if (pause.tv_nsec > 0 && thread->last_count >= GATHER_REQUESTS_MIN) {
		nanosleep(&pause, NULL);
		more = mailbox_take(&thread->mailbox);
		mailbox_chain_join(chain, &more);
	}
	thread->last_count = chain_count(chain);
}

static void *thread_main(void *data)
{
	struct store_thread *thread = data;
	bool closed;

	pthread_setname_np(pthread_self(), "store");
	do {
		struct mailbox_chain chain;
		int64_t now_ms = clock_monotonic_ms();

		/* Asked before taking: what was posted before the close is then in the chain. */
		closed = mailbox_is_closed(&thread->mailbox);
		chain = mailbox_wait(&thread->mailbox, wait_ms(thread, now_ms));
		if (chain.first != NULL || thread->kept.first != NULL) {
			await_batch(thread, &chain);
			gather(thread, &chain);
			run_batch(thread, &chain);
		}
		now_ms = clock_monotonic_ms();
		gauge_set(&thread->metrics.heartbeat_ms, now_ms);
		poll_news(thread, now_ms);
		sweep(thread, now_ms);
		note_sharing(thread);
		update_slow_gauges(thread, now_ms);
	} while (!closed);
	return NULL;
}

enum status store_thread_start(struct store **store_taken, void (*on_batch_done)(void *context),
	void *context, struct store_thread **thread_out, struct error *err)
{
	struct store_thread *thread = memory_zalloc(sizeof(*thread));

	thread->store = *store_taken;
	thread->on_batch_done = on_batch_done;
	thread->context = context;
	histogram_init(&thread->metrics.commit_seconds, &histogram_seconds);
	histogram_init(&thread->metrics.batch_events, &histogram_batch);
	log_limit_open(&thread->failing_lines, LOG_LEVEL_ERROR, "store.failing", NULL, 0);
	log_limit_open(&thread->recovered_lines, LOG_LEVEL_INFO, "store.recovered", NULL, 0);
	mailbox_init(&thread->mailbox, NULL, NULL);
	pthread_mutex_init(&thread->trouble_mutex, NULL);
	thread->hint.kind = STORE_REQUEST_HINT;
	store_set_hint(thread->store, on_hint, thread);
	note_sharing(thread);
	update_counts(thread);
	update_slow_gauges(thread, clock_monotonic_ms());
	gauge_set(&thread->metrics.heartbeat_ms, clock_monotonic_ms());
	if (pthread_create(&thread->thread, NULL, thread_main, thread) != 0) {
		error_set(err, "cannot start the store thread");
		mailbox_destroy(&thread->mailbox);
		pthread_mutex_destroy(&thread->trouble_mutex);
		free(thread);
		return STATUS_IO;
	}
	*store_taken = NULL;
	*thread_out = thread;
	return STATUS_OK;
}

struct following {
	struct store_thread *thread;
	const struct store_news *news;
};

static enum status follow(struct store *store, void *argument, struct error *err)
{
	const struct following *following = argument;

	(void)store;
	(void)err;
	following->thread->news = *following->news;
	following->thread->poll_at_ms = 0;
	return STATUS_OK;
}

void store_thread_follow(struct store_thread *thread, const struct store_news *news)
{
	struct following following = { .thread = thread, .news = news };

	(void)store_thread_call(thread, follow, &following, NULL);
}

void store_thread_post(struct store_thread *thread, struct store_request *request)
{
	mailbox_post(&thread->mailbox, &request->item);
}

void store_thread_post_chain(struct store_thread *thread, struct mailbox_chain *chain)
{
	mailbox_post_chain(&thread->mailbox, chain);
}

struct store_metrics *store_thread_metrics(struct store_thread *thread)
{
	return &thread->metrics;
}

void store_thread_stop(struct store_thread **threadp)
{
	struct store_thread *thread = *threadp;
	struct mailbox_item *item;

	if (thread == NULL)
		return;
	*threadp = NULL;
	mailbox_close(&thread->mailbox);
	pthread_join(thread->thread, NULL);
	/* Verdicts that never reached the disk: their leases are void at the next start. */
	while ((item = mailbox_chain_pop(&thread->kept)) != NULL)
		request_of(item)->done(request_of(item), STATUS_IO, thread->context);
	store_set_hint(thread->store, NULL, NULL);
	store_close(&thread->store);
	mailbox_destroy(&thread->mailbox);
	pthread_mutex_destroy(&thread->trouble_mutex);
	log_limit_close(&thread->failing_lines);
	log_limit_close(&thread->recovered_lines);
	free(thread);
}
