/* SPDX-License-Identifier: MIT */
#include "repostal/store.h"

#include <inttypes.h>

#include "backend/backend.h"
#include "backend/rows.h"
#include "postgres/backend.h"
#include "repostal/memory.h"
#include "shares.h"
#include "sqlite/backend.h"

static const struct store_ops *const backends[] = {
	[STORE_SQLITE] = &store_sqlite_ops,
	[STORE_POSTGRESQL] = &store_postgres_ops,
};

enum status store_check_settings(const struct store_settings *settings, struct error *err)
{
	const struct store_ops *ops = backends[settings->backend];

	return ops->check == NULL ? STATUS_OK : ops->check(settings, err);
}

/* What an earlier run still held when it ended waits again. */
static enum status recover(struct store *store, int64_t now_ms, struct error *err)
{
	enum status status;

	status = store->ops->begin(store, err);
	if (status != STATUS_OK)
		return status;
	status = store->ops->recover(store, now_ms, err);
	if (status == STATUS_OK)
		status = store->ops->commit(store, err);
	if (status != STATUS_OK) {
		store->ops->rollback(store);
		return status;
	}
	store_counters_commit(&store->counters);
	return STATUS_OK;
}

enum status store_open(const struct store_settings *settings, int64_t now_ms,
	struct store **store_out, struct error *err)
{
	const struct store_ops *ops = backends[settings->backend];
	struct store *store = NULL;
	enum status status;

	status = ops->open(settings, &store, err);
	if (status != STATUS_OK)
		return status;
	store->ops = ops;
	store->settings = *settings;
	store->settings.path = NULL;
	store->settings.dsn = NULL;
	status = recover(store, now_ms, err);
	if (status != STATUS_OK) {
		store_close(&store);
		return status;
	}
	*store_out = store;
	return STATUS_OK;
}

void store_close(struct store **storep)
{
	struct store *store = *storep;

	if (store == NULL)
		return;
	*storep = NULL;
	store_rollback(store);
	store->ops->close(store);
}

enum status store_begin(struct store *store, struct error *err)
{
	enum status status;

	REPOSTAL_ASSERT(store->transaction == TRANSACTION_NONE);
	status = store->ops->begin(store, err);
	if (status != STATUS_OK)
		return STATUS_IO;
	store->transaction = TRANSACTION_OPEN;
	return STATUS_OK;
}

/*
 * False when an earlier step of the transaction failed. The backend may have rolled back by itself
 * then, and what is written after that would not be part of any transaction.
 */
static bool is_usable(const struct store *store, struct error *err)
{
	REPOSTAL_ASSERT(store->transaction != TRANSACTION_NONE);
	if (store->transaction == TRANSACTION_OPEN)
		return true;
	error_set(err, "store: the transaction was lost in an earlier step");
	return false;
}

/* A backend's refusal in mid-transaction loses the transaction, whatever the reason. */
static enum status step_end(struct store *store, enum status status)
{
	if (status == STATUS_OK)
		return STATUS_OK;
	store->transaction = TRANSACTION_BROKEN;
	return status == STATUS_UNCERTAIN ? STATUS_UNCERTAIN : STATUS_IO;
}

enum status store_commit(struct store *store, struct error *err)
{
	enum status status;

	if (!is_usable(store, err))
		return STATUS_IO;
	status = step_end(store, store->ops->commit(store, err));
	if (status == STATUS_OK) {
		store_counters_commit(&store->counters);
		pauses_commit(&store->pauses);
		store->transaction = TRANSACTION_NONE;
	}
	return status;
}

enum status store_flush(struct store *store, struct error *err)
{
	if (!is_usable(store, err))
		return STATUS_IO;
	return store->ops->flush == NULL ? STATUS_OK
					 : step_end(store, store->ops->flush(store, err));
}

void store_rollback(struct store *store)
{
	if (store->transaction == TRANSACTION_NONE)
		return;
	store->ops->rollback(store);
	store_counters_rollback(&store->counters);
	pauses_rollback(&store->pauses);
	store->transaction = TRANSACTION_NONE;
}

enum status store_transaction(struct store *store,
	enum status (*step)(struct store *store, void *argument, struct error *err), void *argument,
	struct error *err)
{
	enum status status = store_begin(store, err);

	if (status == STATUS_OK)
		status = step(store, argument, err);
	if (status == STATUS_OK)
		status = store_commit(store, err);
	if (status != STATUS_OK)
		store_rollback(store);
	return status;
}

/*
 * Each target at most once: (event, target) names the delivery. Only the store knows whether one with
 * an order_key may go.
 */
static void deliveries_assert(const struct store *store, const struct store_event *event)
{
	uint64_t seen[STORE_TARGETS_MAX / 64] = { 0 };

	for (size_t i = 0; i < event->deliveries_count; i++) {
		uint16_t target = event->deliveries[i].target;
		uint64_t bit = UINT64_C(1) << (target % 64);

		REPOSTAL_ASSERT(target < store->names_count[STORE_NAME_TARGET]);
		REPOSTAL_ASSERT((seen[target / 64] & bit) == 0);
		REPOSTAL_ASSERT(
			event->deliveries[i].order_key == 0 || !event->deliveries[i].leased);
		seen[target / 64] |= bit;
	}
}

static enum status raw_check(struct slice raw, struct error *err)
{
	if (raw.size <= STORE_RAW_SIZE_MAX)
		return STATUS_OK;
	error_set(err, "store: a body of %zu bytes is more than %d", raw.size, STORE_RAW_SIZE_MAX);
	return STATUS_INVALID;
}

enum status store_append(struct store *store, struct store_event *event, struct error *err)
{
	enum status status;

	REPOSTAL_ASSERT(event->identity <= INT64_MAX);
	REPOSTAL_ASSERT(event->source < store->names_count[STORE_NAME_SOURCE]);
	deliveries_assert(store, event);
	if (!is_usable(store, err))
		return STATUS_IO;
	status = raw_check(event->raw, err);
	if (status == STATUS_OK)
		status = shares_take(store, event, err);
	if (status != STATUS_OK)
		return status;
	event->id = 0;
	event->lease = 0;
	event->duplicate = false;
	return step_end(store, store->ops->append(store, event, err));
}

enum status store_quarantine(
	struct store *store, struct store_quarantined *quarantined, struct error *err)
{
	enum status status;

	REPOSTAL_ASSERT(quarantined->source < store->names_count[STORE_NAME_SOURCE]);
	REPOSTAL_ASSERT(quarantined->reason != NULL);
	if (!is_usable(store, err))
		return STATUS_IO;
	status = raw_check(quarantined->raw, err);
	if (status != STATUS_OK)
		return status;
	return step_end(store, store->ops->quarantine(store, quarantined, err));
}

enum status store_record(
	struct store *store, const struct store_verdict *verdict, struct error *err)
{
	struct store_verdict checked = *verdict;

	REPOSTAL_ASSERT(verdict->event > 0 && verdict->event <= STORE_EVENT_ID_MAX);
	REPOSTAL_ASSERT(verdict->target < STORE_TARGETS_MAX);
	REPOSTAL_ASSERT(verdict->next != DELIVERY_LEASED && verdict->next != DELIVERY_DISCARDED);
	REPOSTAL_ASSERT(!verdict->release || verdict->next == DELIVERY_WAITING);
	REPOSTAL_ASSERT(verdict->attempts > 0);
	if (!is_usable(store, err))
		return STATUS_IO;
	if (checked.answer.size > STORE_ANSWER_SIZE_MAX)
		checked.answer.size = STORE_ANSWER_SIZE_MAX;
	return step_end(store, store->ops->record(store, &checked, err));
}

void store_claim_clear(struct store_claim *claim)
{
	store_claimed_free(&claim->list);
	claim->count = 0;
	for (size_t type = 0; type < STORE_TYPES; type++)
		claim->next_due_ms[type] = INT64_MAX;
}

enum status store_claim(
	struct store *store, int64_t now_ms, struct store_claim *claim, struct error *err)
{
	enum status status;

	REPOSTAL_ASSERT(claim->target < store->names_count[STORE_NAME_TARGET]);
	claim->list = NULL;
	store_claim_clear(claim);
	if (!is_usable(store, err))
		return STATUS_IO;
	status = step_end(store, store->ops->claim(store, now_ms, claim, err));
	if (status != STATUS_OK)
		store_claim_clear(claim);
	return status;
}

static void filter_assert(const struct store *store, const struct store_filter *filter)
{
	REPOSTAL_ASSERT(filter->target < (int)store->names_count[STORE_NAME_TARGET]);
	REPOSTAL_ASSERT(filter->states < UINT32_C(1) << DELIVERY_STATE_COUNT);
	REPOSTAL_ASSERT(filter->event >= 0 && filter->event <= STORE_EVENT_ID_MAX);
}

enum status store_change(struct store *store, struct store_change *change, struct error *err)
{
	filter_assert(store, &change->filter);
	REPOSTAL_ASSERT(change->count_max > 0 && change->scan_limit > 0 && change->after >= 0);
	change->changed = 0;
	change->done = false;
	if (!is_usable(store, err))
		return STATUS_IO;
	return step_end(store, store->ops->change(store, change, err));
}

enum status store_pause(
	struct store *store, uint16_t target, bool paused, const char *reason, struct error *err)
{
	struct slice cut = { .data = "" };
	enum status status;

	REPOSTAL_ASSERT(target < store->names_count[STORE_NAME_TARGET]);
	if (!is_usable(store, err))
		return STATUS_IO;
	if (reason != NULL)
		cut = slice_of(reason, pauses_reason_size(reason));
	status = step_end(store, store->ops->pause(store, target, paused, cut, err));
	if (status == STATUS_OK)
		pauses_add(&store->pauses, target, paused, cut);
	return status;
}

bool store_is_paused(const struct store *store, uint16_t target, const char **reason_out)
{
	REPOSTAL_ASSERT(target < STORE_TARGETS_MAX);
	return pauses_read(&store->pauses, target, reason_out);
}

enum status store_number_anew(struct store *store, int64_t event, uint16_t target, int more,
	int *number_out, struct error *err)
{
	bool found = false;
	enum status status;

	REPOSTAL_ASSERT(more > 0);
	if (!is_usable(store, err))
		return STATUS_IO;
	status = step_end(store,
		store->ops->number_anew(store, event, target, more, number_out, &found, err));
	if (status != STATUS_OK || found)
		return status;
	error_set(err, "store: event %" PRId64 " has no delivery to target %d", event, target);
	return STATUS_NOT_FOUND;
}

enum status store_add_search_key(
	struct store *store, int64_t event, int64_t key, int64_t now_ms, struct error *err)
{
	REPOSTAL_ASSERT(key != 0);
	if (!is_usable(store, err))
		return STATUS_IO;
	return step_end(store, store->ops->add_search_key(store, event, key, now_ms, err));
}

enum status store_unquarantine(struct store *store, int64_t id, struct error *err)
{
	bool found = false;
	enum status status;

	if (!is_usable(store, err))
		return STATUS_IO;
	status = step_end(store, store->ops->unquarantine(store, id, &found, err));
	if (status != STATUS_OK || found)
		return status;
	error_set(err, "store: nothing with id %" PRId64 " is in quarantine", id);
	return STATUS_NOT_FOUND;
}

struct sweep {
	int64_t now_ms;
	bool more;
};

static enum status run_sweep(struct store *store, void *argument, struct error *err)
{
	struct sweep *sweep = argument;

	return step_end(store, store->ops->sweep(store, sweep->now_ms, &sweep->more, err));
}

enum status store_sweep(struct store *store, int64_t now_ms, bool *more_out, struct error *err)
{
	struct sweep sweep = { .now_ms = now_ms };
	enum status status = store_transaction(store, run_sweep, &sweep, err);

	*more_out = status == STATUS_OK && sweep.more;
	return status;
}

enum status store_poll(
	struct store *store, int64_t now_ms, const struct store_news *news, struct error *err)
{
	REPOSTAL_ASSERT(store->transaction == TRANSACTION_NONE);
	return store->ops->poll == NULL ? STATUS_OK : store->ops->poll(store, now_ms, news, err);
}

void store_set_hint(struct store *store, void (*hint)(void *context), void *context)
{
	if (hint != NULL)
		store->hint_context = context;
	atomic_store(&store->hint, hint);
}

void store_set_lease_ms(struct store *store, int64_t lease_ms)
{
	store->lease_ms = lease_ms;
}

int64_t store_lease_until_ms(const struct store *store)
{
	return store->ops->poll == NULL ? INT64_MAX : store->lease_until_ms;
}

int64_t store_gather_us(const struct store *store)
{
	return store->ops->gather_us;
}

void store_set_config_mark(struct store *store, int64_t mark)
{
	store->config_mark = mark;
}

int64_t store_differing(const struct store *store)
{
	return store->differing;
}

struct store_takeovers store_takeovers(const struct store *store)
{
	return store->takeovers;
}

struct store_target_counts store_counts(const struct store *store, uint16_t target)
{
	REPOSTAL_ASSERT(target < STORE_TARGETS_MAX);
	return store->counters.committed[target];
}

int64_t store_discarded(const struct store *store, uint16_t target)
{
	REPOSTAL_ASSERT(target < STORE_TARGETS_MAX);
	return store->counters.discarded[target];
}

int64_t store_backlog(const struct store *store)
{
	return store->counters.backlog;
}

int64_t store_source_open(const struct store *store, uint16_t source)
{
	REPOSTAL_ASSERT(source < STORE_SOURCES_MAX);
	return store->counters.source_open[source];
}

int64_t store_oldest_waiting_us(struct store *store, uint16_t target)
{
	REPOSTAL_ASSERT(store->transaction == TRANSACTION_NONE);
	return store->ops->oldest_waiting_us(store, target);
}

int64_t store_quarantine_count(const struct store *store)
{
	return store->counters.quarantined;
}

int64_t store_bytes(struct store *store)
{
	return store->ops->bytes(store);
}
