/* SPDX-License-Identifier: MIT */
/* Names and their numbers, and what belongs to a target removed. */
#include <string.h>

#include "backend/names.h"
#include "batch.h"
#include "refresh.h"
#include "steps.h"

static enum status rename_in(struct postgres_store *pg, enum store_name_kind kind, uint16_t number,
	const char *name, struct error *err)
{
	struct postgres_params params;
	enum status status;

	postgres_params_init(&params);
	postgres_add_int4(&params, number);
	postgres_add_bytes(&params, slice_text(name));
	status = postgres_run(&pg->pipeline,
		kind == STORE_NAME_TARGET ? PG_TARGET_RENAME : PG_SOURCE_RENAME, &params, NULL,
		err);
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

/* Others may have it configured, and would continue to deliver to it under the new name. */
static enum status count_others(struct postgres_store *pg, int64_t *others_out, struct error *err)
{
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	enum status status;

	postgres_params_init(&params);
	postgres_add_int8(&params, 0);
	status = postgres_run(&pg->pipeline, PG_INSTANCE_COUNT, &params, &rows, err);
	*others_out = status == STATUS_OK ? postgres_int(&rows, 0, 0) - 1 : 0;
	postgres_rows_free(&rows);
	postgres_params_free(&params);
	return status;
}

/* Frees the numbers of names that nothing is left of. In a transaction, under the lock of names. */
static enum status free_unused(
	struct postgres_store *pg, enum store_name_kind kind, struct error *err)
{
	struct postgres_rows rows = { 0 };
	int64_t others = 0;
	enum status status = count_others(pg, &others, err);

	if (status != STATUS_OK || others > 0)
		return status;
	status = postgres_run(&pg->pipeline,
		kind == STORE_NAME_TARGET ? PG_TARGET_UNUSED : PG_SOURCE_UNUSED, NULL, &rows, err);
	for (int i = 0; status == STATUS_OK && i < rows.count; i++) {
		uint16_t number = (uint16_t)postgres_int(&rows, i, 0);
		char name[STORE_NAME_SIZE_MAX];

		if (number >= pg->base.names_count[kind] || pg->base.is_held[kind][number])
			continue;
		store_free_name(number, name);
		status = postgres_rename(&pg->base, kind, number, name, err);
	}
	postgres_rows_free(&rows);
	return status;
}

static enum status find_known_name(
	struct store *store, enum store_name_kind kind, const char *name, uint16_t *number_out)
{
	for (size_t i = 0; i < store->names_count[kind]; i++)
		if (strcmp(store->names[kind][i], name) == 0) {
			*number_out = (uint16_t)i;
			return STATUS_OK;
		}
	return STATUS_NOT_FOUND;
}

enum status postgres_find_name(struct store *store, enum store_name_kind kind, const char *name,
	uint16_t *number_out, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	enum status status = find_known_name(store, kind, name, number_out);

	if (status == STATUS_OK)
		return STATUS_OK;
	status = postgres_refresh_names(pg, NULL, err);
	return status == STATUS_OK ? find_known_name(store, kind, name, number_out) : status;
}

static enum status insert_name(struct postgres_store *pg, enum store_name_kind kind,
	const char *name, uint16_t number, struct error *err)
{
	struct postgres_params params;
	enum status status;

	postgres_params_init(&params);
	postgres_add_int4(&params, number);
	postgres_add_bytes(&params, slice_text(name));
	status = postgres_run(&pg->pipeline,
		kind == STORE_NAME_TARGET ? PG_TARGET_ADD : PG_SOURCE_ADD, &params, NULL, err);
	postgres_params_free(&params);
	return status;
}

static enum status reuse_number(struct postgres_store *pg, enum store_name_kind kind,
	const char *name, uint16_t *number_out, struct error *err)
{
	int number = store_find_free(&pg->base, kind);
	enum status status = STATUS_OK;

	if (number < 0) {
		status = free_unused(pg, kind, err);
		number = store_find_free(&pg->base, kind);
	}
	if (status == STATUS_OK && number < 0)
		return store_check_room(&pg->base, kind, name, err);
	if (status == STATUS_OK)
		status = postgres_rename(&pg->base, kind, (uint16_t)number, name, err);
	if (status == STATUS_OK)
		*number_out = (uint16_t)number;
	return status;
}

struct adding {
	enum store_name_kind kind;
	const char *name;
	uint16_t number;
	bool is_new; /* the number is */
};

/* Under the lock of names, with all that there are. */
static enum status add_locked(struct postgres_store *pg, void *argument, struct error *err)
{
	struct adding *adding = argument;
	enum status status = postgres_run(&pg->pipeline, PG_NAMES_LOCK, NULL, NULL, err);

	if (status == STATUS_OK)
		status = postgres_find_name(
			&pg->base, adding->kind, adding->name, &adding->number, err);
	if (status != STATUS_NOT_FOUND)
		return status;
	if (store_check_room(&pg->base, adding->kind, adding->name, err) != STATUS_OK)
		return reuse_number(pg, adding->kind, adding->name, &adding->number, err);
	adding->number = (uint16_t)pg->base.names_count[adding->kind];
	adding->is_new = true;
	return insert_name(pg, adding->kind, adding->name, adding->number, err);
}

enum status postgres_add_name(struct store *store, enum store_name_kind kind, const char *name,
	uint16_t *number_out, struct error *err)
{
	struct adding adding = { .kind = kind, .name = name };
	enum status status =
		postgres_transaction(postgres_store_of(store), add_locked, &adding, err);

	if (status != STATUS_OK)
		return status;
	if (adding.is_new)
		store_keep_name(store, kind, name);
	*number_out = adding.number;
	return STATUS_OK;
}

enum status postgres_forget(struct store *store, struct store_forget *forget, struct error *err)
{
	struct postgres_store *pg = postgres_store_of(store);
	struct postgres_params params;
	struct postgres_rows rows = { 0 };
	enum status status = postgres_ensure_begun(&pg->pipeline, err);

	postgres_params_init(&params);
	postgres_add_int4(&params, forget->target);
	postgres_add_int8(&params, forget->after);
	if (status == STATUS_OK)
		status = postgres_run(&pg->pipeline, PG_TARGET_FORGET, &params, &rows, err);
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
