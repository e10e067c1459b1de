/* SPDX-License-Identifier: MIT */
/*
 * event_row.h - an event on its way into the store, and out of it again
 *
 * Promise    The only place where an event becomes a row: what it is found by, what it is told from others by,
 *            and who gets it are the same however it came (from a sender, out of quarantine, from another store).
 * Threads    Pure; any.
 * Ownership  Rows and records borrow.
 */
#ifndef REPOSTAL_EVENT_ROW_H
#define REPOSTAL_EVENT_ROW_H

#include "repostal/event_route.h"
#include "repostal/parsed_event.h"
#include "repostal/store.h"
#include "repostal/store_reader.h"

/* source_name: what the row's number of a source stands for. */
struct event_record event_record_of_row(const struct store_row *row, struct slice source_name);
struct event_record event_record_of_claimed(const struct store_claimed *claimed);
struct event_record event_record_of_quarantined(
	const struct store_quarantine_row *row, struct slice source_name);

/* Without deliveries. parsed is the record's, and has no problem. */
struct store_event event_row(const struct event_record *record, const struct parsed_event *parsed,
	enum postal_event_type type);
/* Of one with a problem. */
struct store_quarantined event_quarantine_row(
	const struct event_record *record, enum bizmail_problem problem);

/* What its deliveries to a target with ordering = "message" wait for each other by. */
int64_t event_order_key(const struct parsed_event *parsed);
/* How many targets take the event by its source's routes, and a delivery for each that waits on disk. */
size_t event_takers_count(const struct routed_source *source, const struct parsed_event *parsed,
	enum postal_event_type type);
void event_takers_fill(const struct routed_source *source, const struct parsed_event *parsed,
	enum postal_event_type type, struct store_new_delivery *deliveries);

#endif
