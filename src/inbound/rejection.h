/* SPDX-License-Identifier: MIT */
/*
 * rejection.h - a request that is turned away
 *
 * Promise    Counted for its source (or for none, where none is known), and answered. Those that a client may
 *            have to answer for (403, 401, 415) and those of an event that is not taken have a line in the log, too.
 * Threads    The request's loop.
 */
#ifndef REPOSTAL_INBOUND_REJECTION_H
#define REPOSTAL_INBOUND_REJECTION_H

#include "inbound_private.h"

void reject_not_found(const struct arrival *arrival);
/* allow: the methods that there are. */
void reject_method(const struct arrival *arrival, struct slice allow);
void reject_forbidden(const struct arrival *arrival);
void reject_unauthorized(const struct arrival *arrival);
void reject_encoded(const struct arrival *arrival);
void reject_media_type(const struct arrival *arrival);
/* 503, with the time to come back. Of the request, peer and forwarded_for are looked at. */
void reject_unavailable(const struct arrival *arrival, enum status status);

#endif
