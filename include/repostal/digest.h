/* SPDX-License-Identifier: MIT */
/*
 * digest.h - SHA-1 and SHA-256 of a few slices in a row, and HMAC
 *
 * Promise    The digest of the parts as if they were one text. After a thread's first call nothing
 *            is looked up or made again; OpenSSL 3.0 itself still allocates its hundred bytes of
 *            state.
 * Threads    Any; each has its own context.
 */
#ifndef REPOSTAL_DIGEST_H
#define REPOSTAL_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "repostal/slice.h"

enum {
	DIGEST_SHA1_SIZE = 20,
	DIGEST_SHA256_SIZE = 32
};

void digest_sha1(const struct slice *parts, size_t count, uint8_t out[DIGEST_SHA1_SIZE]);
void digest_sha256(const struct slice *parts, size_t count, uint8_t out[DIGEST_SHA256_SIZE]);

/* HMAC-SHA256; allocates, for what is asked seldom. */
void digest_hmac_sha256(struct slice key, struct slice text, uint8_t out[DIGEST_SHA256_SIZE]);

/* Lower-case hexadecimal: 2 * size characters and a NUL. */
void digest_hex(const uint8_t *bytes, size_t size, char *out);

/* Of OpenSSL, as it is in use. */
const char *digest_library_version(void);

#endif
