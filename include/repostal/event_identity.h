/* SPDX-License-Identifier: MIT */
/*
 * event_identity.h - what makes an event itself, and its message
 *
 * Promise    Hashes, never a look-up: the same values permanently and on every machine. Receivers keep them for
 *            years.
 * Threads    Pure; any.
 */
#ifndef REPOSTAL_EVENT_IDENTITY_H
#define REPOSTAL_EVENT_IDENTITY_H

#include <stdint.h>

#include "repostal/bizmail.h"
#include "repostal/envelope.h"
#include "repostal/slice.h"
#include "repostal/uuid.h"

/* Of (source, kind, id, recipient, time, category, response). */
struct event_identity {
	struct uuid uuid; /* version 5 */
	uint64_t hash;    /* for de-duplication; 63 bits, so that SQL can hold it */
};

struct event_identity event_identity_of(struct slice source, const struct bizmail_event *event);

/*
 * The uuid under which an event goes to a target that remembers the event's own: number tells one such time
 * from the next. Number 0 is the event's own.
 */
struct uuid event_uuid_as_new(const struct uuid *own, struct slice target, int number);

/* Fill in a message's id and token, of (source, message id, recipient). */
void event_message_identity(struct slice source, struct slice message_id, struct slice recipient,
	struct postal_message *message_out);
/* The bounce mail that Postal would have received about that message; never the same result as above. */
void event_bounce_identity(struct slice source, struct slice message_id, struct slice recipient,
	struct postal_message *bounce_out);

#endif
