/* SPDX-License-Identifier: MIT */
/*
 * translate.h - a BizMail event becomes a Postal event
 *
 * Promise    Pure: the same parsed event, settings and knowledge give the same Postal event, permanently and on
 *            every machine.
 * Threads    Any.
 * Ownership  The Postal event borrows from the parsed event, from what is known, and string literals.
 */
#ifndef REPOSTAL_TRANSLATE_H
#define REPOSTAL_TRANSLATE_H

#include <stdbool.h>

#include "repostal/envelope.h"
#include "repostal/parsed_event.h"
#include "repostal/slice.h"

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

/* What is known of an event's message that the event does not say. Empty: nothing is. */
struct known_message {
	struct slice from;
	struct slice subject;
	struct slice tag;
};

/* Which envelope it will be, without making it: the targets are chosen by this. */
enum postal_event_type translate_type(
	const struct translate_settings *settings, const struct bizmail_event *event);

/* parsed has no problem. */
void translate_event(const struct translate_settings *settings, const struct known_message *known,
	const struct parsed_event *parsed, struct postal_event *event_out);

#endif
