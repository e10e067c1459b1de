/* SPDX-License-Identifier: MIT */
/*
 * help.h - what COMMAND --help prints
 *
 * Promise    All that the table has, in lines of at most 80 characters.
 * Threads    Any.
 */
#ifndef REPOSTAL_CLI_HELP_H
#define REPOSTAL_CLI_HELP_H

#include "command.h"
#include "repostal/buf.h"
#include "repostal/slice.h"

/* Cuts the next paragraph off a text of command.h; empty when there is none. */
struct slice help_cut_paragraph(struct slice *text);

void help_append(struct buf *out, const struct command *command);
/* To standard output. */
void help_print(const struct command *command);

#endif
