/* SPDX-License-Identifier: MIT */
/*
 * store_opening.h - opens a store that may not be there yet
 *
 * Promise    Tries until the store is open, at first soon, then every few seconds; ends by itself only
 *            when it can never succeed with this program (tables of a newer version). Whatever else is
 *            wrong (no server, no such database, a password that it refuses) may be set right there,
 *            so it is tried again.
 * Threads    One of its own, which may wait for the network; the calls are the main thread's.
 * Ownership  An open store is the caller's with store_opening_look(); until then it is kept.
 * Errors     STATUS_BUSY from store_opening_look(): not yet, and err says what the last attempt met.
 *            STATUS_IO: never.
 */
#ifndef REPOSTAL_STORE_OPENING_H
#define REPOSTAL_STORE_OPENING_H

#include "repostal/store.h"

struct store_opening;

/* Copies what it needs of settings. The first attempt begins after delay_ms. */
enum status store_opening_start(const struct store_settings *settings, int64_t delay_ms,
	struct store_opening **opening_out, struct error *err);
/* Readable when there is news for store_opening_look(). */
int store_opening_fd(const struct store_opening *opening);
/* err: "" before the first attempt has ended. */
enum status store_opening_look(
	struct store_opening *opening, struct store **store_out, struct error *err);
/*
 * Closes a store that was not taken. An attempt that the system holds up for longer than timeout_ms (a
 * name server that is silent) is left to the process's end.
 */
void store_opening_stop(struct store_opening **openingp, int64_t timeout_ms);

#endif
