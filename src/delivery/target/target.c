/* SPDX-License-Identifier: MIT */
#include "target.h"

#include "repostal/clock.h"
#include "repostal/memory.h"

static void open_lines(struct target_lines *lines, const char *name)
{
	const struct {
		struct log_limit *limit;
		enum log_level level;
		const char *event;
	} kinds[] = {
		{ &lines->retry, LOG_LEVEL_INFO, "delivery.retry" },
		{ &lines->dead, LOG_LEVEL_WARN, "delivery.dead" },
		{ &lines->backlog_full, LOG_LEVEL_WARN, "delivery.backlog_full" },
		{ &lines->breaker_opened, LOG_LEVEL_WARN, "target.breaker_opened" },
		{ &lines->breaker_closed, LOG_LEVEL_INFO, "target.breaker_closed" },
		{ &lines->refused, LOG_LEVEL_WARN, "target.type_refused" },
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
	log_limit_close(&lines->backlog_full);
	log_limit_close(&lines->breaker_opened);
	log_limit_close(&lines->breaker_closed);
	log_limit_close(&lines->refused);
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
	atomic_store(&target->accepting, TARGET_TYPES_ALL);
	for (size_t type = 0; type < STORE_TYPES; type++)
		lane_init(&target->lanes[type]);
	delivery_queue_init(&target->flying);
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
	for (size_t type = 0; type < STORE_TYPES; type++) {
		drop_queue(&target->lanes[type].first_attempts);
		drop_queue(&target->lanes[type].retries);
	}
	outbound_target_close(&target->client);
	close_lines(&target->lines);
	free(target->orphan_name);
	pthread_mutex_destroy(&target->error_mutex);
	free(target);
}

static void close_breakers(struct target *target)
{
	breaker_init(&target->breaker);
	for (size_t type = 0; type < STORE_TYPES; type++)
		breaker_init(&target->lanes[type].breaker);
}

void target_look(struct target *target, unsigned types)
{
	for (size_t type = 0; type < STORE_TYPES; type++)
		if ((types & 1U << type) != 0)
			target->lanes[type].disk_due_ms = 0;
	dispatcher_attend(target->dispatcher, target);
}

void target_set_paused(struct target *target, bool paused)
{
	target->paused = paused;
	target->paused_by_receiver = false;
	if (!paused) {
		target->not_before_ms = 0;
		close_breakers(target);
	}
	target_look(target, TARGET_TYPES_ALL);
}

struct outbound_target *target_reconfigure(struct target *target,
	const struct target_settings *settings, struct outbound_target *client_taken)
{
	bool is_changed =
		!target->configured || target->settings.fingerprint != settings->fingerprint;
	struct outbound_target *old = target->client;

	target->settings = *settings;
	free(target->orphan_name);
	target->orphan_name = NULL;
	target->configured = true;
	target_look(target, TARGET_TYPES_ALL);
	if (!is_changed)
		return client_taken; /* the old one keeps its connections */
	target->client = client_taken;
	outbound_target_rebind(target->client, &target->settings);
	rate_init(&target->rate, settings->rate_per_second, clock_monotonic_us());
	target->not_before_ms = 0;
	target->has_delivered = false;
	target->is_key_hinted = false;
	close_breakers(target);
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

static struct lane *lane_of(struct target *target, const struct delivery *delivery)
{
	return &target->lanes[delivery->type];
}

void target_enqueue(struct target *target, struct delivery *delivery)
{
	lane_add(lane_of(target, delivery), delivery);
	dispatcher_attend(target->dispatcher, target);
}

/* How much may be in flight now: of all types together, and of each. */
struct allowance {
	int total;
	int of_type[STORE_TYPES];
};

static struct allowance allowance_of(struct target *target, bool is_resting)
{
	int concurrency = target->settings.concurrency;
	int64_t now_ms = clock_monotonic_ms();
	struct allowance allowance = { 0 };

	if (!target->configured || target->paused || is_resting)
		return allowance;
	allowance.total = breaker_allows(&target->breaker, now_ms, concurrency);
	if (allowance.total > 0)
		for (size_t type = 0; type < STORE_TYPES; type++)
			allowance.of_type[type] =
				breaker_allows(&target->lanes[type].breaker, now_ms, concurrency);
	return allowance;
}

/* The first of a type that may go, the types in turn. */
static struct delivery *next_in_turn(
	struct target *target, const struct allowance *allowance, bool is_retry)
{
	for (unsigned i = 0; i < STORE_TYPES; i++) {
		unsigned type = (target->turn + i) % STORE_TYPES;
		struct lane *lane = &target->lanes[type];
		struct delivery_queue *queue = is_retry ? &lane->retries : &lane->first_attempts;

		if (queue->count == 0 || lane->flying >= allowance->of_type[type])
			continue;
		target->turn = type + 1;
		return queue->first;
	}
	return NULL;
}

/*
 * First attempts go before retries, or a burst of failures would delay what is new; but a share of the
 * places (at least one) is open to retries, or a stream of new events would starve them.
 */
static struct delivery *next_delivery(struct target *target, const struct allowance *allowance)
{
	int retries_share = (int)(allowance->total * target->settings.retry_share);
	struct delivery *delivery = NULL;

	if (retries_share < 1)
		retries_share = 1;
	if (target->retries_flying < retries_share)
		delivery = next_in_turn(target, allowance, true);
	if (delivery == NULL)
		delivery = next_in_turn(target, allowance, false);
	if (delivery == NULL)
		delivery = next_in_turn(target, allowance, true);
	return delivery;
}

/* An operator who has it tried again knows how old it is. */
static bool is_too_old(const struct target *target, const struct delivery *delivery)
{
	const struct give_up_settings *give_up = &target->settings.give_up;

	return give_up->age_ms > 0 && !delivery->is_replay &&
	       give_up_on_age(give_up, delivery->outgoing->happened_ms, clock_unix_ms());
}

static bool end_without_attempt(struct target *target, struct delivery *delivery)
{
	int attempts_max = (int)target->settings.retry.delays_count + 1 + TARGET_INTERRUPTED_MAX;

	if (delivery->attempts > attempts_max) {
		lane_remove(lane_of(target, delivery), delivery);
		target_give_up(
			target, delivery, TRANSPORT_OTHER, "interrupted", "interrupted too often");
		return true;
	}
	if (is_too_old(target, delivery)) {
		lane_remove(lane_of(target, delivery), delivery);
		target_give_up_old(target, delivery);
		return true;
	}
	return false;
}

static void start_attempt(struct target *target, struct delivery *delivery)
{
	struct outgoing *outgoing = delivery->outgoing;
	struct lane *lane = lane_of(target, delivery);

	lane_remove(lane, delivery);
	delivery_queue_add(&target->flying, delivery);
	lane->flying++;
	if (delivery->attempts > 1)
		target->retries_flying++;
	gauge_add(&target->metrics.in_flight, 1);
	outbound_start(target->client, outgoing->body, outgoing->signature, delivery);
}

static void start_attempts(struct target *target, const struct allowance *allowance)
{
	while (target->flying.count < allowance->total) {
		struct delivery *delivery = next_delivery(target, allowance);

		if (delivery == NULL)
			return;
		if (end_without_attempt(target, delivery))
			continue;
		if (!dispatcher_take_place(target->dispatcher, target))
			return;
		if (!rate_take(&target->rate, clock_monotonic_us())) {
			dispatcher_give_place_back(target->dispatcher, target);
			return;
		}
		start_attempt(target, delivery);
	}
}

static int ready_count(const struct target *target)
{
	int count = 0;

	for (size_t type = 0; type < STORE_TYPES; type++)
		count += lane_ready_count(&target->lanes[type]);
	return count;
}

/*
 * What is kept ready from the disk of one type: enough to be busy while the next portion is fetched,
 * shared out among the types that have something there.
 */
static int claim_aim(const struct target *target, int allowed, int64_t now_ms)
{
	int share = dispatcher_fair_share(target->dispatcher);
	int aim = allowed * 4;
	int types_count = 0;

	if (allowed > share)
		aim = share * 4;
	for (size_t type = 0; type < STORE_TYPES; type++)
		types_count += target->lanes[type].disk_due_ms <= now_ms ||
			       target->lanes[type].claimed_ready > 0;
	if (aim > TARGET_CLAIM_MAX)
		aim = TARGET_CLAIM_MAX;
	if (types_count > 1)
		aim /= types_count;
	return aim > allowed || allowed > share ? aim : allowed;
}

/* How many more of this type to ask the disk for; 0 while enough are ready, or nothing is due. */
static int claim_count(
	const struct target *target, const struct allowance *allowance, size_t type, int64_t now_ms)
{
	const struct lane *lane = &target->lanes[type];
	int aim;

	if (allowance->of_type[type] == 0 || lane->disk_due_ms > now_ms)
		return 0;
	aim = claim_aim(target, allowance->of_type[type], now_ms);
	return lane->claimed_ready > aim / 2 ? 0 : aim - lane->claimed_ready;
}

static bool may_claim(struct target *target)
{
	return !target->claiming && atomic_load(&target->claimed_held) <= 4 * TARGET_CLAIM_MAX;
}

static void claim_more(struct target *target, const struct allowance *allowance, int64_t now_ms)
{
	struct store_claim claim = { .target = target->number, .bytes_max = TARGET_CLAIM_SIZE_MAX };

	if (!may_claim(target))
		return;
	for (size_t type = 0; type < STORE_TYPES; type++) {
		claim.count_max[type] = (size_t)claim_count(target, allowance, type, now_ms);
		target->claiming = target->claiming || claim.count_max[type] > 0;
	}
	if (!target->claiming)
		return;
	for (size_t type = 0; type < STORE_TYPES; type++)
		if (claim.count_max[type] > 0)
			target->lanes[type].disk_due_ms = INT64_MAX;
	target->claim.claim = claim;
	dispatcher_post_claim(target->dispatcher, target);
}

void target_claim_done(struct target *target, int64_t now_ms)
{
	const struct store_claim *claim = &target->claim.claim;
	bool has_failed = target->claim.request.status != STATUS_OK;

	target->claiming = false;
	for (size_t type = 0; type < STORE_TYPES; type++) {
		struct lane *lane = &target->lanes[type];
		int64_t due_ms =
			has_failed ? now_ms + TARGET_CLAIM_RETRY_MS : claim->next_due_ms[type];

		if (claim->count_max[type] > 0 && due_ms < lane->disk_due_ms)
			lane->disk_due_ms = due_ms;
	}
	dispatcher_attend(target->dispatcher, target);
}

static void release_lane(struct target *target, struct lane *lane, int64_t now_ms)
{
	struct delivery_queue *queues[] = { &lane->first_attempts, &lane->retries };

	for (size_t i = 0; i < ARRAY_COUNT(queues); i++)
		while (queues[i]->first != NULL) {
			struct delivery *delivery = queues[i]->first;

			lane_remove(lane, delivery);
			target_release(target, delivery, now_ms);
		}
}

void target_release_ready(struct target *target, int64_t now_ms)
{
	for (size_t type = 0; type < STORE_TYPES; type++)
		release_lane(target, &target->lanes[type], now_ms);
}

/* What all types together make of the target: it fails when none that it was given gets through. */
static enum breaker_state types_state(const struct target *target)
{
	enum breaker_state state = BREAKER_CLOSED;

	for (size_t type = 0; type < STORE_TYPES; type++) {
		const struct lane *lane = &target->lanes[type];

		if (lane->is_used && lane->breaker.state == BREAKER_CLOSED)
			return BREAKER_CLOSED;
		if (lane->is_used && state != BREAKER_PROBING)
			state = lane->breaker.state;
	}
	return state;
}

static enum target_state state_of(const struct target *target)
{
	if (!target->configured)
		return dispatcher_idle_state(target->dispatcher, target->number);
	if (target->paused)
		return TARGET_PAUSED;
	switch (target->breaker.state == BREAKER_CLOSED ? types_state(target)
							: target->breaker.state) {
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

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

/* When target_serve() may find something to do of this type without anything having happened. */
static int64_t lane_wakes_ms(
	const struct target *target, const struct lane *lane, int allowed, int64_t now_ms)
{
	int64_t open_until_ms = breaker_wakes_ms(&lane->breaker);

	if (open_until_ms != INT64_MAX)
		return now_ms + open_until_ms - clock_monotonic_ms();
	if (target->claiming || lane->claimed_ready > claim_aim(target, allowed, now_ms) / 2)
		return INT64_MAX;
	return lane->disk_due_ms > now_ms ? lane->disk_due_ms : now_ms + TARGET_CLAIM_PAUSE_MS;
}

static void plan_wake(struct target *target, const struct allowance *allowance, int64_t now_ms)
{
	int64_t wait_until_ms = breaker_wakes_ms(&target->breaker);

	target->wakes_ms = INT64_MAX;
	if (target->paused || !target->configured)
		return;
	if (target->not_before_ms > clock_monotonic_ms())
		wait_until_ms = target->not_before_ms;
	if (wait_until_ms != INT64_MAX) {
		int64_t wait_ms = wait_until_ms - clock_monotonic_ms();

		target->wakes_ms = now_ms + (wait_ms > 0 ? wait_ms : 0);
		return;
	}
	for (size_t type = 0; type < STORE_TYPES; type++)
		target->wakes_ms =
			sooner(target->wakes_ms, lane_wakes_ms(target, &target->lanes[type],
							 allowance->of_type[type], now_ms));
	if (target->wakes_ms < now_ms)
		target->wakes_ms = now_ms;
	if (target->flying.count < allowance->total && ready_count(target) > 0 &&
		!target->seat.is_waiting)
		target->wakes_ms = sooner(target->wakes_ms,
			now_ms + rate_wait_us(&target->rate, clock_monotonic_us()) / 1000 + 1);
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

/* When a breaker next lets something through; 0: none holds anything back. */
static int64_t next_probe_ms(const struct target *target, int64_t now_ms)
{
	int64_t soonest_ms = INT64_MAX;

	if (target->breaker.state == BREAKER_OPEN)
		soonest_ms = target->breaker.open_until_ms;
	else
		for (size_t type = 0; type < STORE_TYPES; type++)
			soonest_ms =
				sooner(soonest_ms, breaker_wakes_ms(&target->lanes[type].breaker));
	return soonest_ms == INT64_MAX ? 0 : now_ms + soonest_ms - clock_monotonic_ms();
}

/* When something is attempted next, as far as it is known; 0: nothing waits, or nothing is to be sent. */
static int64_t next_try_ms(const struct target *target, int64_t now_ms)
{
	int64_t due_ms = INT64_MAX;
	int64_t rest_ms;

	if (target->paused || !target->configured)
		return 0;
	if (state_of(target) == TARGET_OPEN)
		return next_probe_ms(target, now_ms);
	for (size_t type = 0; type < STORE_TYPES; type++)
		if (target->lanes[type].breaker.state != BREAKER_OPEN)
			due_ms = sooner(due_ms, target->lanes[type].disk_due_ms);
	if (ready_count(target) > 0 || due_ms < now_ms)
		due_ms = now_ms;
	if (due_ms == INT64_MAX)
		return 0;
	rest_ms = target->not_before_ms == 0 ? 0 : target->not_before_ms - clock_monotonic_ms();
	return rest_ms > 0 && due_ms < now_ms + rest_ms ? now_ms + rest_ms : due_ms;
}

static unsigned types_failing(const struct target *target)
{
	unsigned types = 0;

	for (size_t type = 0; type < STORE_TYPES; type++)
		if (target->lanes[type].breaker.state != BREAKER_CLOSED)
			types |= 1U << type;
	return types;
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
	gauge_set(&metrics->types_failing, types_failing(target));
}

void target_serve(struct target *target, int64_t now_ms)
{
	bool is_resting = target->not_before_ms > clock_monotonic_ms() || !lease_holds(target);
	struct allowance allowance = allowance_of(target, is_resting);
	bool is_open = allowance.total > 0 && target->breaker.state == BREAKER_CLOSED;

	atomic_store(&target->accepting, is_open ? TARGET_TYPES_ALL & ~types_failing(target) : 0);
	for (size_t type = 0; type < STORE_TYPES; type++)
		if (allowance.of_type[type] == 0)
			release_lane(target, &target->lanes[type], now_ms);
	if (allowance.total > 0) {
		start_attempts(target, &allowance);
		claim_more(target, &allowance, now_ms);
	}
	plan_wake(target, &allowance, now_ms);
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
	int64_t oldest_us = older(0, &target->flying);

	for (size_t type = 0; type < STORE_TYPES; type++)
		oldest_us = older(older(oldest_us, &target->lanes[type].first_attempts),
			&target->lanes[type].retries);
	gauge_set(&target->metrics.oldest_memory_us, oldest_us);
}
