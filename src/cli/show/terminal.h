/* SPDX-License-Identifier: MIT */
/*
 * terminal.h - text that people read
 *
 * Promise    Foreign text that reaches a terminal cannot control it.
 * Threads    Any.
 */
#ifndef REPOSTAL_CLI_TERMINAL_H
#define REPOSTAL_CLI_TERMINAL_H

#include <stddef.h>

#include "repostal/buf.h"
#include "repostal/slice.h"

enum show_lines {
	SHOW_ONE_LINE,
	SHOW_MANY_LINES
};
/* Appends text with what text_hidden_sequence() names as \uXXXX; newlines pass in many lines. */
void show_append_printable(struct buf *out, struct slice text, enum show_lines lines);

/* Breaks lines between words, so that they fit width_max (0: no line is broken); all but the first are indented. */
void show_append_wrapped(struct buf *out, struct slice text, size_t indent, size_t width_max);

/* Characters of a line (COLUMNS when the terminal does not say) when the file is a terminal, else 0. */
size_t show_width_of(int fd);
/* Of standard output. */
size_t show_terminal_width(void);

#endif
