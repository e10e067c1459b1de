/* SPDX-License-Identifier: MIT */
#include "target.h"

#include "repostal/clock.h"
#include "repostal/memory.h"

void delivery_queue_add(struct delivery_queue *queue, struct delivery *delivery)
{
	delivery->next = NULL;
	delivery->previous = queue->end;
	*queue->end = delivery;
	queue->end = &delivery->next;
	queue->count++;
}

void delivery_queue_remove(struct delivery_queue *queue, struct delivery *delivery)
{
	*delivery->previous = delivery->next;
	if (delivery->next != NULL)
		delivery->next->previous = delivery->previous;
	else
		queue->end = delivery->previous;
	queue->count--;
}

static void queue_init(struct delivery_queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
	queue->count = 0;
}

static void open_lines(struct target_lines *lines, const char *name)
{
	const struct {
		struct log_limit *limit;
		enum log_level level;
		const char *event;
	} kinds[] = {
		{ &lines->retry, LOG_LEVEL_INFO, "delivery.retry" },
		{ &lines->dead, LOG_LEVEL_WARN, "delivery.dead" },
		{ &lines->failing, LOG_LEVEL_WARN, "target.failing" },
		{ &lines->healed, LOG_LEVEL_INFO, "target.healed" },
		{ &lines->paused, LOG_LEVEL_WARN, "target.paused" },
		{ &lines->key_unknown, LOG_LEVEL_WARN, "target.key_unknown" },
		{ &lines->pause_not_stored, LOG_LEVEL_WARN, "target.pause_not_stored" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
		log_limit_open(kinds[i].limit, kinds[i].level, kinds[i].event,
			LOG_FIELDS(LOG_STR("target", name)));
}

static void close_lines(struct target_lines *lines)
{
	log_limit_close(&lines->retry);
	log_limit_close(&lines->dead);
	log_limit_close(&lines->failing);
	log_limit_close(&lines->healed);
	log_limit_close(&lines->paused);
	log_limit_close(&lines->key_unknown);
	log_limit_close(&lines->pause_not_stored);
}

struct target *target_new(struct dispatcher *dispatcher, const struct target_settings *settings,
	uint16_t number, int slots)
{
	struct target *target = memory_zalloc(sizeof(*target));

	target->dispatcher = dispatcher;
	target->settings = *settings;
	target->configured = true;
	target->number = number;
	atomic_store(&target->slots_free, slots);
	atomic_store(&target->accepting, true);
	queue_init(&target->first_attempts);
	queue_init(&target->retries);
	queue_init(&target->flying);
	breaker_init(&target->breaker);
	rate_init(&target->rate, settings->rate_per_second, clock_monotonic_us());
	histogram_init(&target->metrics.attempt_seconds, &histogram_seconds);
	gauge_set(&target->metrics.since_ms, clock_unix_ms());
	pthread_mutex_init(&target->error_mutex, NULL);
	open_lines(&target->lines, settings->name);
	return target;
}

static void drop_queue(struct delivery_queue *queue)
{
	while (queue->first != NULL) {
		struct delivery *delivery = queue->first;

		delivery_queue_remove(queue, delivery);
		outgoing_release(delivery->outgoing, 1);
	}
}

void target_free(struct target **targetp)
{
	struct target *target = *targetp;

	if (target == NULL)
		return;
	*targetp = NULL;
	drop_queue(&target->first_attempts);
	drop_queue(&target->retries);
	client_target_close(&target->client);
	close_lines(&target->lines);
	free(target->orphan_name);
	pthread_mutex_destroy(&target->error_mutex);
	free(target);
}

void target_set_paused(struct target *target, bool paused)
{
	target->paused = paused;
	target->paused_by_receiver = false;
	if (!paused) {
		target->disk_due_ms = 0;
		target->not_before_ms = 0;
		breaker_init(&target->breaker);
	}
	dispatcher_attend(target->dispatcher, target);
}

struct client_target *target_reconfigure(struct target *target,
	const struct target_settings *settings, struct client_target *client_taken)
{
	bool is_changed =
		!target->configured || target->settings.fingerprint != settings->fingerprint;
	struct client_target *old = target->client;

	target->settings = *settings;
	free(target->orphan_name);
	target->orphan_name = NULL;
	target->configured = true;
	target->disk_due_ms = 0;
	dispatcher_attend(target->dispatcher, target);
	if (!is_changed)
		return client_taken; /* the old one keeps its connections */
	target->client = client_taken;
	client_target_rebind(target->client, &target->settings);
	rate_init(&target->rate, settings->rate_per_second, clock_monotonic_us());
	target->not_before_ms = 0;
	target->has_delivered = false;
	target->is_key_hinted = false;
	if (target->breaker.state != BREAKER_CLOSED)
		breaker_init(&target->breaker);
	if (target->paused && target->paused_by_receiver) {
		target_set_paused(target, false);
		dispatcher_post_pause(target->dispatcher, target);
	}
	return old;
}

void target_orphan(struct target *target)
{
	struct target_settings *settings = &target->settings;

	/* Also one that was disabled before: its state has another name now. */
	dispatcher_attend(target->dispatcher, target);
	if (!target->configured)
		return;
	target->configured = false;
	target->orphan_name = memory_copy_text(settings->name);
	settings->name = target->orphan_name;
}

static struct delivery_queue *queue_of(struct target *target, const struct delivery *delivery)
{
	return delivery->attempts > 1 ? &target->retries : &target->first_attempts;
}

void target_enqueue(struct target *target, struct delivery *delivery)
{
	delivery_queue_add(queue_of(target, delivery), delivery);
	dispatcher_attend(target->dispatcher, target);
}

/*
 * First attempts go before retries, or a burst of failures would delay what is new; but a share of the
 * places (at least one) is open to retries, or a stream of new events would starve them.
 */
static struct delivery *next_delivery(struct target *target, int allowed)
{
	int retries_share = (int)(allowed * target->settings.retry_share);

	if (retries_share < 1)
		retries_share = 1;

	if (target->retries.count > 0 &&
		(target->first_attempts.count == 0 || target->retries_flying < retries_share))
		return target->retries.first;
	return target->first_attempts.first;
}

static void start_attempt(struct target *target, struct delivery *delivery)
{
	struct outgoing *outgoing = delivery->outgoing;

	delivery_queue_remove(queue_of(target, delivery), delivery);
	if (delivery->claimed)
		target->claimed_ready--;
	if (delivery->attempts >
		(int)target->settings.retry.delays_count + 1 + TARGET_INTERRUPTED_MAX) {
		target_give_up(target, delivery, "interrupted too often");
		return;
	}
	delivery_queue_add(&target->flying, delivery);
	if (delivery->attempts > 1)
		target->retries_flying++;
	gauge_add(&target->metrics.in_flight, 1);
	client_start(target->client, outgoing->body, outgoing->signature, delivery);
}

static void start_attempts(struct target *target, int allowed)
{
	while (target->flying.count < allowed) {
		struct delivery *delivery = next_delivery(target, allowed);

		if (delivery == NULL || !rate_take(&target->rate, clock_monotonic_us()))
			return;
		start_attempt(target, delivery);
	}
}

/* What is kept ready from the disk: enough to be busy while the next portion is fetched. */
static int claim_aim(int allowed)
{
	int aim = allowed * 4;

	return aim > TARGET_CLAIM_MAX ? TARGET_CLAIM_MAX : aim;
}

static void claim_more(struct target *target, int allowed, int64_t now_ms)
{
	int aim = claim_aim(allowed);

	if (target->claiming || target->disk_due_ms > now_ms || target->claimed_ready > aim / 2 ||
		atomic_load(&target->claimed_held) > 4 * TARGET_CLAIM_MAX)
		return;
	target->claiming = true;
	target->disk_due_ms = INT64_MAX;
	target->claim.claim = (struct store_claim){
		.target = target->number,
		.count_max = (size_t)(aim - target->claimed_ready),
		.bytes_max = TARGET_CLAIM_SIZE_MAX,
	};
	dispatcher_post_claim(target->dispatcher, target);
}

void target_claim_done(struct target *target, int64_t now_ms)
{
	const struct store_claim *claim = &target->claim.claim;
	int64_t due_ms = claim->next_due_ms;

	target->claiming = false;
	if (target->claim.request.status != STATUS_OK)
		due_ms = now_ms + TARGET_CLAIM_RETRY_MS;
	if (due_ms < target->disk_due_ms)
		target->disk_due_ms = due_ms;
	dispatcher_attend(target->dispatcher, target);
}

void target_release_ready(struct target *target, int64_t now_ms)
{
	struct delivery_queue *queues[] = { &target->first_attempts, &target->retries };

	for (size_t i = 0; i < ARRAY_COUNT(queues); i++)
		while (queues[i]->first != NULL) {
			struct delivery *delivery = queues[i]->first;

			delivery_queue_remove(queues[i], delivery);
			if (delivery->claimed)
				target->claimed_ready--;
			target_release(target, delivery, now_ms);
		}
}

static enum target_state state_of(const struct target *target)
{
	if (!target->configured)
		return dispatcher_idle_state(target->dispatcher, target->number);
	if (target->paused)
		return TARGET_PAUSED;
	switch (target->breaker.state) {
	case BREAKER_CLOSED:
		return TARGET_ACTIVE;
	case BREAKER_OPEN:
		return TARGET_OPEN;
	case BREAKER_PROBING:
		return TARGET_PROBING;
	}
	return TARGET_ACTIVE; /* not reached: -Wswitch guards the cases */
}

const char *target_state_name(enum target_state state)
{
	switch (state) {
	case TARGET_ACTIVE:
		return "active";
	case TARGET_PAUSED:
		return "paused";
	case TARGET_OPEN:
		return "open";
	case TARGET_PROBING:
		return "probing";
	case TARGET_DISABLED:
		return "disabled";
	case TARGET_UNCONFIGURED:
		return "unconfigured";
	}
	return "unknown"; /* not reached: -Wswitch guards the cases */
}

static void plan_wake(struct target *target, int allowed, int64_t now_ms)
{
	int64_t breaker_ms = breaker_wakes_ms(&target->breaker);
	bool is_ready = target->first_attempts.count + target->retries.count > 0;

	target->wakes_ms = INT64_MAX;
	if (target->paused || !target->configured)
		return;
	if (target->not_before_ms > clock_monotonic_ms())
		breaker_ms = target->not_before_ms;
	if (breaker_ms != INT64_MAX) {
		int64_t wait_ms = breaker_ms - clock_monotonic_ms();

		target->wakes_ms = now_ms + (wait_ms > 0 ? wait_ms : 0);
		return;
	}
	if (!target->claiming && target->claimed_ready <= claim_aim(allowed) / 2)
		target->wakes_ms = target->disk_due_ms > now_ms ? target->disk_due_ms
								: now_ms + TARGET_CLAIM_PAUSE_MS;
	if (is_ready && target->flying.count < allowed) {
		int64_t wait_ms = rate_wait_us(&target->rate, clock_monotonic_us()) / 1000 + 1;

		if (now_ms + wait_ms < target->wakes_ms)
			target->wakes_ms = now_ms + wait_ms;
	}
}

/*
 * What is started now has to end before somebody else may take it over: in a shared store that is when
 * this process could not renew its leases for too long.
 */
static bool lease_holds(const struct target *target)
{
	return dispatcher_lease_until_ms(target->dispatcher) - target->settings.timeout_ms >
	       clock_monotonic_ms();
}

/* When something is attempted next, as far as it is known; 0: nothing waits, or nothing is to be sent. */
static int64_t next_try_ms(const struct target *target, int64_t now_ms)
{
	int64_t due_ms = target->disk_due_ms;
	int64_t rest_ms;

	if (target->paused || !target->configured)
		return 0;
	if (target->breaker.state == BREAKER_OPEN)
		return now_ms + target->breaker.open_until_ms - clock_monotonic_ms();
	if (target->first_attempts.count + target->retries.count > 0 || due_ms < now_ms)
		due_ms = now_ms;
	if (due_ms == INT64_MAX)
		return 0;
	rest_ms = target->not_before_ms == 0 ? 0 : target->not_before_ms - clock_monotonic_ms();
	return rest_ms > 0 && due_ms < now_ms + rest_ms ? now_ms + rest_ms : due_ms;
}

/* For those who look on. */
static void show_state(struct target *target, int64_t now_ms)
{
	struct target_metrics *metrics = &target->metrics;
	enum target_state state = state_of(target);
	int64_t next_ms = next_try_ms(target, now_ms);

	if (gauge_read(&metrics->state) != (int64_t)state) {
		gauge_set(&metrics->since_ms, clock_unix_ms());
		gauge_set(&metrics->state, state);
	}
	gauge_set(&metrics->next_try_ms, next_ms);
	gauge_set(&metrics->next_probe_ms, state == TARGET_OPEN ? next_ms : 0);
}

void target_serve(struct target *target, int64_t now_ms)
{
	bool is_resting = target->not_before_ms > clock_monotonic_ms() || !lease_holds(target);
	int allowed = 0;

	if (target->configured && !target->paused && !is_resting)
		allowed = breaker_allows(
			&target->breaker, clock_monotonic_ms(), target->settings.concurrency);
	atomic_store(&target->accepting,
		target->configured && !is_resting && state_of(target) == TARGET_ACTIVE);
	if (allowed == 0) {
		target_release_ready(target, now_ms);
	} else {
		start_attempts(target, allowed);
		claim_more(target, allowed, now_ms);
	}
	plan_wake(target, allowed, now_ms);
	show_state(target, now_ms);
}

static int64_t older(int64_t a_us, const struct delivery_queue *queue)
{
	for (struct delivery *d = queue->first; d != NULL; d = d->next)
		if (a_us == 0 || d->outgoing->received_us < a_us)
			a_us = d->outgoing->received_us;
	return a_us;
}

void target_note_oldest(struct target *target)
{
	gauge_set(&target->metrics.oldest_memory_us,
		older(older(older(0, &target->first_attempts), &target->retries), &target->flying));
}
