/* SPDX-License-Identifier: MIT */
/*
 * translate.h - a BizMail event becomes a Postal event
 *
 * Promise    Pure: the same event, source, settings and time of arrival give the same Postal event,
 *            on every machine, for ever. uuid, message id and token come from hashes, never a
 *            look-up.
 * Threads    Any.
 * Ownership  The Postal event borrows from the BizMail event, the defaults and string literals.
 */
#ifndef REPOSTAL_TRANSLATE_H
#define REPOSTAL_TRANSLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/bizmail.h"
#include "repostal/envelope.h"

struct translate_settings {
	enum postal_event_type soft_bounce; /* MESSAGE_DELAYED, .. */
	enum postal_event_type hard_bounce; /* MESSAGE_DELIVERY_FAILED or MESSAGE_BOUNCED */
	enum postal_event_type dropped;     /* MESSAGE_DELIVERY_FAILED or MESSAGE_HELD */
	enum postal_tristate sent_with_ssl;
	bool time_null;
};

/*
 * A longer sender or return path is taken as unknown (SMTP allows 256 bytes): it would be repeated
 * in an envelope up to three times, and receivers have limits.
 */
enum {
	TRANSLATE_SENDER_SIZE_MAX = 320
};

/* What a source fills in where BizMail says nothing. NULL or "": nothing. */
struct translate_defaults {
	char *from;
	char *subject;
	char *tag;
};

/* What makes an event itself: (source, kind, id, recipient, time, category, response). */
struct event_identity {
	struct uuid uuid; /* version 5 */
	uint64_t hash;    /* for de-duplication; 63 bits, so that SQL can hold it */
};

struct event_identity translate_identity(struct slice source, const struct bizmail_event *event);

/*
 * The uuid under which an event goes to a target that remembers the event's own: number tells one such time
 * from the next. Number 0 is the event's own.
 */
struct uuid translate_uuid_as_new(const struct uuid *own, struct slice target, int number);

/* Which envelope it will be, without making it: the targets are chosen by this. */
enum postal_event_type translate_type(
	const struct translate_settings *settings, const struct bizmail_event *event);

/* event->kind is not UNKNOWN and its id and recipient are not empty. */
void translate_event(const struct translate_settings *settings, struct slice source,
	const struct translate_defaults *defaults, const struct bizmail_event *event,
	const struct event_identity *identity, int64_t received_us, struct postal_event *event_out);

/* The message's id and token from (source, message id, recipient); exposed for its tests. */
void translate_message_identity(struct slice source, struct slice message_id,
	struct slice recipient, struct postal_message *message_out);

#endif
