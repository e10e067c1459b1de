/* SPDX-License-Identifier: MIT */
#include "posthorn/dispatcher.h"

#include "posthorn/bizmail.h"
#include "posthorn/clock.h"
#include "posthorn/memory.h"
#include "sign_pool.h"
#include "target.h"

enum {
	MEMORY_BUDGET_SIZE = 16 * 1024 * 1024, /* of outgoing in memory, over all targets */
	POLL_MAX_MS = 1000,
	OLDEST_INTERVAL_MS = 1000,
	CONNECTIONS_MAX = 4096, /* kept open, over all targets */
};

struct dispatcher {
	struct dispatcher_settings settings;
	struct store_thread *store;
	struct client *client;
	struct sign_pool *sign_pool; /* NULL: signing is off */
	struct target *by_number[STORE_TARGETS_MAX];
	struct target **targets;
	size_t targets_count;
	_Atomic int64_t memory_size;
	_Atomic int signing; /* outgoing between the store and the delivery thread */
	struct dispatcher_metrics metrics;

	struct mailbox_chain offered; /* the store thread's: until dispatcher_flush() */

	struct mailbox ready;  /* outgoing, signed */
	struct mailbox looks;  /* targets: something waits on disk */
	struct mailbox claims; /* claim requests that are done */

	/* the delivery thread's */
	pthread_t thread;
	bool is_running;
	struct target *attention;
	struct mailbox_chain verdicts;
	int64_t timer_ms; /* Unix; when the first target wakes */
	int64_t oldest_noted_ms;
	int claims_out;
	_Atomic int64_t stop_by_ms; /* monotonic; 0: not stopping */
};

bool dispatcher_is_stopping(const struct dispatcher *dispatcher)
{
	return atomic_load(&((struct dispatcher *)(uintptr_t)dispatcher)->stop_by_ms) != 0;
}

/* Hand-over from other threads. */

bool dispatcher_reserve(struct dispatcher *dispatcher, uint16_t number)
{
	struct target *target = dispatcher->by_number[number];

	if (target == NULL || !atomic_load_explicit(&target->accepting, memory_order_relaxed) ||
		atomic_load_explicit(&dispatcher->memory_size, memory_order_relaxed) >
			MEMORY_BUDGET_SIZE)
		return false;
	if (atomic_fetch_sub(&target->slots_free, 1) > 0)
		return true;
	atomic_fetch_add(&target->slots_free, 1);
	return false;
}

void dispatcher_release(struct dispatcher *dispatcher, uint16_t number)
{
	atomic_fetch_add(&dispatcher->by_number[number]->slots_free, 1);
}

static void on_verdict_stored(struct store_request *request, enum status status, void *context)
{
	struct store_verdict_request *verdict = (struct store_verdict_request *)request;
	struct delivery *delivery =
		(struct delivery *)((char *)verdict - offsetof(struct delivery, verdict));
	struct target *target = delivery->target;

	(void)status;
	(void)context;
	if (delivery->claimed)
		atomic_fetch_sub(&target->claimed_held, 1);
	else
		atomic_fetch_add(&target->slots_free, 1);
	free(delivery->answer);
	outgoing_release(delivery->outgoing, 1);
}

static void address_delivery(struct dispatcher *dispatcher, struct outgoing *outgoing, size_t index,
	struct target *target)
{
	struct delivery *delivery = &outgoing->deliveries[index];

	delivery->target = target;
	delivery->attempts = 1;
	delivery->verdict.request.kind = STORE_REQUEST_VERDICT;
	delivery->verdict.request.done = on_verdict_stored;
	if (outgoing->budget == NULL) {
		outgoing->budget = &dispatcher->memory_size;
		atomic_fetch_add(outgoing->budget, (int64_t)outgoing->memory_size);
	}
}

void dispatcher_address(
	struct dispatcher *dispatcher, struct outgoing *outgoing, size_t index, uint16_t number)
{
	address_delivery(dispatcher, outgoing, index, dispatcher->by_number[number]);
}

void dispatcher_offer(struct dispatcher *dispatcher, struct outgoing *outgoing_taken)
{
	mailbox_chain_add(&dispatcher->offered, &outgoing_taken->item);
	atomic_fetch_add(&dispatcher->signing, 1);
}

void dispatcher_flush(struct dispatcher *dispatcher)
{
	if (dispatcher->sign_pool != NULL)
		sign_pool_post_chain(dispatcher->sign_pool, &dispatcher->offered);
	else
		mailbox_post_chain(&dispatcher->ready, &dispatcher->offered);
}

void dispatcher_look(struct dispatcher *dispatcher, uint16_t number)
{
	struct target *target = dispatcher->by_number[number];

	if (target != NULL && !atomic_exchange(&target->look_posted, true))
		mailbox_post(&dispatcher->looks, &target->look_item);
}

static void on_signed(void *context, struct outgoing *outgoing)
{
	struct dispatcher *dispatcher = context;

	mailbox_post(&dispatcher->ready, &outgoing->item);
}

static void on_claim_done(struct store_request *request, enum status status, void *context)
{
	struct target *target = (struct target *)((char *)request - offsetof(struct target, claim));

	(void)status;
	(void)context;
	mailbox_post(&target->dispatcher->claims, &request->item);
}

/* What targets ask for. */

void dispatcher_attend(struct dispatcher *dispatcher, struct target *target)
{
	if (target->in_attention)
		return;
	target->in_attention = true;
	target->next_in_attention = dispatcher->attention;
	dispatcher->attention = target;
}

void dispatcher_post_verdict(struct dispatcher *dispatcher, struct delivery *delivery)
{
	mailbox_chain_add(&dispatcher->verdicts, &delivery->verdict.request.item);
}

void dispatcher_post_claim(struct dispatcher *dispatcher, struct target *target)
{
	target->claim.request.kind = STORE_REQUEST_CLAIM;
	target->claim.request.done = on_claim_done;
	dispatcher->claims_out++;
	/* In one chain with the verdicts: a retry that is due now was perhaps decided just now. */
	mailbox_chain_add(&dispatcher->verdicts, &target->claim.request.item);
}

void dispatcher_note_latency(struct dispatcher *dispatcher, const struct delivery *delivery)
{
	histogram_observe(&dispatcher->metrics.event_latency_seconds,
		(double)(clock_unix_us() - delivery->outgoing->received_us) / 1e6);
}

/* What arrives on the delivery thread. */

static void take_ready(struct dispatcher *dispatcher)
{
	struct mailbox_chain chain = mailbox_take(&dispatcher->ready);
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct outgoing *outgoing = MAILBOX_ENTRY(item, struct outgoing, item);
		size_t count = outgoing->deliveries_count;

		atomic_fetch_sub(&dispatcher->signing, 1);
		for (size_t i = 0; i < count; i++)
			target_enqueue(outgoing->deliveries[i].target, &outgoing->deliveries[i]);
	}
}

static void take_looks(struct dispatcher *dispatcher)
{
	struct mailbox_chain chain = mailbox_take(&dispatcher->looks);
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct target *target = MAILBOX_ENTRY(item, struct target, look_item);

		atomic_store(&target->look_posted, false);
		target->disk_due_ms = 0;
		dispatcher_attend(dispatcher, target);
	}
}

static const struct dispatcher_source *find_source(
	const struct dispatcher *dispatcher, uint16_t number)
{
	for (size_t i = 0; i < dispatcher->settings.sources_count; i++)
		if (dispatcher->settings.sources[i].number == number)
			return &dispatcher->settings.sources[i];
	return NULL;
}

/* The raw bytes once more through the same steps as at intake: the same envelope comes out. */
static struct outgoing *translate_claimed(
	struct dispatcher *dispatcher, const struct store_claimed *claimed, struct error *err)
{
	const struct dispatcher_source *source = find_source(dispatcher, claimed->source);
	static const struct translate_defaults no_defaults;
	struct bizmail_event event;
	struct outgoing *outgoing = NULL;
	enum bizmail_problem problem = bizmail_parse(
		bizmail_encoding_of(claimed->content_type, claimed->raw), claimed->content_type,
		claimed->raw, (enum bizmail_kind)claimed->kind, &event, err);

	if (problem != BIZMAIL_PROBLEM_NONE) {
		error_set(err, "cannot be translated any more: %s", bizmail_problem_name(problem));
	} else if (source == NULL) {
		error_set(err, "cannot be translated: source number %d is not known",
			claimed->source);
	} else {
		struct slice name = slice_text(source->name);
		struct event_identity identity = translate_identity(name, &event);

		outgoing = outgoing_translate(dispatcher->settings.translate, name,
			source->defaults == NULL ? &no_defaults : source->defaults, &event,
			&identity, claimed->received_us, 1, err);
	}
	bizmail_event_release(&event);
	return outgoing;
}

static void on_claimed(
	struct dispatcher *dispatcher, struct target *target, const struct store_claimed *claimed)
{
	struct error err = { .text = "" };
	struct outgoing *outgoing = translate_claimed(dispatcher, claimed, &err);
	bool is_translated = outgoing != NULL;
	struct delivery *delivery;

	if (!is_translated)
		outgoing = outgoing_new(SLICE_LITERAL(""), claimed->received_us, 1);
	outgoing->event = claimed->event;
	address_delivery(dispatcher, outgoing, 0, target);
	delivery = &outgoing->deliveries[0];
	delivery->attempts = claimed->attempts;
	delivery->claimed = true;
	atomic_fetch_add(&target->claimed_held, 1);
	if (!is_translated) {
		target_give_up(target, delivery, err.text);
		return;
	}
	target->claimed_ready++;
	if (dispatcher->sign_pool == NULL) {
		target_enqueue(target, delivery);
		return;
	}
	atomic_fetch_add(&dispatcher->signing, 1);
	sign_pool_post(dispatcher->sign_pool, outgoing);
}

static void take_claims(struct dispatcher *dispatcher, int64_t now_ms)
{
	struct mailbox_chain chain = mailbox_take(&dispatcher->claims);
	struct mailbox_item *item;

	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct store_request *request = MAILBOX_ENTRY(item, struct store_request, item);
		struct target *target =
			(struct target *)((char *)request - offsetof(struct target, claim));

		dispatcher->claims_out--;
		for (struct store_claimed *claimed = target->claim.claim.list; claimed != NULL;
			claimed = claimed->next)
			on_claimed(dispatcher, target, claimed);
		store_claimed_free(&target->claim.claim.list);
		target_claim_done(target, now_ms);
	}
}

static void on_result(void *context, void *request, const struct client_result *result)
{
	struct delivery *delivery = request;

	(void)context;
	target_on_result(delivery->target, delivery, result);
}

/* The delivery thread. */

static void serve_attention(struct dispatcher *dispatcher, int64_t now_ms)
{
	while (dispatcher->attention != NULL) {
		struct target *target = dispatcher->attention;

		dispatcher->attention = target->next_in_attention;
		target->in_attention = false;
		target_serve(target, now_ms);
		if (target->wakes_ms < dispatcher->timer_ms)
			dispatcher->timer_ms = target->wakes_ms;
	}
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
	take_ready(dispatcher);
	take_looks(dispatcher);
	take_claims(dispatcher, now_ms);
}

static int64_t poll_ms(const struct dispatcher *dispatcher, int64_t now_ms)
{
	int64_t wait_ms =
		dispatcher->timer_ms == INT64_MAX ? POLL_MAX_MS : dispatcher->timer_ms - now_ms;

	if (wait_ms < 0 || dispatcher->attention != NULL)
		return 0;
	return wait_ms > POLL_MAX_MS ? POLL_MAX_MS : wait_ms;
}

static bool is_flying(const struct dispatcher *dispatcher)
{
	for (size_t i = 0; i < dispatcher->targets_count; i++)
		if (dispatcher->targets[i]->flying.count > 0)
			return true;
	return false;
}

/* What is in flight may finish until the deadline; everything else goes back to the disk at once. */
static void wind_down(struct dispatcher *dispatcher)
{
	int64_t stop_by_ms = atomic_load(&dispatcher->stop_by_ms);
	bool is_cut_off = false;

	while (is_flying(dispatcher) || dispatcher->claims_out > 0 ||
		atomic_load(&dispatcher->signing) > 0) {
		int64_t now_ms = clock_unix_ms();

		take_all(dispatcher, now_ms);
		for (size_t i = 0; i < dispatcher->targets_count; i++)
			target_release_ready(dispatcher->targets[i], now_ms);
		if (!is_cut_off && clock_monotonic_ms() >= stop_by_ms) {
			is_cut_off = true;
			for (size_t i = 0; i < dispatcher->targets_count; i++)
				client_target_cancel(dispatcher->targets[i]->client);
		}
		store_thread_post_chain(dispatcher->store, &dispatcher->verdicts);
		client_poll(dispatcher->client, 10);
		client_perform(dispatcher->client);
	}
	for (size_t i = 0; i < dispatcher->targets_count; i++)
		target_release_ready(dispatcher->targets[i], clock_unix_ms());
	store_thread_post_chain(dispatcher->store, &dispatcher->verdicts);
}

static void *delivery_main(void *data)
{
	struct dispatcher *dispatcher = data;

	while (!dispatcher_is_stopping(dispatcher)) {
		int64_t now_ms = clock_unix_ms();

		take_all(dispatcher, now_ms);
		run_timers(dispatcher, now_ms);
		serve_attention(dispatcher, now_ms);
		client_perform(dispatcher->client);
		serve_attention(dispatcher, now_ms);
		store_thread_post_chain(dispatcher->store, &dispatcher->verdicts);
		note_health(dispatcher);
		client_poll(dispatcher->client, poll_ms(dispatcher, now_ms));
	}
	wind_down(dispatcher);
	return NULL;
}

/* Life. */

static void wake(void *context)
{
	client_wake(context);
}

static enum status open_targets(struct dispatcher *dispatcher, struct error *err)
{
	const struct dispatcher_settings *settings = &dispatcher->settings;
	int slots =
		TARGET_SLOTS_ALL / (settings->targets_count > 0 ? (int)settings->targets_count : 1);

	if (slots > TARGET_SLOTS_MAX)
		slots = TARGET_SLOTS_MAX;
	if (slots < TARGET_SLOTS_MIN)
		slots = TARGET_SLOTS_MIN;
	dispatcher->targets = memory_array(settings->targets_count + 1, sizeof(struct target *));
	for (size_t i = 0; i < settings->targets_count; i++) {
		const struct target_settings *target_settings = &settings->targets[i];
		struct target *target;
		enum status status;

		if (!target_settings->enabled)
			continue;
		target =
			target_new(dispatcher, target_settings, settings->target_numbers[i], slots);
		dispatcher->targets[dispatcher->targets_count++] = target;
		status = client_target_open(
			dispatcher->client, target_settings, &target->client, err);
		if (status != STATUS_OK)
			return status;
		dispatcher->by_number[target->number] = target;
		dispatcher_attend(dispatcher, target);
	}
	return STATUS_OK;
}

static int connections_max(const struct dispatcher_settings *settings)
{
	int sum = 0;

	for (size_t i = 0; i < settings->targets_count && sum < CONNECTIONS_MAX; i++)
		sum += settings->targets[i].concurrency;
	return sum < CONNECTIONS_MAX ? sum : CONNECTIONS_MAX;
}

enum status dispatcher_open(const struct dispatcher_settings *settings, struct store_thread *store,
	struct dispatcher **dispatcher_out, struct error *err)
{
	struct dispatcher *dispatcher = memory_zalloc(sizeof(*dispatcher));
	enum status status;

	dispatcher->settings = *settings;
	dispatcher->store = store;
	dispatcher->client =
		client_open(settings->egress, connections_max(settings), on_result, dispatcher);
	mailbox_init(&dispatcher->ready, wake, dispatcher->client);
	mailbox_init(&dispatcher->looks, wake, dispatcher->client);
	mailbox_init(&dispatcher->claims, wake, dispatcher->client);
	histogram_init(&dispatcher->metrics.event_latency_seconds, &histogram_seconds);
	gauge_set(&dispatcher->metrics.heartbeat_ms, clock_monotonic_ms());
	status = open_targets(dispatcher, err);
	if (status != STATUS_OK) {
		dispatcher_free(&dispatcher);
		return status;
	}
	*dispatcher_out = dispatcher;
	return STATUS_OK;
}

enum status dispatcher_run(struct dispatcher *dispatcher, struct error *err)
{
	const struct dispatcher_settings *settings = &dispatcher->settings;

	if (signer_is_on(settings->signer)) {
		enum status status = sign_pool_start(settings->signer, settings->signing_threads,
			on_signed, dispatcher, &dispatcher->sign_pool, err);

		if (status != STATUS_OK)
			return status;
	}
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

void dispatcher_stop(struct dispatcher *dispatcher, int64_t timeout_ms)
{
	if (!dispatcher->is_running)
		return;
	for (size_t i = 0; i < dispatcher->targets_count; i++)
		atomic_store(&dispatcher->targets[i]->accepting, false);
	atomic_store(&dispatcher->stop_by_ms, clock_monotonic_ms() + timeout_ms + 1);
	client_wake(dispatcher->client);
	pthread_join(dispatcher->thread, NULL);
}

void dispatcher_free(struct dispatcher **dispatcherp)
{
	struct dispatcher *dispatcher = *dispatcherp;
	struct mailbox_chain chain;
	struct mailbox_item *item;

	if (dispatcher == NULL)
		return;
	*dispatcherp = NULL;
	sign_pool_stop(&dispatcher->sign_pool);
	/* Committed while we were stopping: leased on disk, void at the next start. */
	chain = mailbox_take(&dispatcher->ready);
	while ((item = mailbox_chain_pop(&chain)) != NULL) {
		struct outgoing *outgoing = MAILBOX_ENTRY(item, struct outgoing, item);

		outgoing_release(outgoing, (int)outgoing->deliveries_count);
	}
	for (size_t i = 0; i < dispatcher->targets_count; i++)
		target_free(&dispatcher->targets[i]);
	client_close(&dispatcher->client);
	mailbox_destroy(&dispatcher->ready);
	mailbox_destroy(&dispatcher->looks);
	mailbox_destroy(&dispatcher->claims);
	free(dispatcher->targets);
	free(dispatcher);
}
