/* SPDX-License-Identifier: MIT */
/*
 * source_text.h - the file's text made safe for libconfig
 *
 * Promise    libconfig lets whole numbers wrap around silently unless they end in L (1.7 only hexadecimal
 *            ones), takes a leading zero for octal (1.7), ends at a NUL, and ends the process when it
 *            includes a folder. Behind this, all versions agree: numbers keep their decimal value
 *            (those beyond 64 bits become the largest), and a NUL, an @include or a name that a
 *            group has twice is a problem with its line. A byte order mark is left out, and an
 *            array of texts and numbers becomes the list that libconfig takes them in.
 * Threads    Any.
 */
#ifndef REPOSTAL_CONFIG_SOURCE_TEXT_H
#define REPOSTAL_CONFIG_SOURCE_TEXT_H

#include "problems.h"
#include "repostal/buf.h"
#include "repostal/slice.h"

/* Appends the safe text, line by line the same. */
void source_text_make_safe(struct slice text, struct buf *out, struct problems *problems);

#endif
