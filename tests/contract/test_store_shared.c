/* SPDX-License-Identifier: MIT */
/*
 * What holds when several processes share a store. Two stores in one process stand for them: nothing but
 * the database is between them.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "posthorn/clock.h"
#include "store_fixture.h"

enum {
	PATIENCE_MS = 20000,
	LOOK_AGAIN_US = 2000,
};

static const struct store_news no_news;

struct pair {
	struct fixture *f; /* f->store is the first */
	struct store *second;
};

static struct pair pair_open(struct fixture *f)
{
	struct pair pair = { .f = f };

	MUST(f, store_open(&f->settings, FIXTURE_NOW_MS, &pair.second, &f->err));
	return pair;
}

static void append_to(struct pair *pair, struct store *store, struct store_event *event)
{
	struct fixture *f = pair->f;

	MUST(f, store_begin(store, &f->err));
	MUST(f, store_append(store, event, &f->err));
	MUST(f, store_commit(store, &f->err));
}

static struct store_claim claim_from(struct pair *pair, struct store *store, size_t count_max)
{
	struct fixture *f = pair->f;
	struct store_claim claim = {
		.target = f->app, .count_max = count_max, .bytes_max = 1 << 20
	};

	MUST(f, store_begin(store, &f->err));
	MUST(f, store_claim(store, FIXTURE_NOW_MS + HOUR_MS, &claim, &f->err));
	MUST(f, store_commit(store, &f->err));
	return claim;
}

static void record_at(struct pair *pair, struct store *store, const struct store_verdict *verdict)
{
	struct fixture *f = pair->f;

	MUST(f, store_begin(store, &f->err));
	MUST(f, store_record(store, verdict, &f->err));
	MUST(f, store_commit(store, &f->err));
}

/* A poll that must succeed. */
static void poll_now(struct pair *pair, struct store *store)
{
	MUST(pair->f, store_poll(store, FIXTURE_NOW_MS + HOUR_MS, &no_news, &pair->f->err));
}

static int64_t deadline(void)
{
	return clock_monotonic_ms() + PATIENCE_MS;
}

/* The first one's leases end, and the second one notices. */
static void expire_first(struct pair *pair)
{
	int64_t until_ms = deadline();
	int64_t before = store_takeovers(pair->second).leases_expired;

	store_set_lease_ms(pair->f->store, 1);
	poll_now(pair, pair->f->store);
	while (store_takeovers(pair->second).leases_expired == before) {
		assert_true(clock_monotonic_ms() < until_ms);
		poll_now(pair, pair->second);
		usleep(LOOK_AGAIN_US);
	}
	store_set_lease_ms(pair->f->store, STORE_LEASE_MS);
}

static void test_one_of_two_is_the_duplicate(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_open(f);
	const struct store_new_delivery delivery = { .target = f->app };
	struct store_event one = fixture_event(f, 1, &delivery, 1), other = one;

	append_to(&pair, f->store, &one);
	append_to(&pair, pair.second, &other);
	assert_false(one.duplicate);
	assert_true(other.duplicate);
	assert_int_equal(other.id, one.id);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM delivery"), 1);
	store_close(&pair.second);
}

static void test_claims_are_disjoint(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_open(f);
	struct store_claim one, other;

	for (int64_t n = 1; n <= 10; n++)
		fixture_append(f, n, false);
	one = claim_from(&pair, f->store, 6);
	other = claim_from(&pair, pair.second, 6);
	assert_int_equal(one.count, 6);
	assert_int_equal(other.count, 4);
	for (struct store_claimed *a = one.list; a != NULL; a = a->next)
		for (struct store_claimed *b = other.list; b != NULL; b = b->next)
			assert_int_not_equal(a->event, b->event);
	assert_string_equal(other.list->source_name, "bizmail");
	store_claimed_free(&one.list);
	store_claimed_free(&other.list);
	store_close(&pair.second);
}

/* Who comes late with his verdict changes nothing: the delivery is somebody else's. */
static void test_a_late_worker_overwrites_nothing(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_open(f);
	struct store_verdict late, newer;
	struct store_claim claim;
	int64_t id;

	fixture_append(f, 1, false);
	claim = claim_from(&pair, f->store, 1);
	id = claim.list->event;
	late = fixture_verdict(f, id, DELIVERY_DEAD);
	late.lease = claim.list->lease;
	store_claimed_free(&claim.list);
	expire_first(&pair);
	claim = claim_from(&pair, pair.second, 1);
	assert_int_equal(claim.count, 1);
	assert_int_equal(claim.list->event, id);
	assert_int_equal(claim.list->attempts, 2);
	assert_int_not_equal(claim.list->lease, late.lease);
	newer = fixture_verdict(f, id, DELIVERY_DELIVERED);
	newer.lease = claim.list->lease;
	newer.attempts = 2;
	store_claimed_free(&claim.list);
	record_at(&pair, f->store, &late); /* while the newer lease holds */
	assert_int_equal(fixture_query(f, "SELECT state FROM delivery"), DELIVERY_LEASED);
	record_at(&pair, pair.second, &newer);
	record_at(&pair, f->store, &late); /* and when it has ended */
	assert_int_equal(fixture_query(f, "SELECT state FROM delivery"), DELIVERY_DELIVERED);
	assert_int_equal(store_takeovers(f->store).verdicts_late, 2);
	poll_now(&pair, f->store);
	fixture_recount(f);
	store_close(&pair.second);
}

/* An event straight from intake, whose process is gone before anybody heard of it again. */
static void test_leases_of_the_dead_are_taken_over(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_open(f);
	struct store_claim claim;

	fixture_append(f, 1, true);
	claim = claim_from(&pair, pair.second, 1);
	assert_int_equal(claim.count, 0);
	expire_first(&pair);
	claim = claim_from(&pair, pair.second, 1);
	assert_int_equal(claim.count, 1);
	store_claimed_free(&claim.list);
	/* He who was only away goes on under a new number. */
	assert_int_equal(fixture_append(f, 2, true) > 0, 1);
	poll_now(&pair, f->store);
	fixture_recount(f);
	store_close(&pair.second);
}

static void test_who_leaves_gives_back(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_open(f);
	struct store_claim claim;

	fixture_append(f, 1, true);
	fixture_append(f, 2, false);
	store_close(&pair.second);
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + HOUR_MS);
	assert_int_equal(claim.count, 2);
	store_claimed_free(&claim.list);
	fixture_recount(f);
}

static void test_names_are_everybodys(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_open(f);
	uint16_t one, other, again;

	MUST(f, store_register_target(f->store, "from-one", &one, &f->err));
	MUST(f, store_register_target(pair.second, "from-other", &other, &f->err));
	assert_int_not_equal(one, other);
	MUST(f, store_register_target(pair.second, "from-one", &again, &f->err));
	assert_int_equal(again, one);
	poll_now(&pair, f->store);
	assert_int_equal(store_targets_count(f->store), store_targets_count(pair.second));
	assert_string_equal(store_target_name(f->store, other), "from-other");
	store_close(&pair.second);
}

struct heard {
	int due, paused, resumed;
};

static void hear_due(void *context, uint16_t target)
{
	(void)target;
	((struct heard *)context)->due++;
}

static void hear_pause(void *context, uint16_t target, bool paused)
{
	struct heard *heard = context;

	(void)target;
	if (paused)
		heard->paused++;
	else
		heard->resumed++;
}

static void test_news(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_open(f);
	struct heard heard = { 0 };
	const struct store_news news = { &heard, hear_due, hear_pause };
	const char *reason = NULL;

	MUST(f, store_poll(pair.second, FIXTURE_NOW_MS, &news, &f->err));
	assert_int_equal(heard.due + heard.paused, 0);
	fixture_append(f, 1, false);
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_pause(f->store, f->app, true, "their release", &f->err));
	MUST(f, store_commit(f->store, &f->err));
	for (int i = 0; i < 2; i++)
		MUST(f, store_poll(pair.second, FIXTURE_NOW_MS + HOUR_MS, &news, &f->err));
	assert_int_equal(heard.due, 2);    /* as long as it is */
	assert_int_equal(heard.paused, 1); /* once */
	assert_true(store_is_paused(pair.second, f->app, &reason));
	assert_string_equal(reason, "their release");
	store_close(&pair.second);
}

static void test_counts_are_sums(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_open(f);
	const struct store_new_delivery delivery = { .target = f->app };
	struct store_event event = fixture_event(f, 7, &delivery, 1);

	fixture_append(f, 1, false);
	append_to(&pair, pair.second, &event);
	poll_now(&pair, f->store);
	assert_int_equal(store_backlog(f->store), 2);
	fixture_recount(f);
	store_close(&pair.second); /* what it counted stays */
	poll_now(&pair, f->store);
	assert_int_equal(store_backlog(f->store), 2);
	fixture_recount(f);
}

/* The connection breaks between the append and its commit: no is no, and what is not known is told so. */
static void test_a_broken_connection(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_open(f);
	const struct store_new_delivery delivery = { .target = f->app, .leased = true };
	struct store_event event = fixture_event(f, 1, &delivery, 1), again = event;
	int64_t until_ms = deadline();
	enum status status;

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, append_now(f->store, &event, &f->err));
	fixture_query(f,
		"SELECT count(pg_terminate_backend(pid, 1000)) FROM pg_stat_activity"
		" WHERE application_name LIKE 'posthorn %' AND datname = current_database()");
	status = store_commit(f->store, &f->err);
	assert_true(status == STATUS_IO || status == STATUS_UNCERTAIN);
	store_rollback(f->store);
	while (store_poll(f->store, FIXTURE_NOW_MS, &no_news, &f->err) != STATUS_OK) {
		assert_true(clock_monotonic_ms() < until_ms);
		usleep(LOOK_AGAIN_US);
	}
	append_to(&pair, f->store, &again);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 1);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM delivery"), 1);
	poll_now(&pair, f->store);
	fixture_recount(f);
	store_close(&pair.second);
}

/* A newer release may run beside this one, unless it says that it cannot. */
static void test_newer_tables(void **state)
{
	struct fixture *f = *state;
	struct store *store = NULL;

	fixture_query(f, "UPDATE meta SET value = 99 WHERE key = 'version' RETURNING value");
	MUST(f, store_open(&f->settings, FIXTURE_NOW_MS, &store, &f->err));
	store_close(&store);
	fixture_query(f, "UPDATE meta SET value = 99 WHERE key = 'oldest' RETURNING value");
	assert_int_equal(store_open(&f->settings, FIXTURE_NOW_MS, &store, &f->err), STATUS_INVALID);
	assert_non_null(strstr(f->err.text, "newer posthorn"));
	assert_int_equal(fixture_query(f, "SELECT value FROM meta WHERE key = 'version'"), 99);
}

static void test_errors_keep_the_password(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = { "host=/nonexistent user=u password=Geheim17 dbname=d",
		"postgresql://u:Geheim17@[broken/d", "password=Geheim17 nonsense",
		"host=127.0.0.1 port=1 password=Geheim17" };

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct store_settings settings = f->settings;
		struct store *store = NULL;
		char dsn[128];

		snprintf(dsn, sizeof(dsn), "%s", texts[i]);
		settings.dsn = dsn;
		assert_int_not_equal(
			store_open(&settings, FIXTURE_NOW_MS, &store, &f->err), STATUS_OK);
		if (strstr(f->err.text, "Geheim17") != NULL || f->err.text[0] == '\0')
			fail_msg("%s: %s", texts[i], f->err.text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_one_of_two_is_the_duplicate),
		CONTRACT_TEST(test_claims_are_disjoint),
		CONTRACT_TEST(test_a_late_worker_overwrites_nothing),
		CONTRACT_TEST(test_leases_of_the_dead_are_taken_over),
		CONTRACT_TEST(test_who_leaves_gives_back),
		CONTRACT_TEST(test_names_are_everybodys),
		CONTRACT_TEST(test_news),
		CONTRACT_TEST(test_counts_are_sums),
		CONTRACT_TEST(test_a_broken_connection),
		CONTRACT_TEST(test_newer_tables),
		CONTRACT_TEST(test_errors_keep_the_password),
	};

	return contract_run_on(STORE_POSTGRESQL, "shared", tests, ARRAY_COUNT(tests));
}
