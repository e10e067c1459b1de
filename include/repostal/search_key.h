/* SPDX-License-Identifier: MIT */
/*
 * search_key.h - what people search events by, as one number
 *
 * Promise    Pure; the same text gives the same key for ever, on every machine. Not 0. Different uses
 *            of one text give different keys, and nobody can look for texts that share one (63 bits of
 *            a SHA-256). Message ids and recipients are folded to lower case (ASCII): people do not
 *            type them as they were sent.
 * Threads    Any.
 */
#ifndef REPOSTAL_SEARCH_KEY_H
#define REPOSTAL_SEARCH_KEY_H

#include <stdint.h>

#include "repostal/slice.h"

int64_t search_key_uuid(struct slice uuid); /* of the envelope */
int64_t search_key_message(struct slice message_id);
int64_t search_key_recipient(struct slice recipient);
/*
 * One message of one source to one recipient: what ordering = "message" keeps in order. Another source may
 * use the same ids, and cannot hold up this one's.
 */
int64_t search_key_order(struct slice source, struct slice message_id, struct slice recipient);

#endif
