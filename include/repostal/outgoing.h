/* SPDX-License-Identifier: MIT */
/*
 * outgoing.h - an envelope on its way, and the deliveries that share it
 *
 * Promise    Body and signature are made once for an event, whatever the number of targets; after
 *            that an outgoing only changes in its deliveries. One allocation holds everything but
 *            the signature.
 * Threads    Handed from thread to thread with the mailboxes; each delivery has one owner at a
 *            time, the references are atomic.
 * Ownership  Each delivery counts as one reference. The last outgoing_release() frees.
 */
#ifndef REPOSTAL_OUTGOING_H
#define REPOSTAL_OUTGOING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/event_envelope.h"
#include "repostal/mailbox.h"
#include "repostal/outcome.h"
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
	int64_t happened_ms;         /* Unix: the envelope's timestamp */
	uint16_t source;             /* of the store */
	struct signature *signature; /* NULL: signing is off */
	size_t memory_size;          /* what it counts for in the dispatcher's budget */
	_Atomic int64_t *budget;
	struct slice body;
	size_t deliveries_count;
	struct delivery deliveries[];
};

/* Room for so many deliveries and a copy of body. references is deliveries_count. */
struct outgoing *outgoing_new(struct slice body, int64_t received_us, size_t deliveries_count);
/*
 * The outgoing of a translated event. NULL when no envelope can be made of it (err says why), which
 * the limits of bizmail.h rule out.
 */
struct outgoing *outgoing_translate(const struct event_rules *rules,
	const struct parsed_event *parsed, const struct known_message *known,
	size_t deliveries_count, struct error *err);

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
