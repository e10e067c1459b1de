/* SPDX-License-Identifier: MIT */
/*
 * parsed_event.h - what an event says, read from its bytes
 *
 * Promise    The one place where bytes become an event, at their arrival and ever after: so its identity and
 *            its texts are the same each time.
 * Threads    Values; any.
 * Ownership  A record borrows everything. A parsed event owns its texts until parsed_event_release(), and
 *            borrows the source's name; a copy of the struct is the same event, so release one of them.
 */
#ifndef REPOSTAL_PARSED_EVENT_H
#define REPOSTAL_PARSED_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/bizmail.h"
#include "repostal/event_identity.h"
#include "repostal/slice.h"
#include "repostal/uuid.h"

/* An event as it arrives, and as the store keeps it. */
struct event_record {
	uint16_t source; /* of the store */
	struct slice source_name;
	int64_t received_us; /* Unix */
	uint8_t kind; /* enum bizmail_kind: what the sub-path said, or what the event was taken for;
				it decides where the bytes do not say */
	struct slice content_type;
	struct slice raw;
};

struct parsed_event {
	enum bizmail_problem problem;
	uint16_t source;
	struct slice source_name;
	int64_t received_us;
	struct bizmail_event event;     /* with a problem: what was found */
	struct event_identity identity; /* this and the next: nothing with a problem */
	char uuid[UUID_TEXT_SIZE];      /* of the envelope */
};

/* Returns the problem. To be released in every case. */
enum bizmail_problem event_parse(
	const struct event_record *record, struct parsed_event *parsed_out);
void parsed_event_release(struct parsed_event *parsed);

/* When it happened as far as it is known, Unix; to the microsecond when that is the time of arrival. */
int64_t parsed_event_occurred_us(const struct parsed_event *parsed);
/* The envelope's timestamp: the same, but not after the arrival. */
int64_t parsed_event_timestamp_us(const struct parsed_event *parsed);

enum {
	EVENT_AS_NEW_MAX = 1000 /* nobody sends one event so often; a damaged store may say so */
};

/*
 * The uuid under which its delivery to this target goes as new, the number-th time; number 0: its own. "" with
 * a problem.
 */
void parsed_event_print_uuid(const struct parsed_event *parsed, struct slice target, int number,
	char out[UUID_TEXT_SIZE]);
/* From now on that is its own uuid, once. */
void parsed_event_send_as_new(struct parsed_event *parsed, struct slice target, int number);
/* The numbers under which a delivery was sent as new are from this one to as_new, the store's. */
int event_first_as_new(int as_new);
/* Whether uuid is one of these. */
bool parsed_event_was_sent_as(
	const struct parsed_event *parsed, struct slice target, int as_new, struct slice uuid);

#endif
