/* SPDX-License-Identifier: MIT */
/*
 * intake.h - one event between its request and the disk
 *
 * Promise    A ticket goes out with the event and comes back when it is durable; then, and only then,
 *            the request is answered. If the client has hung up meanwhile, the event is kept all the
 *            same.
 * Threads    intake_*() on the http loop; what happens on the store thread is private.
 * Ownership  A ticket copies what it needs from the request; it ends itself after the answer.
 */
#ifndef REPOSTAL_INBOUND_INTAKE_H
#define REPOSTAL_INBOUND_INTAKE_H

#include "inbound_private.h"
#include "repostal/parsed_event.h"

/* The record is what arrived. What parsed owns may be taken; it is to be released all the same. */
void intake_event(const struct arrival *arrival, const struct event_record *record,
	struct parsed_event *parsed);
/* Of one with a problem. */
void intake_quarantine(const struct arrival *arrival, const struct event_record *record,
	const struct parsed_event *parsed);

#endif
