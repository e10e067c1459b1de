/* SPDX-License-Identifier: MIT */
/*
 * json_show.h - the API's values as people read them
 *
 * Promise    A missing member or null is shown as "-" (table) or left empty (text). Times lose their
 *            fraction, durations and sizes get units.
 * Threads    Any.
 * Ownership  The values are borrowed.
 */
#ifndef REPOSTAL_CLI_JSON_SHOW_H
#define REPOSTAL_CLI_JSON_SHOW_H

#include <stdint.h>

#include <jansson.h>

#include "repostal/buf.h"
#include "repostal/clock.h"
#include "repostal/slice.h"
#include "table.h"

struct slice show_string(const json_t *object, const char *name);
int64_t show_integer(const json_t *object, const char *name);

/*
 * A time of the API: local with its offset ("2026-11-21 02:02:03+01:00"),
 * or in UTC ("2026-11-21T01:02:03Z"). Any other text stays.
 */
void show_append_time_as(struct buf *out, struct slice time, enum clock_zone zone);
/* The former when standard output is a terminal, else the latter. */
void show_append_time(struct buf *out, struct slice time);
/* The same of an instant that this process saw: in UTC with its milliseconds. */
void show_append_instant(struct buf *out, int64_t unix_ms);
/* "45s", "12m 5s", "3h 2m", "4d 7h" */
void show_append_seconds(struct buf *out, int64_t seconds);
/* How far from now a time of the API is, as the above. Nothing when it is none. */
void show_append_age(struct buf *out, struct slice time);
/* "512 B", "12.3 MiB" */
void show_append_bytes(struct buf *out, int64_t bytes);
/* Foreign text with every line indented. */
void show_append_block(struct buf *out, struct slice text, int indent);
/* The value over several lines, each indented; foreign text in it as terminal.h has it. */
void show_append_json(struct buf *out, const json_t *value, int indent);
/* To standard output, as part of a line. */
void show_print_json(const json_t *value);
/* What the receiver said: the HTTP status, else the kind of failure, else nothing. */
void show_append_result(struct buf *out, const json_t *attempt);

/* The same into the next cell of a table. */
void show_cell_text(struct table *table, const json_t *object, const char *name);
void show_cell_number(struct table *table, const json_t *object, const char *name);
void show_cell_time(struct table *table, const json_t *object, const char *name);
void show_cell_seconds(struct table *table, const json_t *object, const char *name);
void show_cell_bytes(struct table *table, const json_t *object, const char *name);
void show_cell_result(struct table *table, const json_t *attempt);

void show_cell_age(struct table *table, const json_t *object, const char *name);

/* Prints the rows so far to standard output. */
void show_table(struct table *table);

#endif
