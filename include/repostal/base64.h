/* SPDX-License-Identifier: MIT */
/*
 * base64.h - RFC 4648 base64, on one line
 *
 * Promise    Pure functions.
 * Threads    Any.
 */
#ifndef REPOSTAL_BASE64_H
#define REPOSTAL_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/slice.h"

enum base64_alphabet {
	BASE64_STANDARD, /* + and /; written with padding */
	BASE64_URL,      /* - and _; written without */
};

/* Characters of the encoded form, without a NUL, padding included. */
#define BASE64_SIZE(byte_count) (((byte_count) + 2) / 3 * 4)

/* Writes at most BASE64_SIZE(size) characters, no NUL; returns how many. */
size_t base64_encode(enum base64_alphabet alphabet, const uint8_t *bytes, size_t size, char *out);

/*
 * False when the text is not base64 or gives more than size_max bytes. Padding may be left out,
 * since people lose it when they copy a key; anything else that is not of the alphabet is refused.
 */
bool base64_decode(enum base64_alphabet alphabet, struct slice text, uint8_t *out, size_t size_max,
	size_t *size_out);

#endif
