/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line for each event that matters
 *
 * Promise    A line is written whole, with one write(2) to standard error. Foreign text is escaped:
 *            a line stays a line. Bodies and secrets are never passed here.
 * Threads    Any, after log_configure().
 * Errors     A failing write is ignored: logging never stops the gateway.
 */
#ifndef REPOSTAL_LOG_H
#define REPOSTAL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
		LOG_FIELD_INT,
		LOG_FIELD_DOUBLE
	} kind;
	struct slice text;
	int64_t number;
	double real;
};

#define LOG_STR(field, value) \
	((struct log_field){ .name = (field), .kind = LOG_FIELD_TEXT, .text = slice_text(value) })
#define LOG_SLICE(field, value) \
	((struct log_field){ .name = (field), .kind = LOG_FIELD_TEXT, .text = (value) })
#define LOG_INT(field, value) \
	((struct log_field){ .name = (field), .kind = LOG_FIELD_INT, .number = (value) })
#define LOG_DOUBLE(field, value) \
	((struct log_field){ .name = (field), .kind = LOG_FIELD_DOUBLE, .real = (value) })

/* log_event(LOG_LEVEL_WARN, "target.paused", LOG_STR("target", name), LOG_INT("code", 410)); */
#define log_event(level, event, ...)                                           \
	log_write((level), (event), (const struct log_field[]){ __VA_ARGS__ }, \
		sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))

void log_configure(const struct log_settings *settings);
bool log_wants(enum log_level level);
void log_write(
	enum log_level level, const char *event, const struct log_field *fields, size_t count);

/*
 * At most so many lines a second from one place: true when this one may be written, and then
 * *missed says how many were not since the last. Value-initialise with { 0 }; one thread.
 */
struct log_limit {
	int64_t second;
	int32_t written;
	int64_t missed;
};
bool log_limit_pass(
	struct log_limit *limit, int64_t monotonic_ms, int32_t per_second, int64_t *missed);

#endif
