/* SPDX-License-Identifier: MIT */
#include "repostal/dispatcher.h"

#include <stddef.h>
#include <string.h>
#include <sys/resource.h>

#include "dispatcher_private.h"
#include "repostal/clock.h"
#include "repostal/memory.h"

enum {
	POLL_MAX_MS = 1000,
	OLDEST_INTERVAL_MS = 1000,
	CONNECTIONS_MAX = 4096, /* kept open, over all targets */
};

static bool is_stopping(const struct dispatcher *dispatcher)
{
	return atomic_load(&((struct dispatcher *)(uintptr_t)dispatcher)->stop_by_ms) != 0;
}

static void on_result(void *context, void *request, const struct client_result *result)
{
	struct delivery *delivery = request;

	if (dispatcher_end_test(context, request, result))
		return;
	target_on_result(delivery->target, delivery, result);
}

/* The delivery thread. */

static void serve(struct dispatcher *dispatcher, struct target *target, int64_t now_ms)
{
	target_serve(target, now_ms);
	target->seat.is_called = false;
	if (target->wakes_ms < dispatcher->timer_ms)
		dispatcher->timer_ms = target->wakes_ms;
}

/* Those that wait for a place in flight, one place each in turn. */
static void serve_waiting(struct dispatcher *dispatcher, int64_t now_ms)
{
	struct seat *seat;

	while ((seat = places_call(&dispatcher->places, clock_monotonic_ms())) != NULL)
		serve(dispatcher, (struct target *)((char *)seat - offsetof(struct target, seat)),
			now_ms);
}

static void serve_attention(struct dispatcher *dispatcher, int64_t now_ms)
{
	while (dispatcher->attention != NULL) {
		struct target *target = dispatcher->attention;

		dispatcher->attention = target->next_in_attention;
		target->in_attention = false;
		serve(dispatcher, target, now_ms);
	}
	serve_waiting(dispatcher, now_ms);
}

static void run_timers(struct dispatcher *dispatcher, int64_t now_ms)
{
	if (now_ms < dispatcher->timer_ms)
		return;
	dispatcher->timer_ms = INT64_MAX;
	for (size_t i = 0; i < dispatcher->targets_count; i++) {
		struct target *target = dispatcher->targets[i];

		if (target->wakes_ms <= now_ms)
			dispatcher_attend(dispatcher, target);
		else if (target->wakes_ms < dispatcher->timer_ms)
			dispatcher->timer_ms = target->wakes_ms;
	}
}

static void note_health(struct dispatcher *dispatcher)
{
	int64_t now_ms = clock_monotonic_ms();

	gauge_set(&dispatcher->metrics.heartbeat_ms, now_ms);
	if (now_ms - dispatcher->oldest_noted_ms < OLDEST_INTERVAL_MS)
		return;
	dispatcher->oldest_noted_ms = now_ms;
	for (size_t i = 0; i < dispatcher->targets_count; i++)
		target_note_oldest(dispatcher->targets[i]);
}

static void take_all(struct dispatcher *dispatcher, int64_t now_ms)
{
	dispatcher_take_controls(dispatcher);
	dispatcher_take_ready(dispatcher);
	dispatcher_take_looks(dispatcher);
	dispatcher_take_claims(dispatcher, now_ms);
}

static int64_t poll_ms(const struct dispatcher *dispatcher, int64_t now_ms)
{
	int64_t wait_ms =
		dispatcher->timer_ms == INT64_MAX ? POLL_MAX_MS : dispatcher->timer_ms - now_ms;
	int64_t place_ms = places_wait_ms(&dispatcher->places, clock_monotonic_ms());

	if (place_ms < wait_ms)
		wait_ms = place_ms;
	if (wait_ms < 0 || dispatcher->attention != NULL)
		return 0;
	return wait_ms > POLL_MAX_MS ? POLL_MAX_MS : wait_ms;
}

static bool is_flying(const struct dispatcher *dispatcher)
{
	for (size_t i = 0; i < dispatcher->targets_count; i++)
		if (dispatcher->targets[i]->flying.count > 0)
			return true;
	return dispatcher->tests != NULL;
}

static void cancel_all(struct dispatcher *dispatcher)
{
	for (size_t i = 0; i < dispatcher->targets_count; i++)
		outbound_target_cancel(dispatcher->targets[i]->client);
	for (size_t i = 0; i < dispatcher->retired_count; i++)
		outbound_target_cancel(dispatcher->retired[i]);
}

/* What is in flight may finish until the deadline; everything else goes back to the disk at once. */
static void wind_down(struct dispatcher *dispatcher)
{
	int64_t stop_by_ms = atomic_load(&dispatcher->stop_by_ms);
	bool is_cut_off = false;

	while (is_flying(dispatcher) || dispatcher->claims_out > 0 ||
		atomic_load(&dispatcher->signing) > 0) {
		int64_t now_ms = clock_schedule_ms();

		take_all(dispatcher, now_ms);
		for (size_t i = 0; i < dispatcher->targets_count; i++)
			target_release_ready(dispatcher->targets[i], now_ms);
		if (!is_cut_off && clock_monotonic_ms() >= stop_by_ms) {
			is_cut_off = true;
			cancel_all(dispatcher);
		}
		store_thread_post_chain(dispatcher->store, &dispatcher->verdicts);
		outbound_poll(dispatcher->outbound, 10);
		outbound_perform(dispatcher->outbound);
	}
	for (size_t i = 0; i < dispatcher->targets_count; i++)
		target_release_ready(dispatcher->targets[i], clock_schedule_ms());
	store_thread_post_chain(dispatcher->store, &dispatcher->verdicts);
}

static void *delivery_main(void *data)
{
	struct dispatcher *dispatcher = data;

	pthread_setname_np(pthread_self(), "delivery");
	while (!is_stopping(dispatcher)) {
		int64_t now_ms = clock_schedule_ms();

		take_all(dispatcher, now_ms);
		run_timers(dispatcher, now_ms);
		serve_attention(dispatcher, now_ms);
		outbound_perform(dispatcher->outbound);
		serve_attention(dispatcher, now_ms);
		store_thread_post_chain(dispatcher->store, &dispatcher->verdicts);
		note_health(dispatcher);
		outbound_poll(dispatcher->outbound, poll_ms(dispatcher, now_ms));
	}
	wind_down(dispatcher);
	dispatcher_close_tests(dispatcher);
	return NULL;
}

/* Places in flight. */

bool dispatcher_take_place(struct dispatcher *dispatcher, struct target *target)
{
	return places_take(&dispatcher->places, &target->seat, clock_monotonic_ms());
}

void dispatcher_give_place_back(struct dispatcher *dispatcher, struct target *target)
{
	places_give_back(&dispatcher->places, &target->seat);
}

int64_t dispatcher_run_short(struct dispatcher *dispatcher)
{
	places_run_short(&dispatcher->places, clock_monotonic_ms());
	log_limited(&dispatcher->short_lines, LOG_INT("in_flight", dispatcher->places.taken),
		LOG_STR("advice",
			"more file descriptors (LimitNOFILE=, ulimit -n), or fewer connections"));
	return PLACES_HOLD_MS;
}

int dispatcher_fair_share(const struct dispatcher *dispatcher)
{
	return dispatcher->fair_share;
}

/* Life. */

static void wake(void *context)
{
	outbound_wake(context);
}

static int64_t descriptors_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT32_MAX)
		return INT32_MAX;
	return (int64_t)limit.rlim_cur;
}

/* In flight and idle; half of the descriptors are left to the senders. */
static int connections_max(const struct dispatcher_settings *settings)
{
	int64_t most = descriptors_max() / 2;
	int64_t sum = 0;

	if (most > CONNECTIONS_MAX)
		most = CONNECTIONS_MAX;
	for (size_t i = 0; i < settings->targets_count && sum < most; i++)
		sum += settings->targets[i].concurrency;
	return (int)(sum < most ? sum : most);
}

enum status dispatcher_open(const struct dispatcher_settings *settings, struct store_thread *store,
	struct dispatcher **dispatcher_out, struct error *err)
{
	struct dispatcher *dispatcher = memory_zalloc(sizeof(*dispatcher));
	enum status status;

	dispatcher->settings = *settings;
	dispatcher->store = store;
	pthread_mutex_init(&dispatcher->tests_mutex, NULL);
	places_init(&dispatcher->places, places_of_descriptors(descriptors_max()));
	log_limit_open(
		&dispatcher->short_lines, LOG_LEVEL_WARN, "delivery.descriptors_short", NULL, 0);
	dispatcher->outbound =
		outbound_open(settings->egress, connections_max(settings), on_result, dispatcher);
	mailbox_init(&dispatcher->controls, wake, dispatcher->outbound);
	mailbox_init(&dispatcher->ready, wake, dispatcher->outbound);
	mailbox_init(&dispatcher->looks, wake, dispatcher->outbound);
	mailbox_init(&dispatcher->claims, wake, dispatcher->outbound);
	histogram_init(&dispatcher->metrics.event_latency_seconds, &histogram_seconds);
	gauge_set(&dispatcher->metrics.heartbeat_ms, clock_monotonic_ms());
	status = dispatcher_open_targets(dispatcher, err);
	if (status != STATUS_OK) {
		dispatcher_free(&dispatcher);
		return status;
	}
	*dispatcher_out = dispatcher;
	return STATUS_OK;
}

void dispatcher_set_own(struct dispatcher *dispatcher, const struct own_listeners *own)
{
	outbound_set_own(dispatcher->outbound, own);
}

void dispatcher_set_jwks_url(struct dispatcher *dispatcher, const char *url)
{
	dispatcher->jwks_url = url;
}

struct dispatcher_key dispatcher_key(const struct dispatcher *dispatcher)
{
	return (struct dispatcher_key){
		.id = signer_key_id(dispatcher->settings.signer),
		.jwks_url = dispatcher->jwks_url == NULL ? "/.well-known/jwks.json"
							 : dispatcher->jwks_url,
	};
}

enum status dispatcher_run(struct dispatcher *dispatcher, struct error *err)
{
	const struct dispatcher_settings *settings = &dispatcher->settings;

	enum status status = dispatcher_start_signing(
		dispatcher, settings->signer, settings->signing_threads, err);

	if (status != STATUS_OK)
		return status;
	if (pthread_create(&dispatcher->thread, NULL, delivery_main, dispatcher) != 0) {
		error_set(err, "cannot start the delivery thread");
		return STATUS_IO;
	}
	dispatcher->is_running = true;
	return STATUS_OK;
}

struct dispatcher_metrics *dispatcher_metrics(struct dispatcher *dispatcher)
{
	return &dispatcher->metrics;
}

struct target_metrics *dispatcher_target_metrics(struct dispatcher *dispatcher, uint16_t number)
{
	struct target *target = dispatcher->by_number[number];

	return target == NULL ? NULL : &target->metrics;
}

enum target_state dispatcher_idle_state(struct dispatcher *dispatcher, uint16_t number)
{
	return atomic_load(&dispatcher->is_disabled[number]) ? TARGET_DISABLED
							     : TARGET_UNCONFIGURED;
}

enum target_state dispatcher_target_state(struct dispatcher *dispatcher, uint16_t number)
{
	struct target *target = dispatcher->by_number[number];

	if (target == NULL)
		return dispatcher_idle_state(dispatcher, number);
	return (enum target_state)gauge_read(&target->metrics.state);
}

bool dispatcher_last_error(
	struct dispatcher *dispatcher, uint16_t number, struct target_error *error_out)
{
	struct target *target = dispatcher->by_number[number];

	if (target == NULL)
		return false;
	pthread_mutex_lock(&target->error_mutex);
	*error_out = target->last_error;
	pthread_mutex_unlock(&target->error_mutex);
	return error_out->time_ms != 0;
}

void dispatcher_stop(struct dispatcher *dispatcher, int64_t timeout_ms)
{
	if (!dispatcher->is_running)
		return;
	for (size_t i = 0; i < dispatcher->targets_count; i++)
		atomic_store(&dispatcher->targets[i]->accepting, false);
	atomic_store(&dispatcher->stop_by_ms, clock_monotonic_ms() + timeout_ms + 1);
	outbound_wake(dispatcher->outbound);
	pthread_join(dispatcher->thread, NULL);
}

void dispatcher_free(struct dispatcher **dispatcherp)
{
	struct dispatcher *dispatcher = *dispatcherp;
	struct sign_pool *pool;
	struct mailbox_chain chain;
	struct mailbox_item *item;

	if (dispatcher == NULL)
		return;
	*dispatcherp = NULL;
	pool = dispatcher->sign_pool;
	sign_pool_stop(&pool);
	dispatcher_take_controls(dispatcher);
	/* Committed while we were stopping: leased on disk, void at the next start. */
	chain = mailbox_take(&dispatcher->ready);
	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct outgoing *outgoing = MAILBOX_ENTRY(item, struct outgoing, item);

		outgoing_release(outgoing, (int)outgoing->deliveries_count);
	}
	for (size_t i = 0; i < dispatcher->targets_count; i++)
		target_free(&dispatcher->targets[i]);
	for (size_t i = 0; i < dispatcher->retired_count; i++)
		outbound_target_close(&dispatcher->retired[i]);
	outbound_close(&dispatcher->outbound);
	free(dispatcher->retired);
	mailbox_destroy(&dispatcher->controls);
	mailbox_destroy(&dispatcher->ready);
	mailbox_destroy(&dispatcher->looks);
	mailbox_destroy(&dispatcher->claims);
	log_limit_close(&dispatcher->short_lines);
	pthread_mutex_destroy(&dispatcher->tests_mutex);
	free(dispatcher);
}
