/* SPDX-License-Identifier: MIT */
/*
 * dispatcher_settings.h - what delivery is made from: targets, sources and how they are translated
 *
 * Promise    Immutable once handed over.
 * Ownership  The maker's (a generation); everything it points to outlives its use.
 */
#ifndef REPOSTAL_DISPATCHER_SETTINGS_H
#define REPOSTAL_DISPATCHER_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "repostal/signer.h"
#include "repostal/target_settings.h"
#include "repostal/translate.h"

/* What an event from this source is called and filled in with, by the store's source number. */
struct dispatcher_source {
	uint16_t number;
	const char *name;
	const struct translate_defaults *defaults; /* NULL: the source is configured no more */
};

struct dispatcher_settings {
	const struct target_settings *targets;
	const uint16_t *target_numbers; /* of the store, one for each target */
	const char *const *pauses; /* for each: NULL, or why it is paused at first; NULL: none is */
	size_t targets_count;
	const struct dispatcher_source *sources;
	size_t sources_count;
	const struct translate_settings *translate;
	const struct egress_settings *egress;
	const struct signer *signer;
	int signing_threads;
};

enum {
	DISPATCHER_IN_FLIGHT_MAX = 1024, /* attempts, over all targets: as many as targets can be */
};

#endif
