/* SPDX-License-Identifier: MIT */
/*
 * dispatcher_private.h - the dispatcher's insides, for the files that share them
 *
 *   dispatcher.c   the delivery thread and its life
 *   handoff.c      what comes from other threads and goes to them: slots, envelopes, claims, verdicts
 *   reconfigure.c  what people want: pause, resume, a new configuration
 *   target_test.c  a sample envelope, because an operator asks
 */
#ifndef REPOSTAL_DELIVERY_DISPATCHER_PRIVATE_H
#define REPOSTAL_DELIVERY_DISPATCHER_PRIVATE_H

#include <semaphore.h>

#include "repostal/dispatcher.h"
#include "sign_pool.h"
#include "target/target.h"

/* What people want; posted from their threads, freed on the delivery thread. */
struct control {
	struct mailbox_item item;
	enum {
		CONTROL_PAUSE,
		CONTROL_RESUME,
		CONTROL_RELOAD,
		CONTROL_TEST
	} kind;
	struct target *target;
	struct test *test;
	struct reload *reload;
};

/* A new configuration, complete and good; dispatcher_reload() waits for applied. */
struct reload {
	struct dispatcher_settings settings;
	struct outbound_target **clients; /* one for each enabled target */
	sem_t applied;
};

struct dispatcher {
	struct dispatcher_settings settings;
	struct store_thread *store;
	struct outbound *outbound;
	struct sign_pool *_Atomic sign_pool; /* NULL: signing was never on */
	struct target *_Atomic by_number[STORE_TARGETS_MAX];
	struct target *targets[STORE_TARGETS_MAX]; /* every one that ever was; never taken away */
	size_t targets_count;
	_Atomic bool is_disabled[STORE_TARGETS_MAX]; /* configured, with enabled = false */
	_Atomic int64_t memory_size;
	_Atomic int signing; /* outgoing between the store and the delivery thread */
	struct dispatcher_metrics metrics;
	const char *jwks_url; /* NULL: not known */

	struct mailbox_chain offered; /* the store thread's: until dispatcher_flush() */

	struct mailbox controls; /* struct control: what people want */
	struct mailbox ready;    /* outgoing, signed */
	struct mailbox looks;    /* targets: something waits on disk */
	struct mailbox claims;   /* claim requests that are done */

	pthread_mutex_t tests_mutex;
	bool tests_closed; /* no test is posted any more */

	/* the delivery thread's */
	pthread_t thread;
	struct test *tests; /* under way */
	bool is_running;
	struct target *attention;
	struct places places; /* of attempts in flight, for all targets */
	int fair_share;
	struct log_limit short_lines;
	struct mailbox_chain verdicts;
	int64_t timer_ms; /* Unix; when the first target wakes */
	int64_t oldest_noted_ms;
	int claims_out;
	int slots;                        /* of each target */
	struct outbound_target **retired; /* until their last request is back */
	size_t retired_count;
	_Atomic int64_t stop_by_ms; /* monotonic; 0: not stopping */
};

/* handoff.c, on the delivery thread: takes what has arrived. */
void dispatcher_take_ready(struct dispatcher *dispatcher);
void dispatcher_take_looks(struct dispatcher *dispatcher);
void dispatcher_take_claims(struct dispatcher *dispatcher, int64_t now_ms);
/* On a signing thread. */
void dispatcher_on_signed(void *context, struct outgoing *outgoing);

/* target_test.c */
/* Any thread: the delivery thread gets it, and calls _start_test(). In reconfigure.c. */
void dispatcher_post_test(struct dispatcher *dispatcher, struct target *target, struct test *test);
/* On the delivery thread. */
void dispatcher_start_test(struct dispatcher *dispatcher, struct target *target, struct test *test);
/* False: the request is none of a test. */
bool dispatcher_end_test(
	struct dispatcher *dispatcher, void *request, const struct client_result *result);
/* At the end: those that still wait are told. */
void dispatcher_close_tests(struct dispatcher *dispatcher);

/* reconfigure.c */
void dispatcher_take_controls(struct dispatcher *dispatcher);
enum status dispatcher_open_targets(struct dispatcher *dispatcher, struct error *err);
enum status dispatcher_start_signing(
	struct dispatcher *dispatcher, const struct signer *signer, int threads, struct error *err);

#endif
