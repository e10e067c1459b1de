/* SPDX-License-Identifier: MIT */
/*
 * roff.h - text for manual pages
 *
 * Promise    Whatever a text holds is shown as it is: nothing in it is a request or an escape, and what is
 *            copied from a page can be typed.
 * Threads    Any.
 */
#ifndef REPOSTAL_PAGES_ROFF_H
#define REPOSTAL_PAGES_ROFF_H

#include "repostal/buf.h"
#include "repostal/slice.h"

/* Part of a line. Options in it, --like-this, are bold. */
void roff_append_text(struct buf *out, struct slice text);
/* Part of a line, as it is. */
void roff_append_plain(struct buf *out, struct slice text);
/* What is typed, bold; NAMES of values in it in italics. */
void roff_append_typed(struct buf *out, struct slice text);
/* ".SH TITLE" */
void roff_append_heading(struct buf *out, const char *title);
/* A text of paragraphs as command.h has it. */
void roff_append_paragraphs(struct buf *out, const char *text);

#endif
