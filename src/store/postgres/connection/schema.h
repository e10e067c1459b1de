/* SPDX-License-Identifier: MIT */
/*
 * schema.h - the tables and their migrations
 *
 * Promise    Several processes may open the same database at once. A migration happens as a whole or not at
 *            all.
 * Threads    The session's.
 * Errors     STATUS_INVALID the tables are those of a newer version that this one cannot use; STATUS_IO.
 */
#ifndef REPOSTAL_STORE_POSTGRES_SCHEMA_H
#define REPOSTAL_STORE_POSTGRES_SCHEMA_H

#include "session.h"

/* Makes or migrates the tables, on a connection without pipeline. */
enum status postgres_schema_open(struct postgres_session *session, struct error *err);
/* For readers: STATUS_NOT_FOUND without tables. */
enum status postgres_schema_check(struct postgres_session *session, struct error *err);
/* The same for what postgres_schema_open() would take: older tables and none are good, too. */
enum status postgres_schema_probe(struct postgres_session *session, struct error *err);

#endif
