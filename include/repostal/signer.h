/* SPDX-License-Identifier: MIT */
/*
 * signer.h - Postal's three signature headers and its JWKS document
 *
 * Promise    The first key signs; all keys are published. A signer never changes after it is made.
 * Threads    Any number at once.
 * Errors     STATUS_INVALID, STATUS_IO from loading a key.
 */
#ifndef REPOSTAL_SIGNER_H
#define REPOSTAL_SIGNER_H

#include <stddef.h>

#include "repostal/buf.h"
#include "repostal/error.h"
#include "repostal/rsa_key.h"
#include "repostal/slice.h"

enum {
	SIGNER_KEYS_MAX = 16
};

struct signing_settings {
	char **keys;       /* paths of PEM private keys */
	size_t keys_count; /* 0: signing is off */
};

struct signer;

/* No keys give a signer that signs nothing and publishes an empty set. */
enum status signer_load(
	const struct signing_settings *settings, struct signer **signer_out, struct error *err);
void signer_free(struct signer **signerp);
bool signer_is_on(const struct signer *signer);
/* Of the key that signs, as receivers are told it; "" when signing is off. */
const char *signer_key_id(const struct signer *signer);

/* Header lines "Name: value", NUL-terminated, as libcurl takes them. */
enum {
	SIGNATURE_HEADERS = 3,
	SIGNATURE_LINE_SIZE = RSA_BASE64_SIZE + 32
};
struct signature {
	char *lines[SIGNATURE_HEADERS]; /* Kid, Signature (SHA-1), Signature-256; point into text */
	char text[];
};

/* A malloc()ed signature over the body, or NULL (err says why; OpenSSL refused). */
struct signature *signer_sign(const struct signer *signer, struct slice body, struct error *err);

/* The JWKS document exactly as Postal writes it, all keys in order. */
void signer_print_jwks(const struct signer *signer, struct buf *out);

#endif
