/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line for each event that matters
 *
 * Promise    A line is written whole, with one write(2) to standard error, in the order of the calls.
 *            Foreign text is escaped: a line stays a line. Bodies and secrets are never passed here.
 *            Between log_start() and log_stop() no caller waits for whoever reads the lines: they go
 *            through a queue of fixed size to a thread of their own. What does not fit is counted,
 *            and one line (log.suppressed, by=queue) tells of it when there is room again.
 *            For the journal each line begins with its priority, and a text line has no time.
 * Threads    Any, after log_detect_journal() and log_configure().
 * Errors     A failing write is counted, and told when one works again (by=write): logging never
 *            stops the gateway.
 */
#ifndef REPOSTAL_LOG_H
#define REPOSTAL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/error.h"
#include "repostal/log_throttle.h"
#include "repostal/slice.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR
};
enum log_format {
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JSON
};

struct log_settings {
	enum log_level level; /* lines below it are not written */
	enum log_format format;
};

struct log_field {
	const char *name;
	enum {
		LOG_FIELD_TEXT,
		LOG_FIELD_INT
	} kind;
	struct slice text;
	int64_t number;
};

#define LOG_STR(field, value) \
	((struct log_field){ .name = (field), .kind = LOG_FIELD_TEXT, .text = slice_text(value) })
#define LOG_SLICE(field, value) \
	((struct log_field){ .name = (field), .kind = LOG_FIELD_TEXT, .text = (value) })
#define LOG_INT(field, value) \
	((struct log_field){ .name = (field), .kind = LOG_FIELD_INT, .number = (value) })

/* Two arguments: the fields and their number. */
#define LOG_FIELDS(...)                            \
	(const struct log_field[]){ __VA_ARGS__ }, \
		sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field)

/* log_event(LOG_LEVEL_WARN, "target.paused", LOG_STR("target", name), LOG_INT("code", 410)); */
#define log_event(level, event, ...) log_write((level), (event), LOG_FIELDS(__VA_ARGS__))

void log_configure(const struct log_settings *settings);
bool log_wants(enum log_level level);
void log_write(
	enum log_level level, const char *event, const struct log_field *fields, size_t count);

/* Text of several lines that is no event, such as the report of a configuration, as it is. */
void log_text(enum log_level level, struct slice text);

/*
 * One kind of line that senders, receivers and clients can cause, about one subject (its labels): at
 * most LOG_THROTTLE_LINES_PER_S of it are written in a second, and one line a second tells how many
 * were left out (log.suppressed, by=limit), also when no further one comes. Each kind has its own,
 * so that none hides another. Any thread.
 */
enum {
	LOG_LABELS_MAX = 2,
	LOG_LABEL_SIZE = 64
};
struct log_limit {
	enum log_level level;
	const char *event;
	struct {
		const char *name;
		char value[LOG_LABEL_SIZE];
	} labels[LOG_LABELS_MAX];
	size_t labels_count;
	/* log.c's */
	struct log_throttle throttle;
	struct log_limit *next_owing;
	bool is_owing;
};

/*
 * Copies the values of the labels, which are texts; names and event stay the caller's.
 * log_limit_open(&limit, LOG_LEVEL_WARN, "delivery.dead", LOG_FIELDS(LOG_STR("target", name)));
 */
void log_limit_open(struct log_limit *limit, enum log_level level, const char *event,
	const struct log_field *labels, size_t count);
/* Tells what was left out. Also of one that is zero and was never opened. */
void log_limit_close(struct log_limit *limit);
/* log_limited(&limit, LOG_INT("event_id", id)); the labels come first by themselves. */
#define log_limited(limit, ...) log_write_limited((limit), LOG_FIELDS(__VA_ARGS__))
void log_write_limited(struct log_limit *limit, const struct log_field *fields, size_t count);

/* The same in two steps, for fields that cost something. True: the line has to be written now. */
bool log_limit_passes(struct log_limit *limit);
#define log_passed(limit, ...) log_write_passed((limit), LOG_FIELDS(__VA_ARGS__))
void log_write_passed(const struct log_limit *limit, const struct log_field *fields, size_t count);

/* Lines that a limit, a full queue or a failing write kept back since the start. */
uint64_t log_suppressed_count(void);

/* Is standard error the journal, as JOURNAL_STREAM says? Once, before the first line. */
void log_detect_journal(void);
/* From here on lines are queued. Also when the process ends by an assertion they are written. */
enum status log_start(struct error *err);
/* Writes what is queued. A reader that does not take it in this time does not get it. */
void log_stop(int64_t timeout_ms);

#endif
