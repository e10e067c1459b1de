/* SPDX-License-Identifier: MIT */
/*
 * steps.h - the steps that backend.c puts into the table of operations; backend/backend.h says what they do
 *
 * Threads    The store's.
 */
#ifndef REPOSTAL_STORE_POSTGRES_STEPS_H
#define REPOSTAL_STORE_POSTGRES_STEPS_H

#include "store.h"

/* batch.c */
enum status postgres_append(struct store *store, struct store_event *event, struct error *err);
enum status postgres_record(
	struct store *store, const struct store_verdict *verdict, struct error *err);
enum status postgres_claim(
	struct store *store, int64_t now_ms, struct store_claim *claim, struct error *err);

/* quarantine.c */
enum status postgres_quarantine(
	struct store *store, struct store_quarantined *quarantined, struct error *err);
enum status postgres_unquarantine(
	struct store *store, int64_t id, bool *found_out, struct error *err);

/* claim.c */
int64_t postgres_oldest_waiting_us(struct store *store, uint16_t target);

/* change.c */
enum status postgres_change(struct store *store, struct store_change *change, struct error *err);
enum status postgres_number_anew(struct store *store, int64_t event, uint16_t target, int more,
	int *number_out, bool *found_out, struct error *err);
enum status postgres_add_search_key(
	struct store *store, int64_t event, int64_t key, int64_t now_ms, struct error *err);
enum status postgres_pause(
	struct store *store, uint16_t target, bool paused, struct slice reason, struct error *err);

/* names.c */
enum status postgres_find_name(struct store *store, enum store_name_kind kind, const char *name,
	uint16_t *number_out, struct error *err);
enum status postgres_add_name(struct store *store, enum store_name_kind kind, const char *name,
	uint16_t *number_out, struct error *err);
enum status postgres_rename(struct store *store, enum store_name_kind kind, uint16_t number,
	const char *name, struct error *err);
enum status postgres_forget(struct store *store, struct store_forget *forget, struct error *err);

/* upkeep.c */
enum status postgres_recover(struct store *store, int64_t now_ms, struct error *err);
enum status postgres_poll(
	struct store *store, int64_t now_ms, const struct store_news *news, struct error *err);
/* At the end of the process: its leases end now, not later. */
void postgres_deregister(struct postgres_store *pg);

/* sweep.c */
enum status postgres_sweep(struct store *store, int64_t now_ms, bool *more_out, struct error *err);

#endif
