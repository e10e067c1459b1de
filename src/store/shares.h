/* SPDX-License-Identifier: MIT */
/*
 * shares.h - how max_backlog is shared out among targets and sources
 *
 * Promise    Asked before the database is touched, so that a full store costs a sender's repeats nothing.
 *            What the open transaction has added counts.
 * Threads    The store's.
 * Errors     STATUS_FULL: the store, or the event's source, has no room; nothing is written.
 */
#ifndef REPOSTAL_STORE_SHARES_H
#define REPOSTAL_STORE_SHARES_H

#include "backend/backend.h"

/* Marks the deliveries that their targets have no room for, and asks whether there is room for the others. */
enum status shares_take(struct store *store, struct store_event *event, struct error *err);

#endif
