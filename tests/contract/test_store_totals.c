/* SPDX-License-Identifier: MIT */
/* What is said of a whole store from outside, of every backend alike. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "repostal/store_backup.h"
#include "repostal/store_reader.h"

enum {
	EVENTS = 3,
	QUARANTINED = 2
};

static void fill(struct fixture *f)
{
	for (int64_t n = 0; n < EVENTS; n++)
		fixture_append(f, n, false);
	MUST(f, store_begin(f->store, &f->err));
	for (int64_t n = 0; n < QUARANTINED; n++) {
		struct store_quarantined quarantined = {
			.source = 0, .reason = "json", .raw = slice_of((const char *)&n, sizeof(n))
		};

		MUST(f, store_quarantine(f->store, &quarantined, &f->err));
	}
	MUST(f, store_commit(f->store, &f->err));
}

static void test_totals_are_of_the_configured_store(void **state)
{
	struct fixture *f = *state;
	struct store_settings settings = f->settings;
	struct store_reader *reader = NULL;
	struct store_totals totals;
	char elsewhere[] = "/nonexistent/repostal.db";

	fill(f);
	/* A path that belongs to another backend is not looked at. */
	if (settings.backend != STORE_SQLITE)
		settings.path = elsewhere;
	MUST(f, store_reader_open(&settings, &reader, &f->err));
	MUST(f, store_reader_totals(reader, &totals, &f->err));
	assert_int_equal(totals.quarantined, QUARANTINED);
	assert_true(totals.bytes > 0);
	if (settings.backend == STORE_SQLITE) {
		assert_int_equal(totals.bytes, store_bytes(f->store));
		assert_true(totals.changed_ms > 0);
		assert_int_equal(totals.gateways, -1);
	} else {
		assert_int_equal(totals.changed_ms, 0);
		assert_int_equal(totals.gateways, 1);
	}
	store_reader_close(&reader);
}

static void test_a_backup_says_what_it_holds_or_who_makes_it(void **state)
{
	struct fixture *f = *state;
	char path[512];
	struct store_backup backup = { .from = &f->settings, .to = path };
	enum status status;

	fill(f);
	snprintf(path, sizeof(path), "%s-copy",
		f->settings.path == NULL ? "/nonexistent" : f->settings.path);
	status = store_backup(&backup, &f->err);
	if (f->settings.backend != STORE_SQLITE) {
		assert_int_equal(status, STATUS_INVALID);
		assert_non_null(strstr(f->err.text, "pg_dump"));
		return;
	}
	assert_int_equal(status, STATUS_OK);
	assert_int_equal(backup.open, EVENTS);
	assert_int_equal(backup.quarantined, QUARANTINED);
	assert_int_equal(store_backup(&backup, &f->err), STATUS_INVALID);
	unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTRACT_TEST(test_totals_are_of_the_configured_store),
		CONTRACT_TEST(test_a_backup_says_what_it_holds_or_who_makes_it),
	};

	return contract_run("store totals", tests, ARRAY_COUNT(tests));
}
