/* SPDX-License-Identifier: MIT */
/*
 * generation.h - one configuration at work, and everything that is derived from it
 *
 * Promise    A generation never changes after generation_register(). Before that its inbound view may be
 *            shown already, as one that takes no events. A reload makes a new one beside
 *            the old, which lives until nobody uses it any more: requests, deliveries and the API each
 *            see one configuration from their beginning to their end.
 * Threads    Made on the main thread; held and released on any.
 * Ownership  Counted: the maker has the first reference, which generation_release() gives up.
 * Errors     STATUS_INVALID: a key cannot be loaded.
 */
#ifndef REPOSTAL_GENERATION_H
#define REPOSTAL_GENERATION_H

#include <pthread.h>

#include "repostal/admin.h"
#include "repostal/buf.h"
#include "repostal/config.h"
#include "repostal/dispatcher_settings.h"
#include "repostal/inbound.h"
#include "repostal/store.h"

struct generation {
	int64_t number; /* 1 at the start, one more with each reload */
	const struct config *config;
	struct signer *signer;
	struct buf jwks;
	int64_t config_mark;                    /* store_set_config_mark() */
	uint16_t *target_numbers;               /* of the store, for each configured target */
	const char **pauses;                    /* for each: NULL, or why it is paused */
	struct routed_source *sources;          /* for each configured source */
	struct event_route *routes;             /* targets_count for each source */
	struct event_rules rules;               /* of these */
	struct admin_certificate *certificates; /* each file once */
	size_t certificates_count;
	struct inbound_view inbound;
	struct dispatcher_settings dispatcher;
	_Atomic int references;
};

enum {
	GENERATION_FINGERPRINT_SIZE = 17
};

/* Takes the configuration in every case. */
enum status generation_new(struct config **config_taken, int64_t number,
	struct generation **generation_out, struct error *err);

/*
 * Gets its numbers from the store, and lays the routes. On the thread that owns the store; again after a
 * failure. inbound_open() comes after it.
 */
enum status generation_register(
	struct generation *generation, struct store *store, struct error *err);

/* Where the present generation is found by other threads. */
struct generation_slot {
	pthread_mutex_t mutex;
	struct generation *generation; /* a reference */
};

/* A reference for the caller; NULL before the start and after the end. */
struct generation *generation_slot_hold(struct generation_slot *slot);
/* Takes a reference of generation (NULL: empties the slot) and gives up the one it had. */
void generation_slot_set(struct generation_slot *slot, struct generation *generation_taken);

void generation_hold(struct generation *generation);
void generation_release(struct generation **generationp);

/* Sixteen hexadecimal digits. */
void generation_fingerprint(
	const struct generation *generation, char out[GENERATION_FINGERPRINT_SIZE]);

#endif
