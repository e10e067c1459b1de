/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <string.h>

#include "dispatcher_private.h"
#include "repostal/memory.h"

static void post_control(struct dispatcher *dispatcher, struct control control)
{
	struct control *copy = memory_alloc(sizeof(*copy));

	*copy = control;
	mailbox_post(&dispatcher->controls, &copy->item);
}

void dispatcher_post_test(struct dispatcher *dispatcher, struct target *target, struct test *test)
{
	post_control(dispatcher, (struct control){
					 .kind = CONTROL_TEST,
					 .target = target,
					 .test = test,
				 });
}

void dispatcher_pause(struct dispatcher *dispatcher, uint16_t number, bool paused)
{
	struct target *target = dispatcher->by_number[number];

	if (target != NULL)
		post_control(dispatcher, (struct control){
						 .kind = paused ? CONTROL_PAUSE : CONTROL_RESUME,
						 .target = target,
					 });
}

static void retire(struct dispatcher *dispatcher, struct outbound_target *client)
{
	dispatcher->retired =
		memory_regrow(dispatcher->retired, dispatcher->retired_count + 1, sizeof(client));
	dispatcher->retired[dispatcher->retired_count++] = client;
}

/* Target number index of the settings, new or known. */
static void apply_target(struct dispatcher *dispatcher, const struct dispatcher_settings *settings,
	size_t index, struct outbound_target *client)
{
	uint16_t number = settings->target_numbers[index];
	const char *pause = settings->pauses == NULL ? NULL : settings->pauses[index];
	struct target *target = dispatcher->by_number[number];

	if (target != NULL) {
		retire(dispatcher, target_reconfigure(target, &settings->targets[index], client));
		return;
	}
	target = target_new(dispatcher, &settings->targets[index], number, dispatcher->slots);
	target->client = client;
	outbound_target_rebind(client, &target->settings);
	target->paused = pause != NULL;
	target->paused_by_receiver = pause != NULL && strcmp(pause, DISPATCHER_GONE_REASON) == 0;
	atomic_store(&target->accepting, !target->paused);
	dispatcher->targets[dispatcher->targets_count++] = target;
	dispatcher_attend(dispatcher, target);
	dispatcher->by_number[number] = target;
}

static bool has_target(const struct dispatcher_settings *settings, uint16_t number)
{
	for (size_t i = 0; i < settings->targets_count; i++)
		if (settings->target_numbers[i] == number)
			return settings->targets[i].enabled;
	return false;
}

/* Whose state is asked for by number is told even if it never was a target here. */
static void note_disabled(struct dispatcher *dispatcher, const struct dispatcher_settings *settings)
{
	bool is_disabled[STORE_TARGETS_MAX] = { false };

	for (size_t i = 0; i < settings->targets_count; i++)
		is_disabled[settings->target_numbers[i]] = !settings->targets[i].enabled;
	for (size_t n = 0; n < STORE_TARGETS_MAX; n++)
		atomic_store(&dispatcher->is_disabled[n], is_disabled[n]);
}

static size_t configured_count(const struct dispatcher *dispatcher)
{
	size_t count = 0;

	for (size_t i = 0; i < dispatcher->targets_count; i++)
		count += dispatcher->targets[i]->configured;
	return count;
}

/* What each target has of the places in flight, now that there are so many. */
static void share_places(struct dispatcher *dispatcher)
{
	struct places *places = &dispatcher->places;
	size_t count = configured_count(dispatcher);
	int share = places_share(places, count);

	for (size_t i = 0; i < dispatcher->targets_count; i++) {
		struct target *target = dispatcher->targets[i];
		int concurrency = target->settings.concurrency;
		int guaranteed = concurrency < share ? concurrency : share;

		places_guarantee(places, &target->seat, target->configured ? guaranteed : 0);
	}
	dispatcher->fair_share = 2 * places->total / (count > 0 ? (int)count : 1) + 1;
}

static void apply_reload(struct dispatcher *dispatcher, struct reload *reload)
{
	const struct dispatcher_settings *settings = &reload->settings;

	outbound_hold(dispatcher->outbound);
	outbound_set_egress(dispatcher->outbound, settings->egress);
	note_disabled(dispatcher, settings);
	for (size_t i = 0; i < dispatcher->targets_count; i++)
		if (!has_target(settings, dispatcher->targets[i]->number))
			target_orphan(dispatcher->targets[i]);
	for (size_t i = 0; i < settings->targets_count; i++)
		if (settings->targets[i].enabled)
			apply_target(dispatcher, settings, i, reload->clients[i]);
	share_places(dispatcher);
	dispatcher->settings = *settings;
	outbound_continue(dispatcher->outbound);
	sem_post(&reload->applied);
}

static void close_retired(struct dispatcher *dispatcher)
{
	size_t kept = 0;

	for (size_t i = 0; i < dispatcher->retired_count; i++) {
		struct outbound_target *client = dispatcher->retired[i];

		if (outbound_target_is_idle(client))
			outbound_target_close(&client);
		else
			dispatcher->retired[kept++] = client;
	}
	dispatcher->retired_count = kept;
}

void dispatcher_take_controls(struct dispatcher *dispatcher)
{
	struct mailbox_chain chain = mailbox_take(&dispatcher->controls);
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct control *control = MAILBOX_ENTRY(item, struct control, item);

		switch (control->kind) {
		case CONTROL_PAUSE:
		case CONTROL_RESUME:
			target_set_paused(control->target, control->kind == CONTROL_PAUSE);
			break;
		case CONTROL_RELOAD:
			apply_reload(dispatcher, control->reload);
			break;
		case CONTROL_TEST:
			dispatcher_start_test(dispatcher, control->target, control->test);
			break;
		}
		free(control);
	}
	close_retired(dispatcher);
}

static int slots_of_each(size_t targets_count)
{
	int slots = TARGET_SLOTS_ALL / (targets_count > 0 ? (int)targets_count : 1);

	if (slots > TARGET_SLOTS_MAX)
		return TARGET_SLOTS_MAX;
	return slots < TARGET_SLOTS_MIN ? TARGET_SLOTS_MIN : slots;
}

static void close_clients(struct outbound_target **clients, size_t count)
{
	for (size_t i = 0; i < count; i++)
		outbound_target_close(&clients[i]);
	free(clients);
}

/* One for each enabled target, or nothing at all. */
static enum status open_clients(struct dispatcher *dispatcher,
	const struct dispatcher_settings *settings, struct outbound_target ***clients_out,
	struct error *err)
{
	struct outbound_target **clients =
		memory_array(settings->targets_count + 1, sizeof(struct outbound_target *));

	for (size_t i = 0; i < settings->targets_count; i++) {
		enum status status;

		if (!settings->targets[i].enabled)
			continue;
		status = outbound_target_open(
			dispatcher->outbound, &settings->targets[i], &clients[i], err);
		if (status != STATUS_OK) {
			close_clients(clients, settings->targets_count);
			return status;
		}
	}
	*clients_out = clients;
	return STATUS_OK;
}

enum status dispatcher_open_targets(struct dispatcher *dispatcher, struct error *err)
{
	const struct dispatcher_settings *settings = &dispatcher->settings;
	struct outbound_target **clients;
	enum status status = open_clients(dispatcher, settings, &clients, err);

	if (status != STATUS_OK)
		return status;
	dispatcher->slots = slots_of_each(settings->targets_count);
	note_disabled(dispatcher, settings);
	for (size_t i = 0; i < settings->targets_count; i++)
		if (settings->targets[i].enabled)
			apply_target(dispatcher, settings, i, clients[i]);
	share_places(dispatcher);
	free(clients);
	return STATUS_OK;
}

enum status dispatcher_start_signing(
	struct dispatcher *dispatcher, const struct signer *signer, int threads, struct error *err)
{
	struct sign_pool *pool = dispatcher->sign_pool;
	enum status status;

	if (pool != NULL) {
		sign_pool_set_signer(pool, signer);
		return STATUS_OK;
	}
	if (!signer_is_on(signer))
		return STATUS_OK;
	status = sign_pool_start(signer, threads, dispatcher_on_signed, dispatcher, &pool, err);
	dispatcher->sign_pool = pool;
	return status;
}

enum status dispatcher_reload(struct dispatcher *dispatcher,
	const struct dispatcher_settings *settings, struct error *err)
{
	struct reload reload = { .settings = *settings };
	enum status status = open_clients(dispatcher, settings, &reload.clients, err);

	if (status != STATUS_OK)
		return status;
	status = dispatcher_start_signing(
		dispatcher, settings->signer, settings->signing_threads, err);
	if (status != STATUS_OK) {
		close_clients(reload.clients, settings->targets_count);
		return status;
	}
	sem_init(&reload.applied, 0, 0);
	post_control(dispatcher, (struct control){ .kind = CONTROL_RELOAD, .reload = &reload });
	while (sem_wait(&reload.applied) != 0)
		continue;
	sem_destroy(&reload.applied);
	free(reload.clients);
	return STATUS_OK;
}
