/* SPDX-License-Identifier: MIT */
/*
 * outgoing.h - an event on its way out, and the deliveries that share its envelope
 *
 * Promise    Envelope and signature are made once for an event, after its commit and whatever the number of
 *            targets; after that an outgoing only changes in its deliveries.
 * Threads    Handed from thread to thread with the mailboxes; each delivery has one owner at a
 *            time, the references are atomic.
 * Ownership  Each delivery counts as one reference. The last outgoing_release() frees.
 */
#ifndef REPOSTAL_OUTGOING_H
#define REPOSTAL_OUTGOING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/event_route.h"
#include "repostal/mailbox.h"
#include "repostal/parsed_event.h"
#include "repostal/signer.h"
#include "repostal/slice.h"
#include "repostal/store_thread.h"

struct target;

/* One event on its way to one target: in memory from the lease until its verdict is on disk. */
struct delivery {
	struct delivery *next, **previous; /* in its target's queue, or among those in flight */
	struct outgoing *outgoing;
	struct target *target;
	int attempts;   /* the coming one counted */
	bool is_replay; /* was tried before, and then taken up again by an operator */
	uint8_t type;   /* below STORE_TYPES: what it is queued as */
	bool claimed;   /* came from the disk, not straight from intake */
	char *answer;   /* what the verdict keeps; freed with the delivery's end */
	struct store_verdict_request verdict;
};

struct outgoing {
	struct mailbox_item item; /* on the way to signing, or to the dispatcher */
	_Atomic int references;
	int64_t event; /* of the store; set once it is committed, as the lease */
	int64_t lease;
	int64_t received_us;
	uint16_t source;       /* of the store */
	struct origin *origin; /* what the envelope is made of; NULL: it is made, or cannot be */
	char *problem;         /* why it cannot be; else NULL */
	struct slice body;     /* the envelope */
	int64_t happened_ms;   /* Unix: its timestamp */
	struct signature *signature; /* NULL: signing is off */
	size_t memory_size;          /* what it counts for in the dispatcher's budget */
	_Atomic int64_t *budget;
	size_t deliveries_count;
	struct delivery deliveries[];
};

/* Of an event that is about to be stored. What parsed owns is the outgoing's from now on. */
struct outgoing *outgoing_new(struct parsed_event *parsed_taken, size_t deliveries_count);
/* It is stored. */
void outgoing_set_stored(struct outgoing *outgoing, const struct store_event *event);
/* Of what was claimed, for one delivery; target: whose. */
struct outgoing *outgoing_of_claimed(struct store_claimed *claimed_taken, struct slice target);

/* Makes the envelope, unless that was done before. Afterwards there is a body, or a problem. */
void outgoing_make(struct outgoing *outgoing, const struct event_rules *rules);

/* The envelope's uuid, for people who search. */
struct slice outgoing_uuid(const struct outgoing *outgoing);

/*
 * Before it is offered: one without delivery number index; those after it have a number less. False: it
 * was the last, and the outgoing is gone.
 */
bool outgoing_remove(struct outgoing *outgoing, size_t index);

/* Drops count references. */
void outgoing_release(struct outgoing *outgoing, int count);

#endif
