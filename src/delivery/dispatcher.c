/* SPDX-License-Identifier: MIT */
#include "repostal/dispatcher.h"

#include <sys/resource.h>

#include "attempt/last_error.h"
#include "delivery_loop.h"
#include "handoff.h"
#include "reload.h"
#include "repostal/clock.h"
#include "repostal/memory.h"

enum {
	CONNECTIONS_MAX = 4096, /* kept open, over all targets */
};

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

static void open_shared(struct dispatcher *dispatcher, struct store_thread *store)
{
	struct target_shared *shared = &dispatcher->shared;

	mailbox_init(&shared->inbox, wake, dispatcher->outbound);
	outbox_init(&shared->outbox, store);
	run_queue_init(&shared->run_queue);
	places_init(&shared->places, places_of_descriptors(descriptors_max()));
	log_limit_open(
		&shared->descriptors_short, LOG_LEVEL_WARN, "delivery.descriptors_short", NULL, 0);
	shared->event_latency_seconds = &dispatcher->metrics.event_latency_seconds;
	shared->signer = dispatcher->settings.signer;
}

static enum status open_targets(struct dispatcher *dispatcher, struct error *err)
{
	const struct dispatcher_settings *settings = &dispatcher->settings;
	struct outbound_target **clients;
	enum status status =
		target_table_open_clients(dispatcher->outbound, settings, &clients, err);

	if (status != STATUS_OK)
		return status;
	target_table_apply(&dispatcher->table, settings, clients);
	free(clients);
	return STATUS_OK;
}

enum status dispatcher_open(const struct dispatcher_settings *settings, struct store_thread *store,
	struct dispatcher **dispatcher_out, struct error *err)
{
	struct dispatcher *dispatcher = memory_zalloc(sizeof(*dispatcher));
	enum status status;

	dispatcher->settings = *settings;
	dispatcher->outbound = outbound_open(
		settings->egress, connections_max(settings), delivery_loop_on_result, dispatcher);
	open_shared(dispatcher, store);
	pthread_mutex_init(&dispatcher->tests.mutex, NULL);
	histogram_init(&dispatcher->metrics.event_latency_seconds, &histogram_seconds);
	gauge_set(&dispatcher->metrics.heartbeat_ms, clock_monotonic_ms());
	target_table_init(&dispatcher->table, &dispatcher->shared, settings->targets_count);
	status = open_targets(dispatcher, err);
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
	dispatcher->shared.jwks_url = url;
}

static void *delivery_main(void *data)
{
	pthread_setname_np(pthread_self(), "delivery");
	delivery_loop_run(data);
	return NULL;
}

enum status dispatcher_run(struct dispatcher *dispatcher, struct error *err)
{
	const struct dispatcher_settings *settings = &dispatcher->settings;
	enum status status = handoff_set_envelopes(dispatcher, settings, err);

	if (status != STATUS_OK)
		return status;
	if (pthread_create(&dispatcher->thread, NULL, delivery_main, dispatcher) != 0) {
		error_set(err, "cannot start the delivery thread");
		return STATUS_IO;
	}
	dispatcher->is_running = true;
	return STATUS_OK;
}

void dispatcher_pause(struct dispatcher *dispatcher, uint16_t number, bool paused)
{
	struct target *target = target_table_find(&dispatcher->table, number);

	if (target != NULL)
		target_post_pause(target, paused);
}

enum status dispatcher_reload(struct dispatcher *dispatcher,
	const struct dispatcher_settings *settings, struct error *err)
{
	return reload_run(dispatcher, settings, err);
}

struct dispatcher_metrics *dispatcher_metrics(struct dispatcher *dispatcher)
{
	return &dispatcher->metrics;
}

struct target_metrics *dispatcher_target_metrics(struct dispatcher *dispatcher, uint16_t number)
{
	struct target *target = target_table_find(&dispatcher->table, number);

	return target == NULL ? NULL : &target->metrics;
}

enum target_state dispatcher_target_state(struct dispatcher *dispatcher, uint16_t number)
{
	return target_table_state(&dispatcher->table, number);
}

bool dispatcher_last_error(
	struct dispatcher *dispatcher, uint16_t number, struct target_error *error_out)
{
	struct target *target = target_table_find(&dispatcher->table, number);

	return target != NULL && last_error_read(target, error_out);
}

void dispatcher_stop(struct dispatcher *dispatcher, int64_t timeout_ms)
{
	if (!dispatcher->is_running)
		return;
	target_table_stop_accepting(&dispatcher->table);
	atomic_store(&dispatcher->stop_by_ms, clock_monotonic_ms() + timeout_ms + 1);
	outbound_wake(dispatcher->outbound);
	pthread_join(dispatcher->thread, NULL);
}

void dispatcher_free(struct dispatcher **dispatcherp)
{
	struct dispatcher *dispatcher = *dispatcherp;
	struct envelope_pool *pool;

	if (dispatcher == NULL)
		return;
	*dispatcherp = NULL;
	pool = dispatcher->envelopes;
	envelope_pool_stop(&pool);
	/* Committed while we were stopping: leased on disk, void at the next start; freed with its target. */
	delivery_loop_take_inbox(dispatcher);
	target_table_close(&dispatcher->table);
	outbound_close(&dispatcher->outbound);
	mailbox_destroy(&dispatcher->shared.inbox);
	log_limit_close(&dispatcher->shared.descriptors_short);
	pthread_mutex_destroy(&dispatcher->tests.mutex);
	free(dispatcher);
}
