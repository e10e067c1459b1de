/* SPDX-License-Identifier: MIT */
/*
 * log_line.h - the text of one line
 *
 * Promise    A line has LOG_LINE_SIZE_MAX bytes at most, its end included; what does not fit is left
 *            out whole, and the line says so. Foreign text is escaped.
 * Threads    Values.
 * Ownership  log_line_free() after log_line_end().
 */
#ifndef REPOSTAL_BASE_LOG_LINE_H
#define REPOSTAL_BASE_LOG_LINE_H

#include "repostal/buf.h"
#include "repostal/log.h"

struct log_line {
	struct buf text;
	enum log_format format;
	bool is_cut;
};

/* For the journal a line begins with its priority, and the journal has the time of a text line. */
void log_line_begin(struct log_line *line, enum log_format format, bool for_journal,
	enum log_level level, const char *event, int64_t unix_ms);
void log_line_add(struct log_line *line, const struct log_field *fields, size_t count);
struct slice log_line_end(struct log_line *line);
void log_line_free(struct log_line *line);

/* "<3>" and so on, as sd-daemon(3) has it. */
const char *log_line_priority(enum log_level level);

#endif
