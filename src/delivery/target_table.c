/* SPDX-License-Identifier: MIT */
#include "target_table.h"

#include <string.h>

#include "attempt/verdict.h"
#include "repostal/memory.h"

enum {
	SLOTS_MAX = 256, /* events straight from intake, for each target */
	SLOTS_MIN = 16,
	SLOTS_ALL = 4096, /* shared out among all targets */
};

static int slots_of_each(size_t targets_count)
{
	int slots = SLOTS_ALL / (targets_count > 0 ? (int)targets_count : 1);

	if (slots > SLOTS_MAX)
		return SLOTS_MAX;
	return slots < SLOTS_MIN ? SLOTS_MIN : slots;
}

void target_table_init(
	struct target_table *table, struct target_shared *shared, size_t targets_count)
{
	table->shared = shared;
	table->slots = slots_of_each(targets_count);
}

void target_table_close(struct target_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		target_free(&table->targets[i]);
	target_table_close_clients(table->retired, table->retired_count);
}

/* Clients. */

void target_table_close_clients(struct outbound_target **clients, size_t count)
{
	for (size_t i = 0; i < count; i++)
		outbound_target_close(&clients[i]);
	free(clients);
}

enum status target_table_open_clients(struct outbound *outbound,
	const struct dispatcher_settings *settings, struct outbound_target ***clients_out,
	struct error *err)
{
	struct outbound_target **clients =
		memory_array(settings->targets_count + 1, sizeof(struct outbound_target *));

	for (size_t i = 0; i < settings->targets_count; i++) {
		enum status status;

		if (!settings->targets[i].enabled)
			continue;
		status = outbound_target_open(outbound, &settings->targets[i], &clients[i], err);
		if (status != STATUS_OK) {
			target_table_close_clients(clients, settings->targets_count);
			return status;
		}
	}
	*clients_out = clients;
	return STATUS_OK;
}

static void retire(struct target_table *table, struct outbound_target *client)
{
	table->retired = memory_regrow(table->retired, table->retired_count + 1, sizeof(client));
	table->retired[table->retired_count++] = client;
}

void target_table_close_retired(struct target_table *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->retired_count; i++) {
		struct outbound_target *client = table->retired[i];

		if (outbound_target_is_idle(client))
			outbound_target_close(&client);
		else
			table->retired[kept++] = client;
	}
	table->retired_count = kept;
}

/* A configuration. */

static void add(struct target_table *table, const struct target_settings *settings, uint16_t number,
	const char *pause, struct outbound_target *client)
{
	struct target *target = target_new(table->shared, settings, number, table->slots);

	target->client = client;
	outbound_target_rebind(client, &target->settings);
	target->is_paused = pause != NULL;
	target->is_paused_by_receiver = pause != NULL && strcmp(pause, TARGET_GONE_REASON) == 0;
	if (target->is_paused)
		atomic_store(&target->accepting, 0);
	table->targets[table->count++] = target;
	run_queue_add(&table->shared->run_queue, &target->run);
	table->by_number[number] = target;
}

/* Target number index of the settings, new or known. */
static void apply_target(struct target_table *table, const struct dispatcher_settings *settings,
	size_t index, struct outbound_target *client)
{
	uint16_t number = settings->target_numbers[index];
	struct target *target = table->by_number[number];

	if (target != NULL)
		retire(table, target_reconfigure(target, &settings->targets[index], client));
	else
		add(table, &settings->targets[index], number,
			settings->pauses == NULL ? NULL : settings->pauses[index], client);
}

static bool has_target(const struct dispatcher_settings *settings, uint16_t number)
{
	for (size_t i = 0; i < settings->targets_count; i++)
		if (settings->target_numbers[i] == number)
			return settings->targets[i].enabled;
	return false;
}

/* A state that is asked for by number is told even if there never was a target of it here. */
static void note_disabled(struct target_table *table, const struct dispatcher_settings *settings)
{
	bool is_disabled[STORE_TARGETS_MAX] = { false };

	for (size_t i = 0; i < settings->targets_count; i++)
		is_disabled[settings->target_numbers[i]] = !settings->targets[i].enabled;
	for (size_t n = 0; n < STORE_TARGETS_MAX; n++)
		atomic_store(&table->is_disabled[n], is_disabled[n]);
}

static size_t configured_count(const struct target_table *table)
{
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++)
		count += table->targets[i]->is_configured;
	return count;
}

/* What each target has of the places in flight, now that there are so many. */
static void share_places(struct target_table *table)
{
	struct places *places = &table->shared->places;
	size_t count = configured_count(table);
	int share = places_share(places, count);

	for (size_t i = 0; i < table->count; i++) {
		struct target *target = table->targets[i];
		int concurrency = target->settings.concurrency;
		int guaranteed = concurrency < share ? concurrency : share;

		places_guarantee(places, &target->seat, target->is_configured ? guaranteed : 0);
	}
	table->shared->ready_share = 2 * places->total / (count > 0 ? (int)count : 1) + 1;
}

void target_table_apply(struct target_table *table, const struct dispatcher_settings *settings,
	struct outbound_target *const *clients_taken)
{
	note_disabled(table, settings);
	for (size_t i = 0; i < table->count; i++) {
		struct target *target = table->targets[i];

		if (!has_target(settings, target->number))
			target_unconfigure(target, table->is_disabled[target->number]);
	}
	for (size_t i = 0; i < settings->targets_count; i++)
		if (settings->targets[i].enabled)
			apply_target(table, settings, i, clients_taken[i]);
	share_places(table);
}

/* Asked by number. */

struct target *target_table_find(struct target_table *table, uint16_t number)
{
	return table->by_number[number];
}

enum target_state target_table_state(struct target_table *table, uint16_t number)
{
	struct target *target = table->by_number[number];

	if (target != NULL)
		return (enum target_state)gauge_read(&target->metrics.state);
	return atomic_load(&table->is_disabled[number]) ? TARGET_DISABLED : TARGET_UNCONFIGURED;
}

/* All of them. */

void target_table_stop_accepting(struct target_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		atomic_store(&table->targets[i]->accepting, 0);
}

bool target_table_is_in_flight(const struct target_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->targets[i]->in_flight.count > 0)
			return true;
	return false;
}

void target_table_release_ready(struct target_table *table, int64_t now_ms)
{
	for (size_t i = 0; i < table->count; i++)
		verdict_release_ready(table->targets[i], now_ms);
}

void target_table_cancel(struct target_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		outbound_target_cancel(table->targets[i]->client);
	for (size_t i = 0; i < table->retired_count; i++)
		outbound_target_cancel(table->retired[i]);
}
