/* SPDX-License-Identifier: MIT */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Leases two, one of them claimed, commits, and dies with a transaction open. */
static bool lease_and_die(struct fixture *f)
{
	struct store_new_delivery leased = { .target = 0, .leased = true };
	struct store_new_delivery waiting = { .target = 0, .leased = false };
	struct store_event first = fixture_event(f, 10, &leased, 1);
	struct store_event second = fixture_event(f, 11, &waiting, 1);
	struct store_event lost = fixture_event(f, 12, &leased, 1);
	struct store_claim claim = { .target = 0, .count_max = EACH_TYPE(10), .bytes_max = 1000 };

	return store_begin(f->store, &f->err) == STATUS_OK &&
	       append_now(f->store, &first, &f->err) == STATUS_OK &&
	       append_now(f->store, &second, &f->err) == STATUS_OK &&
	       claim_now(f->store, FIXTURE_NOW_MS + HOUR_MS, &claim, &f->err) == STATUS_OK &&
	       claim.count == 1 && store_commit(f->store, &f->err) == STATUS_OK &&
	       store_begin(f->store, &f->err) == STATUS_OK &&
	       append_now(f->store, &lost, &f->err) == STATUS_OK;
}

static void test_leases_are_void_after_a_crash(void **state)
{
	struct fixture *f = *state;
	const int64_t now_ms = FIXTURE_NOW_MS + 2 * HOUR_MS;
	struct store_target_counts counts;
	struct store_claim claim;

	fixture_crash(f, lease_and_die);
	fixture_open(f, now_ms);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 2);
	counts = store_counts(f->store, f->app);
	assert_int_equal(counts.open, 2);
	assert_int_equal(counts.retrying, 2); /* the attempts under way were counted */
	fixture_recount(f);
	if (f->settings.backend == STORE_SQLITE) {
		claim = fixture_claim(f, f->app, now_ms - 1);
		assert_int_equal(claim.count, 0);
		assert_int_equal(claim_next_due_ms(&claim), now_ms);
	}
	claim = fixture_claim(f, f->app, now_ms);
	assert_int_equal(claim.count, 2);
	for (struct store_claimed *c = claim.list; c != NULL; c = c->next)
		assert_int_equal(c->attempts, 2);
	store_claimed_free(&claim.list);
}

/* A verdict for a lease that a restart has made void finds a delivery that waits: nothing happens. */
static void test_late_verdict_after_reopen(void **state)
{
	struct fixture *f = *state;
	int64_t id = fixture_append(f, 1, true);
	struct store_verdict verdict = fixture_verdict(f, id, DELIVERY_DELIVERED);

	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	fixture_record(f, &verdict);
	assert_int_equal(store_counts(f->store, f->app).open, 1);
	fixture_recount(f);
}

static bool many_commits_and_die(struct fixture *f)
{
	for (int64_t n = 0; n < 200; n++) {
		struct store_new_delivery delivery = { .target = 0, .leased = n % 2 == 0 };
		struct store_event event = fixture_event(f, n, &delivery, 1);
		struct store_quarantined quarantined = {
			.source = 0, .reason = "json", .raw = slice_of((const char *)&n, sizeof(n))
		};

		if (store_begin(f->store, &f->err) != STATUS_OK ||
			append_now(f->store, &event, &f->err) != STATUS_OK ||
			store_quarantine(f->store, &quarantined, &f->err) != STATUS_OK ||
			store_commit(f->store, &f->err) != STATUS_OK)
			return false;
	}
	return true;
}

static void test_committed_survives_a_crash(void **state)
{
	struct fixture *f = *state;

	fixture_crash(f, many_commits_and_die);
	fixture_open(f, FIXTURE_NOW_MS);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 200);
	assert_int_equal(store_backlog(f->store), 200);
	assert_int_equal(store_quarantine_count(f->store), 200);
	fixture_recount(f);
}

static void test_names_are_for_ever(void **state)
{
	struct fixture *f = *state;
	static const char long_name[] =
		"a-name-of-exactly-sixty-four-bytes-is-the-longest-name-to-be-use";
	static const struct {
		const char *name;
		const char *text;
		enum status want;
	} cases[] = {
		{ "plain", "third", STATUS_OK },
		{ "quotes and UTF-8", "a'b\"c;\xc3\xa9", STATUS_OK },
		{ "the longest", long_name, STATUS_OK },
		{ "empty", "", STATUS_INVALID },
		{ "one too long",
			"a-name-of-exactly-sixty-four-bytes-is-the-longest-name-to-be-used",
			STATUS_INVALID },
	};
	uint16_t first[ARRAY_COUNT(cases)], again;
	uint16_t app = f->app, other = f->other;

	assert_int_equal(strlen(long_name), STORE_NAME_SIZE_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (store_register_target(f->store, cases[i].text, &first[i], &f->err) !=
			cases[i].want)
			fail_msg("%s: %s", cases[i].name, f->err.text);
	fixture_close(f);
	f->err.text[0] = '\0';
	MUST(f, store_open(&f->settings, FIXTURE_NOW_MS, &f->store, &f->err));
	/* In another order than before. */
	for (size_t i = ARRAY_COUNT(cases); i-- > 0;) {
		if (cases[i].want != STATUS_OK)
			continue;
		MUST(f, store_register_target(f->store, cases[i].text, &again, &f->err));
		if (again != first[i])
			fail_msg("%s: %d, was %d", cases[i].name, again, first[i]);
	}
	MUST(f, store_register_target(f->store, "other", &again, &f->err));
	assert_int_equal(again, other);
	MUST(f, store_register_target(f->store, "app", &again, &f->err));
	assert_int_equal(again, app);
}

static void test_too_many_names(void **state)
{
	struct fixture *f = *state;
	uint16_t number = 0;
	char name[32];

	for (int i = 2; i < STORE_TARGETS_MAX; i++) {
		snprintf(name, sizeof(name), "target-%d", i);
		MUST(f, store_register_target(f->store, name, &number, &f->err));
		assert_int_equal(number, i);
	}
	assert_int_equal(
		store_register_target(f->store, "one-more", &number, &f->err), STATUS_FULL);
	MUST(f, store_register_target(f->store, "app", &number, &f->err));
	assert_int_equal(number, f->app);
	MUST(f, store_register_source(f->store, "one-more", &number, &f->err));
}

/* Counts stay with a target that is not registered any more. */
static void test_orphan_keeps_its_rows(void **state)
{
	struct fixture *f = *state;

	fixture_append(f, 1, true);
	fixture_close(f);
	MUST(f, store_open(&f->settings, FIXTURE_NOW_MS, &f->store, &f->err));
	assert_int_equal(store_counts(f->store, f->app).open, 1);
	assert_int_equal(store_backlog(f->store), 1);
}

static bool is_busy(struct fixture *f)
{
	struct store *store = NULL;
	enum status status = store_open(&f->settings, FIXTURE_NOW_MS, &store, &f->err);

	store_close(&store);
	return status == STATUS_BUSY && strstr(f->err.text, f->settings.path) != NULL;
}

static void test_one_process_owns_it(void **state)
{
	struct fixture *f = *state;
	int status = 0;
	pid_t pid;

	if (fixture_leave_out(f, STORE_SQLITE))
		return;
	assert_true(is_busy(f)); /* not even twice in one process */
	pid = fork();
	if (pid == 0)
		_exit(is_busy(f) ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* Both refusals left the owner alone. */
	fixture_append(f, 1, true);
	fixture_recount(f);
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
}

static void test_close_rolls_back(void **state)
{
	struct fixture *f = *state;
	struct store_event event = fixture_event(f, 1, NULL, 0);

	MUST(f, store_begin(f->store, &f->err));
	MUST(f, append_now(f->store, &event, &f->err));
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	assert_int_equal(fixture_query(f, "SELECT count(*) FROM event"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_leases_are_void_after_a_crash),
		CONTRACT_TEST(test_late_verdict_after_reopen),
		CONTRACT_TEST(test_committed_survives_a_crash),
		CONTRACT_TEST(test_names_are_for_ever),
		CONTRACT_TEST(test_too_many_names),
		CONTRACT_TEST(test_orphan_keeps_its_rows),
		CONTRACT_TEST(test_one_process_owns_it),
		CONTRACT_TEST(test_close_rolls_back),
	};

	return contract_run("store recovery", tests, ARRAY_COUNT(tests));
}
