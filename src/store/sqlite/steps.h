/* SPDX-License-Identifier: MIT */
/*
 * steps.h - the steps that backend.c puts into the table of operations; backend/backend.h says what they do
 *
 * Threads    The store's.
 */
#ifndef REPOSTAL_STORE_SQLITE_STEPS_H
#define REPOSTAL_STORE_SQLITE_STEPS_H

#include "store.h"

/* event.c */
enum status sqlite_append(struct store *store, struct store_event *event, struct error *err);
enum status sqlite_quarantine(
	struct store *store, struct store_quarantined *quarantined, struct error *err);

/* delivery.c */
enum status sqlite_recover(struct store *store, int64_t now_ms, struct error *err);
enum status sqlite_record(
	struct store *store, const struct store_verdict *verdict, struct error *err);
enum status sqlite_claim(
	struct store *store, int64_t now_ms, struct store_claim *claim, struct error *err);
int64_t sqlite_oldest_waiting_us(struct store *store, uint16_t target);

/* names.c */
enum status sqlite_find_name(struct store *store, enum store_name_kind kind, const char *name,
	uint16_t *number_out, struct error *err);
enum status sqlite_add_name(struct store *store, enum store_name_kind kind, const char *name,
	uint16_t *number_out, struct error *err);
enum status sqlite_rename(struct store *store, enum store_name_kind kind, uint16_t number,
	const char *name, struct error *err);
enum status sqlite_forget(struct store *store, struct store_forget *forget, struct error *err);

/* change.c */
enum status sqlite_change(struct store *store, struct store_change *change, struct error *err);
enum status sqlite_number_anew(struct store *store, int64_t event, uint16_t target, int more,
	int *number_out, bool *found_out, struct error *err);
enum status sqlite_add_search_key(
	struct store *store, int64_t event, int64_t key, int64_t now_ms, struct error *err);
enum status sqlite_pause(
	struct store *store, uint16_t target, bool paused, struct slice reason, struct error *err);
enum status sqlite_unquarantine(
	struct store *store, int64_t id, bool *found_out, struct error *err);

/* sweep.c */
enum status sqlite_sweep(struct store *store, int64_t now_ms, bool *more_out, struct error *err);

#endif
