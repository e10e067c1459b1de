/* SPDX-License-Identifier: MIT */
/*
 * envelope.h - a Postal webhook event and its exact bytes
 *
 * Promise    The same event always gives the same bytes: key order, escapes and numbers as Postal
 *            3.x writes them (ActiveSupport's to_json), except that whole numbers have no fraction.
 * Threads    Pure; any.
 * Ownership  A postal_event borrows its slices; they must be valid UTF-8.
 * Source     postalserver/postal 3.3.6: webhook_delivery_service.rb, message_db/delivery.rb.
 */
#ifndef REPOSTAL_ENVELOPE_H
#define REPOSTAL_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/buf.h"
#include "repostal/slice.h"
#include "repostal/uuid.h"

/* Bit positions in target settings; the numbers are not stored. */
enum postal_event_type {
	POSTAL_MESSAGE_SENT,
	POSTAL_MESSAGE_DELAYED,
	POSTAL_MESSAGE_DELIVERY_FAILED,
	POSTAL_MESSAGE_HELD,
	POSTAL_MESSAGE_BOUNCED,
};
enum {
	POSTAL_EVENT_TYPE_COUNT = 5
};

/* "MessageSent", ... */
const char *postal_event_type_name(enum postal_event_type type);
/* False when there is no such event that repostal can emit. */
bool postal_event_type_parse(struct slice name, enum postal_event_type *out);

enum {
	POSTAL_TOKEN_SIZE = 17,           /* 16 of [A-Za-z0-9] and a NUL */
	POSTAL_TEXT_CHARACTERS_MAX = 250, /* of details and output, since Postal 2.3.2 */
	POSTAL_SUBJECT_CHARACTERS_MAX = 200,
	POSTAL_TAG_CHARACTERS_MAX = 255, /* the width of Postal's column */
	POSTAL_DETAILS_SIZE = 4 * POSTAL_TEXT_CHARACTERS_MAX + 1,
	ENVELOPE_SIZE_MAX = 32 * 1024, /* one receiver refuses more */
};

/* Settings and payloads that may be a value or null. */
enum postal_tristate {
	POSTAL_FALSE,
	POSTAL_TRUE,
	POSTAL_NULL
};

struct postal_message {
	int32_t id; /* 2^30 .. 2^31-1 */
	char token[POSTAL_TOKEN_SIZE];
	bool incoming;           /* direction */
	struct slice message_id; /* without angle brackets */
	struct slice to;
	struct slice from;
	struct slice subject;
	struct slice tag; /* empty: null */
	int64_t timestamp_us;
};

struct postal_event {
	enum postal_event_type type;
	struct uuid uuid;
	int64_t timestamp_us;          /* of the envelope */
	struct postal_message message; /* original_message of a bounce */
	/* all but MESSAGE_BOUNCED */
	char details[POSTAL_DETAILS_SIZE];
	size_t details_size; /* the text may hold a NUL */
	struct slice output; /* cut to POSTAL_TEXT_CHARACTERS_MAX by the writer */
	enum postal_tristate sent_with_ssl;
	bool time_null; /* else 0 */
	int64_t status_timestamp_us;
	/* MESSAGE_BOUNCED only */
	struct postal_message bounce;
};

/*
 * Appends the envelope. False when it would exceed the buffer's ceiling, which the limits of
 * bizmail.h rule out for ENVELOPE_SIZE_MAX.
 */
bool envelope_write(const struct postal_event *event, struct buf *out);

/* Building blocks, exposed for their tests. */
void envelope_write_string(struct buf *out, struct slice text); /* with the quotes */
/* Microseconds as seconds: (double)us / 1e6, shortest round-trip digits, whole numbers bare. */
void envelope_write_time(struct buf *out, int64_t us);

#endif
