/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <stdio.h>
#include <stdlib.h>

#include "repostal/memory.h"

/* No name in a configuration begins with it. */
static const char free_mark = '~';

static const size_t names_max[STORE_NAME_KIND_COUNT] = {
	[STORE_NAME_TARGET] = STORE_TARGETS_MAX,
	[STORE_NAME_SOURCE] = STORE_SOURCES_MAX,
};

enum status store_check_room(
	const struct store *store, enum store_name_kind kind, const char *name, struct error *err)
{
	if (store->names_count[kind] < names_max[kind])
		return STATUS_OK;
	error_set(err,
		"store: no room for the name '%s': %zu are in use; repostal target forget removes "
		"those of "
		"targets",
		name, store->names_count[kind]);
	return STATUS_FULL;
}

void store_keep_name(struct store *store, enum store_name_kind kind, const char *name)
{
	REPOSTAL_ASSERT(store->names_count[kind] < names_max[kind]);
	store->names[kind][store->names_count[kind]++] = memory_copy_text(name);
}

/* Others may still read the old one. */
void store_rename(struct store *store, enum store_name_kind kind, uint16_t number, const char *name)
{
	REPOSTAL_ASSERT(number < store->names_count[kind]);
	store->retired = memory_regrow(store->retired, store->retired_count + 1, sizeof(char *));
	store->retired[store->retired_count++] = store->names[kind][number];
	store->names[kind][number] = memory_copy_text(name);
	if (kind != STORE_NAME_TARGET)
		return;
	pauses_add(&store->pauses, number, false, slice_of("", 0));
	pauses_commit(&store->pauses);
	store->max_open[number] = 0;
}

void store_free_names(struct store *store)
{
	for (size_t kind = 0; kind < STORE_NAME_KIND_COUNT; kind++)
		for (size_t number = 0; number < store->names_count[kind]; number++)
			free(store->names[kind][number]);
	for (size_t i = 0; i < store->retired_count; i++)
		free(store->retired[i]);
	free(store->retired);
	pauses_free(&store->pauses);
}

bool store_name_is_free(const char *name)
{
	return name[0] == free_mark;
}

void store_free_name(uint16_t number, char name[STORE_NAME_SIZE_MAX])
{
	snprintf(name, STORE_NAME_SIZE_MAX, "%c%d", free_mark, number);
}

int store_find_free(const struct store *store, enum store_name_kind kind)
{
	for (size_t i = 0; i < store->names_count[kind]; i++)
		if (store_name_is_free(store->names[kind][i]) && !store->is_held[kind][i])
			return (int)i;
	return -1;
}

size_t store_targets_count(const struct store *store)
{
	return store->names_count[STORE_NAME_TARGET];
}

size_t store_sources_count(const struct store *store)
{
	return store->names_count[STORE_NAME_SOURCE];
}

const char *store_target_name(const struct store *store, uint16_t number)
{
	REPOSTAL_ASSERT(number < store_targets_count(store));
	return store->names[STORE_NAME_TARGET][number];
}

const char *store_source_name(const struct store *store, uint16_t number)
{
	REPOSTAL_ASSERT(number < store_sources_count(store));
	return store->names[STORE_NAME_SOURCE][number];
}

const char *store_known_source_name(const struct store *store, uint16_t number)
{
	return number < store_sources_count(store) ? store_source_name(store, number) : "";
}
