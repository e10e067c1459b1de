/* SPDX-License-Identifier: MIT */
/*
 * event_identity.h - the identity of the bounce mail that Postal would have received
 *
 * Promise    As translate_message_identity(), of the same three texts; never the same result as
 *            that.
 * Threads    Any.
 */
#ifndef REPOSTAL_EVENT_IDENTITY_H
#define REPOSTAL_EVENT_IDENTITY_H

#include "repostal/translate.h"

void translate_bounce_identity(struct slice source, struct slice message_id, struct slice recipient,
	struct postal_message *bounce_out);

#endif
