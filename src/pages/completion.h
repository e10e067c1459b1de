/* SPDX-License-Identifier: MIT */
/*
 * completion.h - what shells complete
 *
 * Promise    The same words as --help: the tables as functions of the shell, then shell/bash and shell/zsh, which
 *            are written by hand and ask these.
 * Threads    One.
 */
#ifndef REPOSTAL_PAGES_COMPLETION_H
#define REPOSTAL_PAGES_COMPLETION_H

#include <stdbool.h>

#include "page.h"

/* Whether the value of an option, or an operand, is the name of a file. */
bool completion_is_file(const char *value);

void bash_completion_write(const struct folders *folders);
void zsh_completion_write(const struct folders *folders);

#endif
