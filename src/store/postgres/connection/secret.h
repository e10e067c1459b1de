/* SPDX-License-Identifier: MIT */
/*
 * secret.h - random numbers that a store gets once, in the table meta
 *
 * Threads    The session's.
 * Errors     STATUS_NOT_FOUND from postgres_secret_read(): an earlier version made the store.
 */
#ifndef REPOSTAL_STORE_POSTGRES_SECRET_H
#define REPOSTAL_STORE_POSTGRES_SECRET_H

#include "repostal/store.h"
#include "session.h"

/* Unless it has one. */
enum status postgres_secret_make(struct postgres_session *session, struct error *err);
enum status postgres_secret_read(
	struct postgres_session *session, uint8_t secret_out[STORE_SECRET_SIZE], struct error *err);

#endif
