/* SPDX-License-Identifier: MIT */
#include "control_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repostal/clock.h"
#include "repostal/handoff.h"
#include "repostal/memory.h"
#include "repostal/target_test.h"

static enum status live_call(void *context,
	enum status (*run)(struct store *store, void *argument, struct error *err), void *argument,
	struct error *err)
{
	struct control_live *live = context;

	return store_thread_call(live->store, run, argument, err);
}

static void live_look(void *context, uint16_t target)
{
	struct control_live *live = context;

	dispatcher_wake_all(live->dispatcher, target);
}

static void live_pause(void *context, uint16_t target, bool paused)
{
	struct control_live *live = context;

	dispatcher_pause(live->dispatcher, target, paused);
}

enum {
	REASONS_SIZE_MAX = 16 * 1024
};

/* A generation, as control sees it. */
struct live_snapshot {
	struct control_snapshot snapshot;
	struct generation *generation; /* a reference */
};

static const struct control_snapshot *live_acquire(void *context)
{
	struct control_live *live = context;
	struct live_snapshot *made = memory_zalloc(sizeof(*made));
	const struct config *config;

	made->generation = generation_slot_hold(live->generations);
	REPOSTAL_ASSERT(made->generation != NULL);
	config = made->generation->config;
	made->snapshot = (struct control_snapshot){
		.generation = made->generation->number,
		.fingerprint = config->fingerprint,
		.rules = made->generation->rules,
		.targets = config->targets,
		.target_numbers = made->generation->target_numbers,
		.targets_count = config->targets_count,
	};
	return &made->snapshot;
}

static void live_release(void *context, const struct control_snapshot *snapshot)
{
	struct live_snapshot *made = (struct live_snapshot *)(uintptr_t)snapshot;

	(void)context;
	generation_release(&made->generation);
	free(made);
}

static void observe_error(
	struct control_live *live, uint16_t target, struct control_target_error *out)
{
	struct target_error error;

	if (!dispatcher_last_error(live->dispatcher, target, &error))
		return;
	out->time_ms = error.time_ms;
	out->result = attempt_result_name(error.result);
	out->http_status = error.http_status;
	snprintf(out->cause, sizeof(out->cause), "%s", error.cause);
	snprintf(out->hint, sizeof(out->hint), "%s", error.hint);
}

static bool live_observe(void *context, uint16_t target, struct control_target *out)
{
	struct control_live *live = context;
	struct target_metrics *metrics = dispatcher_target_metrics(live->dispatcher, target);
	struct store_metrics *store = store_thread_metrics(live->store);
	int64_t on_disk_us = gauge_read(&store->targets[target].oldest_waiting_us);
	int64_t in_memory_us = metrics == NULL ? 0 : gauge_read(&metrics->oldest_memory_us);

	*out = (struct control_target){
		.oldest_received_us =
			on_disk_us == 0 || (in_memory_us != 0 && in_memory_us < on_disk_us)
				? in_memory_us
				: on_disk_us,
	};
	if (metrics == NULL)
		return false;
	out->state = target_state_name((enum target_state)gauge_read(&metrics->state));
	out->in_flight = gauge_read(&metrics->in_flight);
	out->attempts_last_minute = recent_read(&metrics->recent_attempts, clock_monotonic_ms());
	out->delivered_last_minute = recent_read(&metrics->recent_delivered, clock_monotonic_ms());
	out->since_ms = gauge_read(&metrics->since_ms);
	out->next_probe_ms = gauge_read(&metrics->next_probe_ms);
	out->next_try_ms = gauge_read(&metrics->next_try_ms);
	out->types_failing = (unsigned)gauge_read(&metrics->types_failing);
	observe_error(live, target, &out->error);
	return true;
}

static enum status live_test(
	void *context, uint16_t target, struct control_test *out, struct error *err)
{
	struct control_live *live = context;
	struct generation *generation = generation_slot_hold(live->generations);
	struct target_test test;
	enum status status =
		target_test_run(live->dispatcher, &generation->dispatcher, target, &test, err);

	generation_release(&generation);
	if (status != STATUS_OK)
		return status;
	*out = (struct control_test){
		.event = test.event,
		.is_signed = test.is_signed,
		.result = attempt_result_name(test.result),
		.http_status = test.http_status,
		.duration_ms = test.duration_us / 1000,
		.answer_size = test.answer_size,
	};
	memcpy(out->uuid, test.uuid, sizeof(out->uuid));
	memcpy(out->cause, test.cause, sizeof(out->cause));
	memcpy(out->answer, test.answer, test.answer_size);
	return STATUS_OK;
}

static void live_observe_totals(void *context, struct control_totals *out)
{
	struct control_live *live = context;
	struct store_metrics *store = store_thread_metrics(live->store);

	*out = (struct control_totals){
		.uptime_s = (clock_monotonic_ms() - live->started_ms) / 1000,
		.quarantined = gauge_read(&store->quarantined),
		.store_bytes = gauge_read(&store->bytes),
		.started_ms = live->started_unix_ms,
	};
	pthread_mutex_lock(&live->mutex);
	out->reload = live->reload;
	pthread_mutex_unlock(&live->mutex);
	buf_init(&out->reasons, REASONS_SIZE_MAX);
	out->is_ready = admin_is_ready(live->admin, &out->reasons);
}

void control_live_note_reload(struct control_live *live, const struct error *err)
{
	pthread_mutex_lock(&live->mutex);
	live->reload.time_ms = clock_unix_ms();
	snprintf(
		live->reload.error, sizeof(live->reload.error), "%s", err == NULL ? "" : err->text);
	pthread_mutex_unlock(&live->mutex);
}

const struct control_backend control_live_backend = {
	.test = live_test,
	.call = live_call,
	.look = live_look,
	.pause = live_pause,
	.acquire = live_acquire,
	.release = live_release,
	.observe = live_observe,
	.observe_totals = live_observe_totals,
};

void control_live_describe(void *context, int64_t *generation_out, uint64_t *fingerprint_out)
{
	struct control_live *live = context;
	struct generation *generation = generation_slot_hold(live->generations);

	*generation_out = generation == NULL ? 0 : generation->number;
	*fingerprint_out = generation == NULL ? 0 : generation->config->fingerprint;
	generation_release(&generation);
}

void control_live_visit_certificates(void *context, admin_certificate_visitor *visit, void *page)
{
	struct control_live *live = context;
	struct generation *generation = generation_slot_hold(live->generations);

	for (size_t i = 0; generation != NULL && i < generation->certificates_count; i++)
		visit(page, &generation->certificates[i]);
	generation_release(&generation);
}
