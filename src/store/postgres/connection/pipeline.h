/* SPDX-License-Identifier: MIT */
/*
 * pipeline.h - the store's statements on their way to the server and back: round trips
 *
 * Promise    Statements go out in series; a series is one round trip, whatever their number. Each answer is
 *            taken in the order in which the statements were sent.
 * Threads    The store's.
 * Errors     A session that failed below SQL is given up, and the link asked for another: until it is there
 *            every call says STATUS_IO. After a statement that the server refused, what follows in its series is
 *            skipped and the session stays.
 */
#ifndef REPOSTAL_STORE_POSTGRES_PIPELINE_H
#define REPOSTAL_STORE_POSTGRES_PIPELINE_H

#include "statement.h"

struct postgres_link;

enum {
	POSTGRES_SERIES_MAX = 512, /* statements on their way at once */
};

struct postgres_pipeline {
	struct postgres_link *link;
	struct postgres_session *session;                  /* NULL: there is none at the moment */
	enum postgres_statement sent[POSTGRES_SERIES_MAX]; /* of the series on its way */
	size_t sent_count, taken_count;
	bool is_complete; /* the series is */
	bool is_begun;    /* the server knows of the open transaction */
};

void postgres_pipeline_close(struct postgres_pipeline *pipeline);
/* STATUS_IO while there is none. */
enum status postgres_need_session(struct postgres_pipeline *pipeline, struct error *err);
bool postgres_has_session(const struct postgres_pipeline *pipeline);

/* One statement as a series of its own, in the open transaction or outside of any; rows may be NULL. */
enum status postgres_run(struct postgres_pipeline *pipeline, enum postgres_statement which,
	const struct postgres_params *params, struct postgres_rows *rows, struct error *err);
/* With parameters that are all of type int8. */
enum status postgres_run_numbers(struct postgres_pipeline *pipeline, enum postgres_statement which,
	const int64_t *numbers, size_t numbers_count, struct postgres_rows *rows,
	struct error *err);
/* PG_CHANGE_FIND. */
enum status postgres_run_text(struct postgres_pipeline *pipeline, const char *sql,
	struct postgres_rows *rows, struct error *err);
/* Makes the server know of the transaction, before a step that goes to it at once. */
enum status postgres_ensure_begun(struct postgres_pipeline *pipeline, struct error *err);

enum status postgres_send(struct postgres_pipeline *pipeline, enum postgres_statement which,
	const struct postgres_params *params, struct error *err);
/* Ends a series of postgres_send(). */
enum status postgres_go(struct postgres_pipeline *pipeline, struct error *err);
/* The answer to the first statement of the series that has not been taken yet; rows may be NULL. */
enum status postgres_take(
	struct postgres_pipeline *pipeline, struct postgres_rows *rows, struct error *err);
/* At the end of a series, whatever became of it: gives its status back, or the failure of this. */
enum status postgres_take_end(
	struct postgres_pipeline *pipeline, enum status status, struct error *err);
/* Whether the last commit was acknowledged without its standbys; asked once. */
bool postgres_take_committed_alone(struct postgres_pipeline *pipeline);

#endif
