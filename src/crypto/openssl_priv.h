/* SPDX-License-Identifier: MIT */
/*
 * openssl_priv.h - what the files of this folder share, and nobody else may see
 *
 * Promise    Algorithms are fetched from OpenSSL once per process: a fetch by name takes locks and
 *            costs more than the digest of a short text.
 * Threads    Any.
 */
#ifndef REPOSTAL_OPENSSL_PRIV_H
#define REPOSTAL_OPENSSL_PRIV_H

#include <openssl/evp.h>

#include "repostal/digest.h"
#include "repostal/error.h"
#include "repostal/rsa_key.h"

/* Lives as long as the process. */
const EVP_MD *openssl_sha1(void);
const EVP_MD *openssl_sha256(void);

/* "what: OpenSSL's reason", and empties OpenSSL's error queue for this thread. */
void openssl_error(struct error *err, const char *what);

/*
 * A pass phrase callback that has none: without it, OpenSSL asks for that of an encrypted key on
 * the terminal, and waits.
 */
int openssl_refuse_passphrase(char *buf, int size, int for_writing, void *data);

struct rsa_key {
	EVP_PKEY *pkey;
	/* Ready to sign, by enum rsa_digest; only ever copied from. NULL in a public key. */
	EVP_PKEY_CTX *signing[2];
	int bits;
	char id[RSA_KEY_ID_SIZE];
};

/*
 * Takes a reference on pkey, checks it and computes the id. STATUS_INVALID, with a text that names
 * only the reason, when it is not a key that we accept.
 */
enum status rsa_key_wrap(EVP_PKEY *pkey, struct rsa_key **key_out, struct error *err);

/* Makes a key that has its private half able to sign, and proves it with one signature. */
enum status rsa_key_prepare_signing(struct rsa_key *key, struct error *err);

#endif
