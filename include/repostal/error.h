/* SPDX-License-Identifier: MIT */
/*
 * error.h - how a function says that it failed
 *
 * Promise    enum status tells the program what to do, struct error tells the person what happened.
 *            An error text always fits: it is cut, never overrun.
 * Threads    Values; no shared state.
 * Ownership  The caller owns the struct error; text lives inside it.
 */
#ifndef REPOSTAL_ERROR_H
#define REPOSTAL_ERROR_H

#include <stdarg.h>

enum status {
	STATUS_OK = 0,
	STATUS_INVALID,   /* the input is wrong; a repeat fails again */
	STATUS_NOT_FOUND, /* nothing of that name */
	STATUS_FULL,      /* a configured limit, or the disk, is reached; may succeed later */
	STATUS_BUSY,      /* somebody else holds it; may succeed later */
	STATUS_IO,        /* the system refused; may succeed later */
	STATUS_UNCERTAIN, /* the answer of a commit got lost: neither success nor failure */
};

enum {
	ERROR_TEXT_SIZE = 512
};

struct error {
	char text[ERROR_TEXT_SIZE];
};

/* Replaces the text. err may be NULL: then nobody wants to know. */
void error_set(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the text that is there. */
void error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
