/* SPDX-License-Identifier: MIT */
/* Names that are added, and targets that are forgotten: a free number is used again when there is no other. */
#include "backend/names.h"

#include <string.h>

#include "repostal/memory.h"

static enum status register_name(struct store *store, enum store_name_kind kind, const char *name,
	uint16_t *number_out, struct error *err)
{
	size_t size = strlen(name);
	enum status status;

	REPOSTAL_ASSERT(store->transaction == TRANSACTION_NONE);
	if (size == 0 || size > STORE_NAME_SIZE_MAX || store_name_is_free(name)) {
		error_set(err, "store: a name has 1 to %d bytes, '%.80s' has %zu",
			STORE_NAME_SIZE_MAX, name, size);
		return STATUS_INVALID;
	}
	status = store->ops->find_name(store, kind, name, number_out, err);
	if (status == STATUS_NOT_FOUND)
		status = store->ops->add_name(store, kind, name, number_out, err);
	if (status == STATUS_OK)
		store->is_held[kind][*number_out] = true;
	return status;
}

enum status store_register_target(
	struct store *store, const char *name, uint16_t *number_out, struct error *err)
{
	return register_name(store, STORE_NAME_TARGET, name, number_out, err);
}

enum status store_register_source(
	struct store *store, const char *name, uint16_t *number_out, struct error *err)
{
	return register_name(store, STORE_NAME_SOURCE, name, number_out, err);
}

static enum status forget_portion(struct store *store, void *argument, struct error *err)
{
	return store->ops->forget(store, argument, err);
}

enum status store_forget(struct store *store, struct store_forget *forget, struct error *err)
{
	char name[STORE_NAME_SIZE_MAX];
	enum status status;

	REPOSTAL_ASSERT(forget->target < store->names_count[STORE_NAME_TARGET]);
	if (store_counts(store, forget->target).open > 0) {
		error_set(err, "store: deliveries to '%s' are open: discard them first",
			store_target_name(store, forget->target));
		return STATUS_FULL;
	}
	if (store_differing(store) > 0) {
		error_set(err,
			"store: other processes are configured differently: reload them first");
		return STATUS_BUSY;
	}
	status = store_transaction(store, forget_portion, forget, err);
	if (status != STATUS_OK || !forget->done)
		return status;
	store_free_name(forget->target, name);
	return store->ops->rename(store, STORE_NAME_TARGET, forget->target, name, err);
}
