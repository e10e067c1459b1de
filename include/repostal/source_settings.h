/* SPDX-License-Identifier: MIT */
/*
 * source_settings.h - what the configuration says about one sender of events
 *
 * Promise    Immutable once loaded.
 * Ownership  Belongs to struct config.
 */
#ifndef REPOSTAL_SOURCE_SETTINGS_H
#define REPOSTAL_SOURCE_SETTINGS_H

#include <stdbool.h>

#include "repostal/address.h"

/* All that are given must hold. */
struct auth_settings {
	bool none;                   /* written out: everybody may post */
	char *token;                 /* NULL: not asked for; otherwise a secret */
	char *basic;                 /* "user:password"; NULL: not asked for; otherwise a secret */
	struct address_ranges allow; /* empty: every address */
};

/* What a source fills in where nothing better is known of a message. NULL or "": nothing. */
struct source_defaults {
	char *from;
	char *subject;
	char *tag;
};

struct source_settings {
	char *name;
	char *path; /* "/webhooks/bizmail": begins with '/', does not end in one */
	struct auth_settings auth;
	struct source_defaults defaults;
};

#endif
