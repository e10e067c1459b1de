/* SPDX-License-Identifier: MIT */
/*
 * facts.h - what a stored event says, read from its bytes
 *
 * Promise    The bytes are understood as at their arrival, so identity and texts are the same.
 * Ownership  facts_free() frees; the event points into it.
 * Threads    Values.
 */
#ifndef REPOSTAL_CONTROL_FACTS_H
#define REPOSTAL_CONTROL_FACTS_H

#include "names.h"
#include "repostal/bizmail.h"
#include "repostal/translate.h"
#include "repostal/uuid.h"

enum {
	FACTS_AS_NEW_MAX = 1000 /* nobody sends one event so often; a damaged store may say so */
};

struct facts {
	enum bizmail_problem problem; /* not NONE: nothing of the rest but the event's own texts */
	struct bizmail_event event;
	struct event_identity identity;
	char uuid[UUID_TEXT_SIZE]; /* of the envelope; "" with a problem */
};

void facts_read(struct facts *facts_out, struct slice source, struct slice content_type,
	struct slice raw, uint8_t kind);
void facts_of_row(struct facts *facts_out, const struct names *names, const struct store_row *row);
void facts_free(struct facts *facts);

/* The uuid of the envelope that goes to the row's target, or went there last; "" with a problem. */
void facts_uuid_sent(const struct facts *facts, const struct names *names,
	const struct store_row *row, char out[UUID_TEXT_SIZE]);
/* The numbers that it was sent as new with: from this one to row->as_new. */
int facts_first_as_new(const struct store_row *row);
/* Under one of these. */
bool facts_was_sent_as(const struct facts *facts, const struct names *names,
	const struct store_row *row, struct slice uuid);

bool facts_same_text(struct slice a, struct slice b);

#endif
