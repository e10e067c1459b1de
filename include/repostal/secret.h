/* SPDX-License-Identifier: MIT */
/*
 * secret.h - a secret as the file gives it becomes the secret itself
 *
 * Promise    "env:NAME" and "file:/path" are followed once; everything else is the secret. err
 *            never holds a secret.
 * Threads    Any.
 * Ownership  The caller frees the text.
 */
#ifndef REPOSTAL_SECRET_H
#define REPOSTAL_SECRET_H

#include <stdbool.h>

#include "repostal/error.h"

/* What is printed in place of a secret, and refused as one. */
#define SECRET_MASK "***"

enum {
	SECRET_FILE_SIZE_MAX = 64 * 1024
};

bool secret_is_literal(const char *text);
/* Of "file:/path" the path, else NULL. */
const char *secret_file(const char *text);
/* The secret stands in a file of its own, and everybody on this machine can read that. */
bool secret_file_is_open(const char *text);
/* NULL when it cannot be had; err then completes "'admin.token' ...". */
char *secret_resolve(const char *text, struct error *err);

#endif
