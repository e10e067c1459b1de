/* SPDX-License-Identifier: MIT */
/*
 * target.h - one receiver: its queues, slots, breakers and rate
 *
 * Promise    What a target is, and how it changes when people want it to. What is done with it stands above:
 *            attempt/claim and attempt/attempt begin a delivery, attempt/verdict ends it, attempt/serve decides when.
 *            Nothing here waits.
 * Threads    The delivery thread, except for the members under "shared" and what says so.
 * Ownership  A delivery in a queue or in flight is the target's; from its verdict on, the store
 *            thread's, which ends it.
 */
#ifndef REPOSTAL_DELIVERY_TARGET_H
#define REPOSTAL_DELIVERY_TARGET_H

#include <pthread.h>

#include "client/outbound.h"
#include "queue/lane.h"
#include "queue/places.h"
#include "queue/run_queue.h"
#include "repostal/breaker.h"
#include "repostal/delivery_status.h"
#include "repostal/rate.h"
#include "target_lines.h"
#include "target_shared.h"

#define TARGET_TYPES_ALL ((1U << STORE_TYPES) - 1)

/* Why a target is paused when its receiver said so. */
#define TARGET_GONE_REASON "the receiver answered 410 Gone"

struct target {
	struct target_shared *shared;
	struct target_settings settings; /* a copy; what it points to is the configuration's */
	char *unconfigured_name; /* what settings.name points to when the configuration has it no more */
	uint16_t number;
	struct target_metrics metrics;
	struct target_lines lines;

	/* shared */
	_Atomic int slots_free;
	_Atomic unsigned accepting;    /* bit 1 << type: slots may be taken */
	_Atomic int claimed_held;      /* claimed deliveries whose verdict is not on disk yet */
	_Atomic unsigned wake_types;   /* bit 1 << type: of these something waits on disk */
	_Atomic bool is_wake_posted;   /* wake_item is on its way */
	struct mailbox_item wake_item; /* of the inbox */
	pthread_mutex_t error_mutex;
	struct target_error last_error; /* written by the delivery thread only */

	/* the delivery thread's */
	struct outbound_target *client;
	struct lane lanes[STORE_TYPES]; /* by type of event */
	unsigned turn;                  /* whose turn it is: a type, after reduction */
	struct delivery_queue in_flight;
	int retries_in_flight;
	struct seat seat; /* what it has of the places in flight */
	struct run_entry run;
	struct breaker breaker; /* opened by what says that the receiver is away */
	struct rate rate;
	bool is_configured;
	bool is_disabled; /* of one that is not configured: it is, with enabled = false */
	bool is_paused;
	bool is_paused_by_receiver; /* 410: a changed configuration resumes it */
	bool has_delivered;         /* since the start, or since its settings changed */
	bool is_key_hinted;         /* said in the log */
	bool is_claiming;           /* the claim is at the store */
	struct store_claim_request claim;
	struct mailbox_item claim_item; /* of the inbox: the claim is back */
	int64_t backoff_until_ms;       /* monotonic; the receiver asked for time (429) */
	int64_t serve_at_ms;            /* Unix; when it is to be served next without a reason */
};

struct target *target_new(struct target_shared *shared, const struct target_settings *settings,
	uint16_t number, int slots);
void target_free(struct target **targetp);

/*
 * Takes new settings, and a client made for them; the one of the two clients that is not needed any
 * more is returned, to be closed when it is idle. A changed target that its receiver had paused is
 * resumed.
 */
struct outbound_target *target_reconfigure(struct target *target,
	const struct target_settings *settings, struct outbound_target *client_taken);
/* The configuration has it no more, or disables it: what waits for it stays where it is. */
void target_unconfigure(struct target *target, bool is_disabled);

void target_set_paused(struct target *target, bool paused);
/* The receiver does not want anything any more. */
void target_pause_by_receiver(struct target *target);
/* Any thread: target_set_paused(), when the delivery thread takes the item with target_take_pause(). */
void target_post_pause(struct target *target, bool paused);
void target_take_pause(struct mailbox_item *item);

/* Something of these types (bit 1 << type) may be due on the disk, as far as the target may take it. */
void target_wake(struct target *target, unsigned types);
/* Any thread: target_wake(), when the delivery thread takes the item with target_take_wake(). */
void target_post_wake(struct target *target, unsigned types);
void target_take_wake(struct mailbox_item *item);

/* Any thread: this delivery is one to this target, with its first attempt before it. */
void target_address(struct target *target, struct delivery *delivery, uint8_t type);
/* Signed or unsigned and complete, it is ready to go. */
void target_enqueue(struct target *target, struct delivery *delivery);
struct lane *target_lane_of(struct target *target, const struct delivery *delivery);
/* It waits on the disk until then. */
void target_note_due(struct target *target, const struct delivery *delivery, int64_t due_ms);
int target_ready_count(const struct target *target);

#endif
