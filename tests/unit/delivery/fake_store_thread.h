/* SPDX-License-Identifier: MIT */
/*
 * fake_store_thread.h - the store thread and the store behind it as a table in memory
 *
 * Promise    What delivery posts is carried out by fake_store_commit(), as store_thread.h promises: while the
 *            store fails, verdicts are kept, and everything else is refused.
 * Threads    One.
 */
#ifndef REPOSTAL_TESTS_FAKE_STORE_THREAD_H
#define REPOSTAL_TESTS_FAKE_STORE_THREAD_H

#include "repostal/parsed_event.h"
#include "repostal/store_thread.h"

enum {
	FAKE_STORE_RAW_SIZE_MAX = 256,
	FAKE_STORE_ROWS_MAX = 2048,
};

/* A delivery; its event has no other. */
struct fake_row {
	int64_t event; /* from one: row event - 1 */
	uint16_t target;
	uint8_t type;
	enum delivery_state state;
	int attempts;
	int64_t due_ms; /* Unix */
	int64_t happened_ms;
	bool is_replay;
	int as_new;
	bool is_untranslatable;
	/* of the last verdict */
	int verdicts; /* so many */
	int http_status;
	int transport;
	char answer[STORE_ANSWER_SIZE_MAX + 1];
};

void fake_store_reset(void);
struct store_thread *fake_store_thread(void);
/* A new row: waiting, due now. */
struct fake_row *fake_store_add(uint16_t target, uint8_t type);
struct fake_row *fake_store_row(int64_t event);
size_t fake_store_rows_count(void);
/* Its event as it arrived; the bytes are in raw. */
struct event_record fake_store_record(
	const struct fake_row *row, char raw[FAKE_STORE_RAW_SIZE_MAX]);
/* Carries out what was posted. */
void fake_store_commit(void);
void fake_store_fail(bool is_failing);
/* Verdicts that no commit holds yet. */
int fake_store_kept_count(void);
/* What was stored last of this target's pause; "": not paused. */
const char *fake_store_pause_reason(uint16_t target);
void fake_store_set_lease_until(int64_t monotonic_ms);

#endif
