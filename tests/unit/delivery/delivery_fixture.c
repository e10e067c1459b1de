/* SPDX-License-Identifier: MIT */
#include "delivery_fixture.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "delivery_loop.h"
#include "handoff.h"
#include "repostal/clock.h"
#include "repostal/log.h"

enum {
	TURNS_MAX = 100000, /* without the clock moving: the loop would spin */
};

static char none[] = "";

struct target_settings fixture_target(const char *name)
{
	static char url[] = "http://app.example/";

	return (struct target_settings){
		.name = (char *)(uintptr_t)name,
		.url = url,
		.enabled = true,
		.events = UINT32_MAX,
		.timeout_ms = 60000,
		.connect_timeout_ms = 60000,
		.concurrency = 8,
		.retry = {
			.delays_ms = { 1000, 5000 },
			.delays_count = 2,
			.retry_after_max_ms = 10000,
		},
		.retry_share = 0.25,
		.proxy = none,
		.tls_ca = none,
		.tls_certificate = none,
		.tls_key = none,
		.breaker = { .cooldown_ms = 10000 },
		.fingerprint = 1,
	};
}

/* A crash after the start finds the attempt counted. */
static void check_counted(const struct scripted_attempt *attempt)
{
	const struct fake_row *row = fake_store_row(attempt->event);

	assert_int_equal(row->state, DELIVERY_LEASED);
	assert_int_equal(row->attempts, attempt->number);
}

static void set_targets(struct fixture *f, const struct target_settings *targets, size_t count)
{
	f->settings.targets = targets;
	f->settings.targets_count = count;
}

void fixture_open(struct fixture *f, const struct target_settings *targets, size_t count)
{
	static const struct signing_settings unsigned_settings;
	struct error err = { .text = "" };

	log_configure(&(struct log_settings){ .level = LOG_LEVEL_ERROR });
	memset(f, 0, sizeof(*f));
	fake_clock_reset();
	fake_store_reset();
	scripted_client_reset();
	scripted_client_watch(check_counted, fake_store_commit);
	for (uint16_t i = 0; i < FIXTURE_TARGETS_MAX; i++)
		f->target_numbers[i] = i;
	assert_int_equal(signer_load(&unsigned_settings, &f->signer, &err), STATUS_OK);
	f->settings = (struct dispatcher_settings){
		.target_numbers = f->target_numbers,
		.rules = { .translate = &f->translate },
		.egress = &f->egress,
		.signer = f->signer,
		.signing_threads = 1,
	};
	set_targets(f, targets, count);
	if (dispatcher_open(&f->settings, fake_store_thread(), &f->dispatcher, &err) != STATUS_OK ||
		handoff_set_envelopes(f->dispatcher, &f->settings, &err) != STATUS_OK)
		fail_msg("%s", err.text);
}

void fixture_stop(struct fixture *f, int64_t timeout_ms)
{
	target_table_stop_accepting(&f->dispatcher->table);
	atomic_store(&f->dispatcher->stop_by_ms, clock_monotonic_ms() + timeout_ms);
	delivery_loop_run(f->dispatcher);
	fake_store_commit();
}

void fixture_close(struct fixture *f)
{
	fake_store_fail(false);
	fixture_stop(f, 0);
	assert_int_equal(atomic_load(&f->dispatcher->memory_size), 0);
	dispatcher_free(&f->dispatcher);
	signer_free(&f->signer);
	for (size_t i = 1; i <= fake_store_rows_count(); i++)
		assert_int_not_equal(fake_store_row((int64_t)i)->state, DELIVERY_LEASED);
}

static void offer(struct fixture *f, struct fake_row *row)
{
	char raw[FAKE_STORE_RAW_SIZE_MAX];
	const struct event_record record = fake_store_record(row, raw);
	struct parsed_event parsed;
	struct outgoing *outgoing;

	assert_int_equal(event_parse(&record, &parsed), BIZMAIL_PROBLEM_NONE);
	outgoing = outgoing_new(&parsed, 1);
	parsed_event_release(&parsed);
	row->state = DELIVERY_LEASED;
	row->attempts = 1;
	outgoing->event = row->event;
	outgoing->lease = row->event;
	dispatcher_address(f->dispatcher, outgoing, 0, row->target, row->type);
	dispatcher_offer(f->dispatcher, outgoing);
	dispatcher_flush(f->dispatcher);
}

int64_t fixture_post(struct fixture *f, uint16_t target, uint8_t type)
{
	struct fake_row *row = fixture_leave(f, target, type);

	if (dispatcher_reserve(f->dispatcher, target, type))
		offer(f, row);
	else
		dispatcher_wake(f->dispatcher, target, type);
	return row->event;
}

void fixture_post_many(struct fixture *f, uint16_t target, uint8_t type, int count)
{
	for (int i = 0; i < count; i++)
		fixture_post(f, target, type);
}

struct fake_row *fixture_leave(struct fixture *f, uint16_t target, uint8_t type)
{
	struct fake_row *row = fake_store_add(target, type);

	row->happened_ms -= f->event_age_ms;
	return row;
}

void fixture_wake(struct fixture *f, uint16_t target)
{
	dispatcher_wake_all(f->dispatcher, target);
}

/* Everything that happens now. The client's poll moves the clock unless something has arrived. */
static void turn(struct fixture *f, int64_t until_ms)
{
	int64_t left_ms = until_ms - fake_clock_ms();
	int64_t wait_ms = delivery_loop_turn(f->dispatcher);

	outbound_poll(f->dispatcher->outbound, wait_ms < left_ms ? wait_ms : left_ms);
}

void fixture_run_until(struct fixture *f, int64_t until_ms)
{
	int turns = 0;
	int quiet = 0; /* turns at the end in which nothing can have arrived any more */

	while (fake_clock_ms() < until_ms || quiet < 4) {
		int64_t before_ms = fake_clock_ms();

		turn(f, until_ms);
		turns = fake_clock_ms() > before_ms ? 0 : turns + 1;
		quiet = fake_clock_ms() == until_ms ? quiet + 1 : 0;
		if (turns == TURNS_MAX)
			fail_msg("the loop spins at %" PRId64 " ms", fake_clock_ms());
	}
}

struct reloading {
	struct fixture *f;
	struct dispatcher_settings settings;
	struct error *err;
	enum status status;
	_Atomic bool is_done;
};

static void *reload_main(void *data)
{
	struct reloading *reloading = data;

	reloading->status =
		dispatcher_reload(reloading->f->dispatcher, &reloading->settings, reloading->err);
	atomic_store(&reloading->is_done, true);
	return NULL;
}

enum status fixture_reload(
	struct fixture *f, const struct target_settings *targets, size_t count, struct error *err)
{
	struct reloading reloading = { .f = f, .settings = f->settings, .err = err };
	pthread_t thread;

	reloading.settings.targets = targets;
	reloading.settings.targets_count = count;
	assert_int_equal(pthread_create(&thread, NULL, reload_main, &reloading), 0);
	while (!atomic_load(&reloading.is_done)) {
		turn(f, fake_clock_ms());
		sched_yield();
	}
	pthread_join(thread, NULL);
	if (reloading.status == STATUS_OK)
		set_targets(f, targets, count);
	return reloading.status;
}

void fixture_expect_times(const char *name, const char *target, const int64_t *times_ms)
{
	size_t count = scripted_client_attempts_count();
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		const struct scripted_attempt *attempt = scripted_client_attempt(i);

		if (target != NULL && strcmp(attempt->target, target) != 0)
			continue;
		if (attempt->at_ms != times_ms[found])
			fail_msg("%s: attempt %zu was at %" PRId64 ", not at %" PRId64, name,
				found + 1, attempt->at_ms, times_ms[found]);
		found++;
	}
	if (times_ms[found] != -1)
		fail_msg("%s: no attempt at %" PRId64, name, times_ms[found]);
}

int fixture_count(const char *target, int type, int64_t from_ms, int64_t until_ms)
{
	int count = 0;

	for (size_t i = 0; i < scripted_client_attempts_count(); i++) {
		const struct scripted_attempt *attempt = scripted_client_attempt(i);

		count += strcmp(attempt->target, target) == 0 &&
			 (type == SCRIPT_ANY_TYPE || attempt->type == type) &&
			 attempt->at_ms >= from_ms && attempt->at_ms < until_ms;
	}
	return count;
}

int fixture_rows_in(uint16_t target, enum delivery_state state)
{
	int count = 0;

	for (size_t i = 1; i <= fake_store_rows_count(); i++) {
		const struct fake_row *row = fake_store_row((int64_t)i);

		count += row->target == target && row->state == state;
	}
	return count;
}

void fixture_expect_state(struct fixture *f, uint16_t target, enum target_state want)
{
	assert_string_equal(target_state_name(dispatcher_target_state(f->dispatcher, target)),
		target_state_name(want));
}

int64_t fixture_attempts_counted(struct fixture *f, uint16_t target)
{
	const struct target_metrics *metrics = dispatcher_target_metrics(f->dispatcher, target);
	int64_t count = 0;

	for (int result = 0; result < ATTEMPT_RESULT_COUNT; result++)
		count += (int64_t)counter_read(&metrics->attempts[result]);
	return count;
}
