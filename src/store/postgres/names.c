/* SPDX-License-Identifier: MIT */
/* What is seldom done to names: a number given to another one, what belongs to a target removed. */
#include <stdio.h>

#include "store.h"

static enum status rename_in(struct postgres_store *pg, enum store_name_kind kind, uint16_t number,
	const char *name, struct error *err)
{
	struct postgres_params params;
	enum status status;

	postgres_params_init(&params);
	postgres_add_int4(&params, number);
	postgres_add_bytes(&params, slice_text(name));
	status = postgres_run(pg, kind == STORE_NAME_TARGET ? PG_TARGET_RENAME : PG_SOURCE_RENAME,
		&params, NULL, err);
	postgres_params_free(&params);
	return status;
}

enum status postgres_rename(struct store *store, enum store_name_kind kind, uint16_t number,
	const char *name, struct error *err)
{
	enum status status = rename_in(postgres_store_of(store), kind, number, name, err);

	if (status == STATUS_OK)
		store_rename(store, kind, number, name);
	return status;
}

/* Others may have it configured, and would go on delivering to it under the new name. */
static enum status count_others(struct postgres_store *pg, int64_t *others_out, struct error *err)
{
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	enum status status;

	postgres_params_init(&params);
	postgres_add_int8(&params, 0);
	status = postgres_run(pg, PG_INSTANCE_COUNT, &params, &rows, err);
	*others_out = status == STATUS_OK ? postgres_int(&rows, 0, 0) - 1 : 0;
	postgres_rows_free(&rows);
	postgres_params_free(&params);
	return status;
}

/* In a transaction, under the lock of names. */
enum status postgres_free_unused(
	struct postgres_store *pg, enum store_name_kind kind, struct error *err)
{
	struct postgres_rows rows = { 0 };
	int64_t others = 0;
	enum status status = count_others(pg, &others, err);

	if (status != STATUS_OK || others > 0)
		return status;
	status = postgres_run(pg, kind == STORE_NAME_TARGET ? PG_TARGET_UNUSED : PG_SOURCE_UNUSED,
		NULL, &rows, err);
	for (int i = 0; status == STATUS_OK && i < rows.count; i++) {
		uint16_t number = (uint16_t)postgres_int(&rows, i, 0);
		char name[STORE_NAME_SIZE_MAX];

		if (number >= pg->base.names_count[kind] || pg->base.is_held[kind][number])
			continue;
		snprintf(name, sizeof(name), STORE_NAME_FREE "%d", number);
		status = postgres_rename(&pg->base, kind, number, name, err);
	}
	postgres_rows_free(&rows);
	return status;
}

enum status postgres_forget(struct store *store, struct store_forget *forget, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	enum status status = postgres_ensure_begun(pg, err);

	postgres_params_init(&params);
	postgres_add_int4(&params, forget->target);
	postgres_add_int8(&params, forget->after);
	if (status == STATUS_OK)
		status = postgres_run(pg, PG_TARGET_FORGET, &params, &rows, err);
	if (status == STATUS_OK && rows.count > 0) {
		forget->done = postgres_int(&rows, 0, 0) == 0;
		forget->after = postgres_int(&rows, 0, 0);
		store_counters_add(&store->counters, forget->target,
			(struct store_target_counts){ .dead = -postgres_int(&rows, 0, 1) });
	}
	postgres_rows_free(&rows);
	postgres_params_free(&params);
	return status;
}
