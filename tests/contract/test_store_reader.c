/* SPDX-License-Identifier: MIT */
/* Looking at a store beside the one that owns it, or after it: lists in pages, history, quarantine. */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repostal/store_reader.h"

enum {
	ROWS_MAX = 128
};

/* What a list gave, all pages together. */
struct seen {
	const char *name;
	size_t count;
	struct store_row rows[ROWS_MAX];
	size_t rows_in_page;
};

static void keep_row(void *context, const struct store_row *row)
{
	struct seen *seen = context;

	if (seen->count == ROWS_MAX)
		fail_msg("%s: too many rows", seen->name);
	if (seen->count > 0 && row->id >= seen->rows[seen->count - 1].id)
		fail_msg("%s: not newest first", seen->name);
	seen->rows[seen->count++] = *row;
	seen->rows_in_page++;
}

static struct store_reader *open_reader(struct fixture *f)
{
	struct store_reader *reader = NULL;

	MUST(f, store_reader_open(&f->settings, &reader, &f->err));
	return reader;
}

/* All pages of a list. */
static void list_all(struct fixture *f, struct store_reader *reader, const char *name,
	const struct store_filter *filter, size_t count_max, struct seen *seen)
{
	struct store_page page = { .count_max = count_max };
	int pages_count = 0;

	*seen = (struct seen){ .name = name };
	do {
		int64_t before = page.next;

		assert_true(pages_count++ < 1000);
		seen->rows_in_page = 0;
		MUST(f, store_reader_list(reader, filter, &page, keep_row, seen, &f->err));
		if (seen->rows_in_page > count_max)
			fail_msg("%s: %zu rows in a page", name, seen->rows_in_page);
		if (page.next != 0 && before != 0 && page.next >= before)
			fail_msg("%s: no way forward", name);
	} while (page.next != 0);
}

enum {
	EVENTS_COUNT = 60
};

#define HOUR_US(n) ((FIXTURE_NOW_MS + (n)*HOUR_MS) * 1000)

/* Of the many below, by their numbers; the one behind the last is an event that is not there. */
static int64_t ids[EVENTS_COUNT + 2];

/* Event n of the many below: every third one is for both targets. */
static bool has_delivery(int64_t n, int target)
{
	return n % 3 == 0 || n % 2 == target;
}

static enum delivery_state state_wanted(int64_t n, int target)
{
	static const enum delivery_state states[] = { DELIVERY_DELIVERED, DELIVERY_DEAD,
		DELIVERY_WAITING, DELIVERY_DISCARDED, DELIVERY_DELIVERED, DELIVERY_LEASED,
		DELIVERY_DEAD };

	return states[(n + target) % (int64_t)ARRAY_COUNT(states)];
}

static void reach_state(struct fixture *f, int64_t event, int target, enum delivery_state state)
{
	struct store_verdict verdict =
		fixture_verdict(f, event, state == DELIVERY_DISCARDED ? DELIVERY_DEAD : state);
	struct store_change change = {
		.kind = STORE_CHANGE_DISCARD,
		.filter = { .target = target, .type = -1, .event = event },
		.now_ms = FIXTURE_NOW_MS,
		.count_max = 1,
		.scan_limit = 10,
	};

	verdict.target = (uint16_t)target;
	if (state != DELIVERY_LEASED)
		MUST(f, record_now(f, &verdict));
	if (state == DELIVERY_DISCARDED) {
		MUST(f, store_change(f->store, &change, &f->err));
		assert_int_equal(change.changed, 1);
	}
}

static void append_many(struct fixture *f)
{
	MUST(f, store_begin(f->store, &f->err));
	for (int64_t n = 1; n <= EVENTS_COUNT; n++) {
		struct store_new_delivery deliveries[2];
		size_t count = 0;
		struct store_event event;

		for (int target = 0; target < 2; target++)
			if (has_delivery(n, target))
				deliveries[count++] =
					(struct store_new_delivery){ .target = (uint16_t)target,
						.leased = true };
		event = fixture_event(f, n, deliveries, count);
		event.received_us = HOUR_US(n);
		event.type = (uint8_t)(n % 4);
		event.search_keys[1] = 100 + n % 5;
		event.search_keys[2] = 1000 + n;
		MUST(f, append_now(f->store, &event, &f->err));
		assert_true(event.id > ids[n - 1]);
		ids[n] = event.id;
		ids[n + 1] = event.id + 1;
		for (size_t i = 0; i < count; i++)
			reach_state(f, ids[n], deliveries[i].target,
				state_wanted(n, deliveries[i].target));
	}
	MUST(f, store_commit(f->store, &f->err));
}

/* The filter in other words: asked of each delivery there is. */
static bool is_wanted(const struct store_filter *filter, int64_t n, int target)
{
	return has_delivery(n, target) && (filter->target < 0 || filter->target == target) &&
	       (filter->states == 0 || (filter->states >> state_wanted(n, target) & 1) != 0) &&
	       (filter->type < 0 || filter->type == n % 4) &&
	       (filter->since_us == 0 || HOUR_US(n) >= filter->since_us) &&
	       (filter->until_us == 0 || HOUR_US(n) < filter->until_us) &&
	       (filter->search_key == 0 || filter->search_key == 100 + n % 5 ||
		       filter->search_key == 1000 + n) &&
	       (filter->event == 0 || filter->event == n);
}

#define STATE(state) (1U << (state))

static const struct {
	const char *name;
	struct store_filter filter;
} list_cases[] = {
	{ "everything", { .target = -1, .type = -1 } },
	{ "a target", { .target = 1, .type = -1 } },
	{ "a target that nothing is for", { .target = 5, .type = -1 } },
	{ "delivered", { .target = -1, .type = -1, .states = STATE(DELIVERY_DELIVERED) } },
	{ "dead", { .target = -1, .type = -1, .states = STATE(DELIVERY_DEAD) } },
	{ "dead for a target", { .target = 1, .type = -1, .states = STATE(DELIVERY_DEAD) } },
	{ "discarded", { .target = -1, .type = -1, .states = STATE(DELIVERY_DISCARDED) } },
	{ "waiting", { .target = 0, .type = -1, .states = STATE(DELIVERY_WAITING) } },
	{ "leased", { .target = -1, .type = -1, .states = STATE(DELIVERY_LEASED) } },
	{ "open", { .target = -1,
			  .type = -1,
			  .states = STATE(DELIVERY_LEASED) | STATE(DELIVERY_WAITING) } },
	{ "not delivered",
		{ .target = -1, .type = -1, .states = 0x1f & ~STATE(DELIVERY_DELIVERED) } },
	{ "dead or delivered",
		{ .target = 1,
			.type = -1,
			.states = STATE(DELIVERY_DEAD) | STATE(DELIVERY_DELIVERED) } },
	{ "a type", { .target = -1, .type = 3 } },
	{ "dead of a type", { .target = -1, .type = 0, .states = STATE(DELIVERY_DEAD) } },
	{ "a type of nobody", { .target = -1, .type = 200 } },
	{ "since", { .target = -1, .type = -1, .since_us = HOUR_US(40) } },
	{ "until", { .target = -1, .type = -1, .until_us = HOUR_US(20) } },
	{ "since, until",
		{ .target = -1, .type = -1, .since_us = HOUR_US(20), .until_us = HOUR_US(40) } },
	{ "dead since", { .target = -1,
				.type = -1,
				.since_us = HOUR_US(31),
				.states = STATE(DELIVERY_DEAD) } },
	{ "future", { .target = -1, .type = -1, .since_us = HOUR_US(1000) } },
	{ "past", { .target = -1, .type = -1, .until_us = HOUR_US(-1000) } },
	{ "a key of one", { .target = -1, .type = -1, .search_key = 1033 } },
	{ "a key of many", { .target = -1, .type = -1, .search_key = 102 } },
	{ "a key of many, dead, for a target",
		{ .target = 1, .type = -1, .search_key = 102, .states = STATE(DELIVERY_DEAD) } },
	{ "a key, since, until", { .target = -1,
					 .type = -1,
					 .search_key = 101,
					 .since_us = HOUR_US(11),
					 .until_us = HOUR_US(46) } },
	{ "a key of nobody", { .target = -1, .type = -1, .search_key = 99 } },
	{ "an event", { .target = -1, .type = -1, .event = 33 } },
	{ "an event for a target", { .target = 0, .type = -1, .event = 33 } },
	{ "an event that is not there", { .target = -1, .type = -1, .event = 61 } },
	{ "an event and a key", { .target = -1, .type = -1, .event = 33, .search_key = 1033 } },
	{ "an event and another's key",
		{ .target = -1, .type = -1, .event = 33, .search_key = 1034 } },
};

/* Every list, in pages of several sizes: each delivery that is meant, once, newest first. */
static void test_lists(void **state)
{
	struct fixture *f = *state;
	static const size_t page_sizes[] = { 1, 2, 7, 1000 };
	struct store_reader *reader;
	struct seen seen;

	append_many(f);
	reader = open_reader(f);
	for (size_t i = 0; i < ARRAY_COUNT(list_cases) * ARRAY_COUNT(page_sizes); i++) {
		const char *name = list_cases[i / ARRAY_COUNT(page_sizes)].name;
		const struct store_filter *filter = &list_cases[i / ARRAY_COUNT(page_sizes)].filter;
		struct store_filter asked = *filter;
		size_t at = 0;

		asked.event = ids[filter->event];
		list_all(f, reader, name, &asked, page_sizes[i % ARRAY_COUNT(page_sizes)], &seen);
		for (int64_t n = EVENTS_COUNT; n > 0; n--)
			for (int target = 1; target >= 0; target--) {
				if (!is_wanted(filter, n, target))
					continue;
				if (at >= seen.count || seen.rows[at].event != ids[n] ||
					seen.rows[at].target != target ||
					seen.rows[at].state != state_wanted(n, target))
					fail_msg("%s: event %d to %d is missing", name, (int)n,
						target);
				at++;
			}
		if (at != seen.count)
			fail_msg("%s: %zu rows too many", name, seen.count - at);
	}
	store_reader_close(&reader);
	assert_null(reader);
	store_reader_close(&reader);
}

static void check_row(void *context, const struct store_row *row)
{
	const struct fixture *f = context;

	assert_int_equal(row->event, ids[1]);
	assert_int_equal(row->target, f->app);
	assert_int_equal(row->source, f->source);
	assert_int_equal(row->kind, 9);
	assert_int_equal(row->type, 17);
	assert_int_equal(row->received_us, FIXTURE_NOW_MS * 1000 + 123);
	assert_true(slice_is(row->content_type, "text/plain"));
	assert_true(slice_equal(row->raw, slice_of("a\0b", 3)));
	assert_int_equal(row->state, DELIVERY_WAITING);
	assert_int_equal(row->attempts, 1);
	assert_int_equal(row->due_ms, FIXTURE_NOW_MS + 120 * SECOND_MS);
	assert_int_equal(row->http_status, 500);
	assert_int_equal(row->transport, 3);
	assert_int_equal(row->duration_ms, 25);
	assert_false(row->is_held);
}

static void test_a_row_has_everything(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = { .target = -1, .type = -1 };
	struct store_new_delivery delivery = { .target = f->app, .leased = true };
	struct store_event event = fixture_event(f, 1, &delivery, 1);
	struct store_verdict verdict;
	struct store_reader *reader;
	struct store_page page = { .count_max = 10 };

	event.kind = 9;
	event.type = 17;
	event.received_us = FIXTURE_NOW_MS * 1000 + 123;
	event.content_type = SLICE_LITERAL("text/plain");
	event.raw = slice_of("a\0b", 3);
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, append_now(f->store, &event, &f->err));
	ids[1] = event.id;
	verdict = fixture_verdict(f, event.id, DELIVERY_WAITING);
	verdict.transport = 3;
	MUST(f, record_now(f, &verdict));
	MUST(f, store_commit(f->store, &f->err));
	reader = open_reader(f);
	MUST(f, store_reader_list(reader, &filter, &page, check_row, f, &f->err));
	assert_int_equal(page.next, 0);
	store_reader_close(&reader);
}

/* The reader sees commits as they come, and nothing of what is open or rolled back. */
static void test_sees_what_is_committed(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = { .target = -1, .type = -1 };
	struct store_reader *reader = open_reader(f);
	struct store_new_delivery delivery = { .target = f->app };
	struct store_event event = fixture_event(f, 1, &delivery, 1);
	struct seen seen;

	list_all(f, reader, "empty", &filter, 10, &seen);
	assert_int_equal(seen.count, 0);
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, append_now(f->store, &event, &f->err));
	list_all(f, reader, "open", &filter, 10, &seen);
	assert_int_equal(seen.count, 0);
	MUST(f, store_commit(f->store, &f->err));
	list_all(f, reader, "committed", &filter, 10, &seen);
	assert_int_equal(seen.count, 1);
	/* It goes on when the owner ends, starts again, and writes. */
	fixture_close(f);
	list_all(f, reader, "closed", &filter, 10, &seen);
	assert_int_equal(seen.count, 1);
	fixture_open(f, FIXTURE_NOW_MS);
	fixture_append(f, 2, false);
	list_all(f, reader, "opened again", &filter, 10, &seen);
	assert_int_equal(seen.count, 2);
	store_reader_close(&reader);
}

static bool append_and_die(struct fixture *f)
{
	struct store_new_delivery delivery = { .target = 0, .leased = true };
	struct store_event event = fixture_event(f, 1, &delivery, 1);

	return store_begin(f->store, &f->err) == STATUS_OK &&
	       append_now(f->store, &event, &f->err) == STATUS_OK &&
	       store_commit(f->store, &f->err) == STATUS_OK;
}

/* Nobody runs, after a clean end or after a crash: reading works, and disturbs no later start. */
static void test_when_nobody_runs(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = { .target = -1, .type = -1 };
	struct store_reader *reader;
	struct seen seen;

	fixture_crash(f, append_and_die);
	for (int round = 0; round < 2; round++) {
		reader = open_reader(f);
		list_all(f, reader, "nobody runs", &filter, 10, &seen);
		assert_int_equal(seen.count, 1);
		assert_int_equal(
			seen.rows[0].state, round == 0 ? DELIVERY_LEASED : DELIVERY_WAITING);
		store_reader_close(&reader);
		fixture_open(f, FIXTURE_NOW_MS);
		assert_int_equal(store_counts(f->store, f->app).open, 1);
		fixture_close(f);
	}
	fixture_open(f, FIXTURE_NOW_MS);
	fixture_recount(f);
}

static void test_held_rows(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = { .target = -1, .type = -1 };
	struct store_new_delivery delivery = { .target = f->app, .order_key = 5 };
	struct store_reader *reader;
	struct seen seen;

	MUST(f, store_begin(f->store, &f->err));
	for (int64_t n = 1; n <= 3; n++) {
		struct store_event event = fixture_event(f, n, &delivery, 1);

		MUST(f, append_now(f->store, &event, &f->err));
	}
	MUST(f, store_commit(f->store, &f->err));
	reader = open_reader(f);
	list_all(f, reader, "held", &filter, 10, &seen);
	assert_int_equal(seen.count, 3);
	assert_true(seen.rows[0].is_held);
	assert_int_equal(seen.rows[0].due_ms, 0);
	assert_true(seen.rows[1].is_held);
	assert_false(seen.rows[2].is_held);
	assert_int_equal(seen.rows[2].due_ms, FIXTURE_NOW_MS + SECOND_MS);
	store_reader_close(&reader);
}

/* A search for what is nowhere comes back after a bounded part of the store. */
static void test_pages_are_bounded(void **state)
{
	struct fixture *f = *state;
	enum {
		MANY = 25000
	};
	struct store_filter filter = { .target = f->other, .type = -1 };
	struct store_reader *reader;
	struct seen seen = { .name = "bounded" };
	struct store_page page = { .count_max = 10 };

	fixture_close(f);
	f->settings.max_backlog = MANY;
	fixture_open(f, FIXTURE_NOW_MS);
	MUST(f, store_begin(f->store, &f->err));
	for (int64_t n = 0; n < MANY; n++) {
		struct store_new_delivery delivery = { .target = f->app };
		struct store_event event = fixture_event(f, n, &delivery, 1);

		event.received_us = FIXTURE_NOW_MS * 1000;
		event.search_keys[0] = n < 2 ? 42 : n + 1000;
		MUST(f, append_now(f->store, &event, &f->err));
	}
	MUST(f, store_commit(f->store, &f->err));
	reader = open_reader(f);
	MUST(f, store_reader_list(reader, &filter, &page, keep_row, &seen, &f->err));
	assert_int_equal(seen.count, 0);
	assert_true(page.next > 0);
	page.next = 0;
	filter.target = -1;
	filter.type = 99;
	MUST(f, store_reader_list(reader, &filter, &page, keep_row, &seen, &f->err));
	assert_int_equal(seen.count, 0);
	assert_true(page.next > 0);
	page.next = 0;
	/* By key few are scanned. */
	filter.type = -1;
	filter.search_key = 42;
	MUST(f, store_reader_list(reader, &filter, &page, keep_row, &seen, &f->err));
	assert_int_equal(seen.count, 2);
	assert_int_equal(page.next, 0);
	store_reader_close(&reader);
}

struct seen_attempts {
	size_t count;
	struct store_attempt attempts[8];
};

static void keep_attempt(void *context, const struct store_attempt *attempt)
{
	struct seen_attempts *seen = context;

	assert_true(seen->count < ARRAY_COUNT(seen->attempts));
	assert_true(slice_is(attempt->answer, "answer"));
	seen->attempts[seen->count++] = *attempt;
}

static void test_attempts(void **state)
{
	struct fixture *f = *state;
	int64_t id = fixture_append(f, 1, true);
	struct store_verdict verdict = fixture_verdict(f, id, DELIVERY_WAITING);
	struct store_reader *reader = open_reader(f);
	struct seen_attempts seen = { 0 };

	for (int number = 1; number <= 3; number++) {
		struct store_claim claim;

		verdict.attempts = number;
		verdict.http_status = 500 + number;
		fixture_record(f, &verdict);
		claim = fixture_claim(f, f->app, FIXTURE_NOW_MS + DAY_MS);
		store_claimed_free(&claim.list);
	}
	MUST(f, store_reader_attempts(reader, id, keep_attempt, &seen, &f->err));
	assert_int_equal(seen.count, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(seen.attempts[i].target, f->app);
		assert_int_equal(seen.attempts[i].number, i + 1);
		assert_int_equal(seen.attempts[i].http_status, 501 + i);
		assert_int_equal(seen.attempts[i].started_ms, FIXTURE_NOW_MS);
		assert_int_equal(seen.attempts[i].duration_ms, 25);
	}
	seen.count = 0;
	MUST(f, store_reader_attempts(reader, id + 1, keep_attempt, &seen, &f->err));
	assert_int_equal(seen.count, 0);
	store_reader_close(&reader);
}

struct seen_quarantine {
	size_t count;
	int64_t ids[32];
};

static void keep_quarantined(void *context, const struct store_quarantine_row *row)
{
	struct seen_quarantine *seen = context;

	assert_true(seen->count < ARRAY_COUNT(seen->ids));
	assert_true(slice_is(row->reason, "json"));
	assert_true(slice_is(row->content_type, "application/json"));
	assert_int_equal(row->kind, 4);
	assert_int_equal(row->raw.size, 1);
	assert_int_equal(row->seen, row->raw.data[0] == 'a' ? 2 : 1);
	assert_int_equal(row->received_us, FIXTURE_NOW_MS * 1000);
	assert_int_equal(row->last_seen_us, FIXTURE_NOW_MS * 1000 + (row->seen - 1) * 5);
	seen->ids[seen->count++] = row->id;
}

static void test_quarantine(void **state)
{
	struct fixture *f = *state;
	static const char letters[] = "abcdefghija";
	struct store_reader *reader = open_reader(f);
	struct seen_quarantine seen = { 0 };
	struct store_page page = { .count_max = 3 };
	int pages_count = 0;

	MUST(f, store_begin(f->store, &f->err));
	for (size_t i = 0; i + 1 < sizeof(letters); i++) {
		struct store_quarantined quarantined = {
			.received_us = FIXTURE_NOW_MS * 1000 + (i == 10 ? 5 : 0),
			.source = f->source,
			.kind = 4,
			.reason = "json",
			.content_type = SLICE_LITERAL("application/json"),
			.raw = slice_of(letters + i, 1),
		};

		MUST(f, store_quarantine(f->store, &quarantined, &f->err));
	}
	MUST(f, store_commit(f->store, &f->err));
	do {
		assert_true(pages_count++ < 10);
		MUST(f, store_reader_quarantine(reader, &page, keep_quarantined, &seen, &f->err));
	} while (page.next != 0);
	assert_int_equal(seen.count, 10);
	for (size_t i = 1; i < seen.count; i++)
		assert_true(seen.ids[i] < seen.ids[i - 1]);
	MUST(f, store_reader_quarantined(reader, seen.ids[9], keep_quarantined, &seen, &f->err));
	assert_int_equal(seen.count, 11);
	assert_int_equal(seen.ids[10], seen.ids[9]);
	assert_int_equal(
		store_reader_quarantined(reader, seen.ids[0] + 1, keep_quarantined, &seen, &f->err),
		STATUS_NOT_FOUND);
	store_reader_close(&reader);
}

struct seen_names {
	struct fixture *fixture;
	size_t targets_count, sources_count;
};

static void check_target(void *context, uint16_t number, const char *name,
	const struct store_target_counts *counts, bool is_paused, const char *reason)
{
	struct seen_names *seen = context;
	struct store_target_counts want = store_counts(seen->fixture->store, number);

	assert_int_equal(number, seen->targets_count++);
	assert_string_equal(name, store_target_name(seen->fixture->store, number));
	assert_memory_equal(counts, &want, sizeof(want));
	assert_int_equal(is_paused, number == seen->fixture->other);
	assert_string_equal(reason, is_paused ? "gone" : "");
}

static void check_source(void *context, uint16_t number, const char *name)
{
	struct seen_names *seen = context;

	assert_int_equal(number, seen->sources_count++);
	assert_string_equal(name, store_source_name(seen->fixture->store, number));
}

static void test_names(void **state)
{
	struct fixture *f = *state;
	struct seen_names seen = { .fixture = f };
	struct store_reader *reader;

	append_many(f);
	MUST(f, store_begin(f->store, &f->err));
	MUST(f, store_pause(f->store, f->other, true, "gone", &f->err));
	MUST(f, store_commit(f->store, &f->err));
	reader = open_reader(f);
	MUST(f, store_reader_names(reader, check_target, check_source, &seen, &f->err));
	assert_int_equal(seen.targets_count, 2);
	assert_int_equal(seen.sources_count, 1);
	store_reader_close(&reader);
}

static void test_no_store(void **state)
{
	struct fixture *f = *state;
	struct store_settings settings = f->settings;
	struct store_reader *reader = NULL;
	char path[512];

	if (fixture_leave_out(f, STORE_SQLITE))
		return;
	snprintf(path, sizeof(path), "%s/none.db", f->folder);
	settings.path = path;
	assert_int_equal(store_reader_open(&settings, &reader, &f->err), STATUS_NOT_FOUND);
	assert_null(reader);
	assert_non_null(strstr(f->err.text, path));
}

static void read_secret(struct fixture *f, uint8_t secret_out[STORE_SECRET_SIZE])
{
	struct store_reader *reader = open_reader(f);

	MUST(f, store_reader_secret(reader, secret_out, &f->err));
	store_reader_close(&reader);
}

static void test_the_secret_stays(void **state)
{
	static const uint8_t none[STORE_SECRET_SIZE] = { 0 };
	uint8_t first[STORE_SECRET_SIZE], again[STORE_SECRET_SIZE];
	struct fixture *f = *state;

	read_secret(f, first);
	assert_memory_not_equal(first, none, sizeof(none));
	fixture_close(f);
	fixture_open(f, FIXTURE_NOW_MS);
	read_secret(f, again);
	assert_memory_equal(first, again, sizeof(first));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_lists),
		CONTRACT_TEST(test_a_row_has_everything),
		CONTRACT_TEST(test_sees_what_is_committed),
		CONTRACT_TEST(test_when_nobody_runs),
		CONTRACT_TEST(test_held_rows),
		CONTRACT_TEST(test_pages_are_bounded),
		CONTRACT_TEST(test_attempts),
		CONTRACT_TEST(test_quarantine),
		CONTRACT_TEST(test_names),
		CONTRACT_TEST(test_no_store),
		CONTRACT_TEST(test_the_secret_stays),
	};

	return contract_run("store reader", tests, ARRAY_COUNT(tests));
}
