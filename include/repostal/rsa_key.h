/* SPDX-License-Identifier: MIT */
/*
 * rsa_key.h - RSA keys: make, read, sign, verify, publish
 *
 * Promise    A loaded key never changes and may be used by many threads at once. Only RSA of at
 *            least 2048 and at most 8192 bits is accepted.
 * Threads    Any.
 * Ownership  rsa_key_free() takes a pointer to the pointer and accepts null.
 * Errors     STATUS_IO the file cannot be read or written; STATUS_INVALID not such a key;
 *            STATUS_BUSY (generate only) the file exists.
 */
#ifndef REPOSTAL_RSA_KEY_H
#define REPOSTAL_RSA_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/buf.h"
#include "repostal/error.h"
#include "repostal/slice.h"

enum {
	RSA_KEY_ID_SIZE = 65,      /* 64 hex digits and a NUL */
	RSA_SIGNATURE_SIZE = 1024, /* bytes of an RSA-8192 signature */
	RSA_BASE64_SIZE = 1369,    /* its base64 and a NUL */
};

enum rsa_digest {
	RSA_SHA1,
	RSA_SHA256
};

struct rsa_key;

/* PEM private key (PKCS#1 or PKCS#8, not encrypted). A group- or world-readable file is a warning
 * for the caller: *permissive_out (may be NULL) says so. */
enum status rsa_key_load_private(
	const char *path, struct rsa_key **key_out, bool *permissive_out, struct error *err);
/* A new RSA-2048 key written to path with mode 0600, never over an existing file. */
enum status rsa_key_generate(const char *path, struct rsa_key **key_out, struct error *err);
/* A public key given as PEM, or as the bare base64 SubjectPublicKeyInfo that Postal prints as p=.
 */
enum status rsa_key_parse_public(struct slice text, struct rsa_key **key_out, struct error *err);
/* From the base64url n and e of a JWKS entry. */
enum status rsa_key_from_jwk(
	struct slice n, struct slice e, struct rsa_key **key_out, struct error *err);
void rsa_key_free(struct rsa_key **keyp);

/*
 * Postal's key id: lower-case hex SHA-256 of the DER of PKCS#1 RSAPublicKey{n, e} (ruby-jwt's
 * KidAsKeyDigest); valid as long as the key.
 */
const char *rsa_key_id(const struct rsa_key *key);
int rsa_key_bits(const struct rsa_key *key);

/* Base64 (one line, padded) of the RSASSA-PKCS1-v1_5 signature over body; deterministic. */
enum status rsa_key_sign(const struct rsa_key *key, enum rsa_digest digest, struct slice body,
	char out[RSA_BASE64_SIZE], struct error *err);
bool rsa_key_verify(const struct rsa_key *key, enum rsa_digest digest, struct slice body,
	struct slice signature_base64);

/* Appends. PEM ends in a newline; base64 is one line; n and e are base64url without padding. */
void rsa_key_print_pem(const struct rsa_key *key, struct buf *out);
void rsa_key_print_base64(const struct rsa_key *key, struct buf *out);
void rsa_key_print_modulus(const struct rsa_key *key, struct buf *out);
void rsa_key_print_exponent(const struct rsa_key *key, struct buf *out);

#endif
