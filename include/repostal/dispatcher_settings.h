/* SPDX-License-Identifier: MIT */
/*
 * dispatcher_settings.h - what delivery is made from: targets, and the rules of events
 *
 * Promise    Immutable once handed over.
 * Ownership  The maker's (a generation); everything it points to outlives its use.
 */
#ifndef REPOSTAL_DISPATCHER_SETTINGS_H
#define REPOSTAL_DISPATCHER_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "repostal/event_route.h"
#include "repostal/signer.h"
#include "repostal/target_settings.h"

struct dispatcher_settings {
	const struct target_settings *targets;
	const uint16_t *target_numbers; /* of the store, one for each target */
	const char *const *pauses; /* for each: NULL, or why it is paused at first; NULL: none is */
	size_t targets_count;
	struct event_rules rules;
	const struct egress_settings *egress;
	const struct signer *signer;
	int signing_threads;
};

enum {
	DISPATCHER_IN_FLIGHT_MAX = 1024, /* attempts, over all targets: as many as targets can be */
};

#endif
