/* SPDX-License-Identifier: MIT */
/*
 * names.h - the names that a store knows, by number
 *
 * Promise    What the last commit left, without asking the database. A number that is free (nothing needs it
 *            any more) keeps its row, under a name that no configuration can have: so numbers stay without
 *            a gap, and it can be given to another name.
 * Threads    The store's.
 * Ownership  Names are copied; a name stays readable until the store is closed, also after its number was
 *            given to another one.
 */
#ifndef REPOSTAL_STORE_NAMES_H
#define REPOSTAL_STORE_NAMES_H

#include "backend.h"

/* The name of a number that is free. */
void store_free_name(uint16_t number, char name[STORE_NAME_SIZE_MAX]);

/* STATUS_FULL when there is no room for one more. */
enum status store_check_room(
	const struct store *store, enum store_name_kind kind, const char *name, struct error *err);
/* The next number of its kind has this name. */
void store_keep_name(struct store *store, enum store_name_kind kind, const char *name);
/* Another name for a number. */
void store_rename(
	struct store *store, enum store_name_kind kind, uint16_t number, const char *name);
/* A free number, or -1. */
int store_find_free(const struct store *store, enum store_name_kind kind);
/* For claims: "" for a number without a name, which only a damaged store can hold. */
const char *store_known_source_name(const struct store *store, uint16_t number);
/* For close(): names and pauses. */
void store_free_names(struct store *store);

#endif
