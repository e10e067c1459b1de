/* SPDX-License-Identifier: MIT */
/*
 * The backend of the command line while no gateway runs: nothing is at work, so all there is to know
 * is in the store, and what is changed is found by the gateway when it starts.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "control_private.h"
#include "repostal/clock.h"
#include "repostal/memory.h"

struct control_offline {
	struct control_offline_settings settings;
	pthread_mutex_t mutex; /* a job has a thread of its own */
	struct store *store;   /* NULL: not taken yet */
};

struct offline_snapshot {
	struct control_snapshot snapshot;
	struct routed_source *sources;
	struct event_route *routes;
	uint16_t *target_numbers;
};

struct control_offline *control_offline_new(const struct control_offline_settings *settings)
{
	struct control_offline *offline = memory_zalloc(sizeof(*offline));

	offline->settings = *settings;
	pthread_mutex_init(&offline->mutex, NULL);
	return offline;
}

void control_offline_free(struct control_offline **offlinep)
{
	struct control_offline *offline = *offlinep;

	if (offline == NULL)
		return;
	*offlinep = NULL;
	store_close(&offline->store);
	pthread_mutex_destroy(&offline->mutex);
	free(offline);
}

/* What is configured has its number from now on, as when a gateway starts. */
static enum status register_names(struct control_offline *offline, struct error *err)
{
	const struct control_offline_settings *settings = &offline->settings;
	enum status status = STATUS_OK;
	uint16_t number;

	for (size_t i = 0; status == STATUS_OK && i < settings->sources_count; i++)
		status = store_register_source(
			offline->store, settings->sources[i].name, &number, err);
	for (size_t i = 0; status == STATUS_OK && i < settings->targets_count; i++)
		status = store_register_target(
			offline->store, settings->targets[i].name, &number, err);
	return status;
}

static enum status take_store(struct control_offline *offline, struct error *err)
{
	enum status status = STATUS_OK;

	if (offline->store == NULL)
		status = store_open(offline->settings.store, clock_unix_ms(), &offline->store, err);
	if (status == STATUS_OK)
		status = register_names(offline, err);
	if (status != STATUS_OK)
		store_close(&offline->store);
	return status;
}

enum status control_offline_take(struct control_offline *offline, struct error *err)
{
	enum status status;

	pthread_mutex_lock(&offline->mutex);
	status = take_store(offline, err);
	pthread_mutex_unlock(&offline->mutex);
	return status;
}

static enum status offline_call(void *context,
	enum status (*run)(struct store *store, void *argument, struct error *err), void *argument,
	struct error *err)
{
	struct control_offline *offline = context;
	enum status status;

	pthread_mutex_lock(&offline->mutex);
	status = take_store(offline, err);
	if (status == STATUS_OK)
		status = run(offline->store, argument, err);
	pthread_mutex_unlock(&offline->mutex);
	return status;
}

static void offline_look(void *context, uint16_t target)
{
	(void)context;
	(void)target;
}

static void offline_pause(void *context, uint16_t target, bool paused)
{
	(void)context;
	(void)target;
	(void)paused;
}

/* A name without a number yet gets one that no row has. */
static uint16_t number_of(char **list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] != NULL && strcmp(list[i], name) == 0)
			return (uint16_t)i;
	return UINT16_MAX;
}

static void number_targets(struct offline_snapshot *made, const struct control_offline *offline,
	const struct names *names)
{
	for (size_t t = 0; t < offline->settings.targets_count; t++) {
		int number =
			names_find_target(names, slice_text(offline->settings.targets[t].name));

		made->target_numbers[t] = number < 0 ? UINT16_MAX : (uint16_t)number;
	}
}

static const struct control_snapshot *offline_acquire(void *context)
{
	struct control_offline *offline = context;
	const struct control_offline_settings *settings = &offline->settings;
	struct offline_snapshot *made = memory_zalloc(sizeof(*made));
	struct store_reader *reader = NULL;
	struct names names = { 0 };

	if (store_reader_open(settings->store, &reader, NULL) == STATUS_OK)
		names_read(reader, &names, NULL);
	store_reader_close(&reader);
	made->sources = memory_array(settings->sources_count + 1, sizeof(*made->sources));
	made->target_numbers = memory_array(settings->targets_count + 1, sizeof(uint16_t));
	made->routes = memory_array(
		settings->sources_count * settings->targets_count + 1, sizeof(*made->routes));
	number_targets(made, offline, &names);
	for (size_t i = 0; i < settings->sources_count; i++) {
		made->sources[i].settings = &settings->sources[i];
		made->sources[i].number =
			number_of(names.sources, names.sources_count, settings->sources[i].name);
		made->sources[i].routes = made->routes + i * settings->targets_count;
		made->sources[i].routes_count = event_routes_build(settings->sources[i].name,
			settings->targets, made->target_numbers, settings->targets_count,
			made->routes + i * settings->targets_count);
	}
	names_free(&names);
	made->snapshot = (struct control_snapshot){
		.fingerprint = settings->fingerprint,
		.rules = {
			.translate = settings->translate,
			.sources = made->sources,
			.sources_count = settings->sources_count,
		},
		.targets = settings->targets,
		.target_numbers = made->target_numbers,
		.targets_count = settings->targets_count,
	};
	return &made->snapshot;
}

static void offline_release(void *context, const struct control_snapshot *snapshot)
{
	struct offline_snapshot *made = (struct offline_snapshot *)(uintptr_t)snapshot;

	(void)context;
	free(made->sources);
	free(made->routes);
	free(made->target_numbers);
	free(made);
}

static bool offline_observe(void *context, uint16_t target, struct control_target *out)
{
	(void)context;
	(void)target;
	(void)out;
	return false;
}

static void offline_observe_totals(void *context, struct control_totals *out)
{
	struct control_offline *offline = context;
	struct store_reader *reader = NULL;
	struct store_totals totals = { .gateways = -1 };

	if (store_reader_open(offline->settings.store, &reader, NULL) == STATUS_OK)
		(void)store_reader_totals(reader, &totals, NULL);
	store_reader_close(&reader);
	*out = (struct control_totals){
		.uptime_s = -1,
		.quarantined = totals.quarantined,
		.store_bytes = totals.bytes,
		.changed_ms = totals.changed_ms,
		.gateways = totals.gateways,
	};
}

const struct control_backend control_offline_backend = {
	.call = offline_call,
	.look = offline_look,
	.pause = offline_pause,
	.acquire = offline_acquire,
	.release = offline_release,
	.observe = offline_observe,
	.observe_totals = offline_observe_totals,
};
