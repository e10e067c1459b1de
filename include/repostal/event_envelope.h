/* SPDX-License-Identifier: MIT */
/*
 * event_envelope.h - the envelope of an event, from all that is known of it
 *
 * Promise    The only place where an event becomes an envelope; the same event, rules and knowledge give the same
 *            bytes.
 * Threads    Pure; any.
 */
#ifndef REPOSTAL_EVENT_ENVELOPE_H
#define REPOSTAL_EVENT_ENVELOPE_H

#include <stdbool.h>

#include "repostal/buf.h"
#include "repostal/event_route.h"
#include "repostal/parsed_event.h"
#include "repostal/translate.h"

/*
 * Appends it. parsed has no problem; known is what the store knows of its message, to which the defaults of its
 * source are added, if that is configured. False: it would exceed out's ceiling, which the limits of bizmail.h
 * rule out for ENVELOPE_SIZE_MAX.
 */
bool event_envelope(const struct event_rules *rules, const struct parsed_event *parsed,
	const struct known_message *known, struct buf *out);

#endif
