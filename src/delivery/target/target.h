/* SPDX-License-Identifier: MIT */
/*
 * target.h - one receiver: its queues, slots, breaker and rate
 *
 * Promise    target_serve() starts what may start now and asks the disk for more; it is the only place
 *            that decides so. Nothing here waits.
 * Threads    The delivery thread, except for the members under "shared".
 * Ownership  A delivery in a queue or in flight is the target's; from its verdict on, the store
 *            thread's, which ends it.
 */
#ifndef REPOSTAL_DELIVERY_TARGET_H
#define REPOSTAL_DELIVERY_TARGET_H

#include <pthread.h>

#include "client/outbound.h"
#include "queue/lane.h"
#include "queue/places.h"
#include "repostal/breaker.h"
#include "repostal/dispatcher.h"
#include "repostal/log.h"
#include "repostal/rate.h"

#define TARGET_TYPES_ALL ((1U << STORE_TYPES) - 1)

enum {
	TARGET_SLOTS_MAX = 256, /* events straight from intake, for each target */
	TARGET_SLOTS_MIN = 16,
	TARGET_SLOTS_ALL = 4096, /* shared out among all targets */
	TARGET_CLAIM_MAX = 256,  /* ready deliveries from the disk, for each target */
	TARGET_CLAIM_SIZE_MAX = 1024 * 1024,
	TARGET_INTERRUPTED_MAX = 3,   /* attempts beyond the schedule that crashes may cost */
	TARGET_CLAIM_RETRY_MS = 1000, /* after the store refused */
	TARGET_CLAIM_PAUSE_MS = 20,   /* while too many verdicts wait for the disk */
	TARGET_REST_MIN_MS = 1000,    /* after a 429 */
};

/* What a receiver can make us say, each with a limit of its own. */
struct target_lines {
	struct log_limit retry;
	struct log_limit dead;
	struct log_limit backlog_full; /* more waits for it than it may have */
	struct log_limit breaker_opened;
	struct log_limit breaker_closed;
	struct log_limit refused; /* a type that it never takes */
	struct log_limit paused;
	struct log_limit key_unknown;
	struct log_limit pause_not_stored;
};

struct target {
	struct dispatcher *dispatcher;
	struct target_settings settings; /* a copy; what it points to is the configuration's */
	char *orphan_name; /* what settings.name points to when the configuration has it no more */
	uint16_t number;
	struct target_metrics metrics;

	/* shared */
	_Atomic int slots_free;
	_Atomic unsigned accepting;    /* bit 1 << type: slots may be taken */
	_Atomic bool look_posted;      /* look_item is on its way */
	_Atomic int claimed_held;      /* claimed deliveries whose verdict is not on disk yet */
	struct mailbox_item look_item; /* posted: something waits on disk */
	_Atomic unsigned look_types;   /* bit 1 << type: of these */
	pthread_mutex_t error_mutex;
	struct target_error last_error; /* written by the delivery thread only */

	/* the delivery thread's */
	struct outbound_target *client;
	struct lane lanes[STORE_TYPES]; /* by type of event */
	unsigned turn;                  /* whose turn it is: a type, after reduction */
	struct delivery_queue flying;
	struct seat seat; /* what it has of the places in flight */
	int retries_flying;
	struct breaker breaker; /* opened by what says that the receiver is away */
	struct rate rate;
	bool configured;
	bool paused;
	bool paused_by_receiver; /* 410: a changed configuration resumes it */
	bool pause_posted;
	bool has_delivered; /* since the start, or since its settings changed */
	bool is_key_hinted; /* said in the log */
	struct store_pause_request pause;
	int64_t not_before_ms; /* monotonic; the receiver asked for a rest (429) */
	bool claiming;         /* the claim is at the store */
	struct store_claim_request claim;
	int64_t wakes_ms; /* Unix; when target_serve() is to run next without a reason */
	bool in_attention;
	struct target *next_in_attention;
	struct target_lines lines;
};

struct target *target_new(struct dispatcher *dispatcher, const struct target_settings *settings,
	uint16_t number, int slots);
void target_free(struct target **targetp);

/*
 * Takes new settings, and a client made for them; the one of the two clients that is not needed any
 * more is returned, to be closed when it is idle. A changed target that its receiver had paused is
 * resumed.
 */
struct outbound_target *target_reconfigure(struct target *target,
	const struct target_settings *settings, struct outbound_target *client_taken);
/* The configuration has it no more: what waits for it stays where it is. */
void target_orphan(struct target *target);
void target_set_paused(struct target *target, bool paused);

/* Something of these types (bit 1 << type) may be due on the disk. */
void target_look(struct target *target, unsigned types);
/* A signed or unsigned, complete delivery is ready to go. */
void target_enqueue(struct target *target, struct delivery *delivery);
void target_serve(struct target *target, int64_t now_ms);
/* The claim came back from the store; its list is the caller's to work off. */
void target_claim_done(struct target *target, int64_t now_ms);
/* Gives what is ready, not started, back to the disk. */
void target_release_ready(struct target *target, int64_t now_ms);
void target_note_oldest(struct target *target);

/* verdict.c: what follows from a result. */
void target_on_result(
	struct target *target, struct delivery *delivery, const struct client_result *result);
/* Ends what is not sent any more. reason: a word, as in the log; cause: in words, kept in its history. */
void target_give_up(struct target *target, struct delivery *delivery, enum transport transport,
	const char *reason, const char *cause);
/* Because it is older than give_up.age. */
void target_give_up_old(struct target *target, struct delivery *delivery);
void target_release(struct target *target, struct delivery *delivery, int64_t due_ms);

/* What receivers check signatures by. */
struct dispatcher_key {
	const char *id; /* "": signing is off */
	const char *jwks_url;
};

/* dispatcher.c: what a target may ask of it. */
struct dispatcher_key dispatcher_key(const struct dispatcher *dispatcher);
void dispatcher_post_verdict(struct dispatcher *dispatcher, struct delivery *delivery);
void dispatcher_post_pause(struct dispatcher *dispatcher, struct target *target);
void dispatcher_post_claim(struct dispatcher *dispatcher, struct target *target);
int64_t dispatcher_lease_until_ms(struct dispatcher *dispatcher); /* monotonic */
/* Of a number that is not to be delivered to: disabled, or configured no more. */
enum target_state dispatcher_idle_state(struct dispatcher *dispatcher, uint16_t number);
void dispatcher_attend(struct dispatcher *dispatcher, struct target *target);
/* A place in flight; false: it comes by turns, and target_serve() is called when it does. */
bool dispatcher_take_place(struct dispatcher *dispatcher, struct target *target);
void dispatcher_give_place_back(struct dispatcher *dispatcher, struct target *target);
/* An attempt was not made for want of descriptors; the time until others are. */
int64_t dispatcher_run_short(struct dispatcher *dispatcher);
/* What each target may keep ready, in attempts. */
int dispatcher_fair_share(const struct dispatcher *dispatcher);
void dispatcher_note_latency(struct dispatcher *dispatcher, const struct delivery *delivery);

#endif
