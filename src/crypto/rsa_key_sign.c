/* SPDX-License-Identifier: MIT */
/*
 * Signing is the dearest step of an event's life, so nothing is looked up here: every private key
 * holds a context for each digest, with padding and algorithm already resolved, and a signature
 * starts from a copy of it. Contexts are not kept by thread: a copy costs well under 1 % of an
 * RSA-2048 signature.
 */
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "openssl_priv.h"
#include "repostal/base64.h"
#include "repostal/memory.h"

static const EVP_MD *digest_of(enum rsa_digest digest)
{
	switch (digest) {
	case RSA_SHA1:
		return openssl_sha1();
	case RSA_SHA256:
		return openssl_sha256();
	}
	return NULL;
}

static size_t digest_body(enum rsa_digest digest, struct slice body, uint8_t *out)
{
	switch (digest) {
	case RSA_SHA1:
		digest_sha1(&body, 1, out);
		return DIGEST_SHA1_SIZE;
	case RSA_SHA256:
		digest_sha256(&body, 1, out);
		return DIGEST_SHA256_SIZE;
	}
	return 0;
}

static bool context_set(EVP_PKEY_CTX *context, enum rsa_digest digest)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(context, digest_of(digest)) == 1;
}

static EVP_PKEY_CTX *signing_context(EVP_PKEY *pkey, enum rsa_digest digest)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	REPOSTAL_ASSERT(context != NULL);
	if (EVP_PKEY_sign_init(context) == 1 && context_set(context, digest))
		return context;
	EVP_PKEY_CTX_free(context);
	return NULL;
}

enum status rsa_key_prepare_signing(struct rsa_key *key, struct error *err)
{
	struct slice probe = SLICE_LITERAL("repostal");
	char signature[RSA_BASE64_SIZE];

	for (int digest = RSA_SHA1; digest <= RSA_SHA256; digest++) {
		key->signing[digest] = signing_context(key->pkey, (enum rsa_digest)digest);
		if (key->signing[digest] == NULL) {
			openssl_error(err, "the key cannot sign");
			return STATUS_INVALID;
		}
	}
	if (rsa_key_sign(key, RSA_SHA256, probe, signature, err) != STATUS_OK)
		return STATUS_INVALID;
	if (!rsa_key_verify(key, RSA_SHA256, probe, slice_text(signature))) {
		error_set(err, "the private and the public half do not belong together");
		return STATUS_INVALID;
	}
	return STATUS_OK;
}

enum status rsa_key_sign(const struct rsa_key *key, enum rsa_digest digest, struct slice body,
	char out[RSA_BASE64_SIZE], struct error *err)
{
	enum status status = STATUS_INVALID;
	uint8_t digest_bytes[DIGEST_SHA256_SIZE];
	uint8_t signature[RSA_SIGNATURE_SIZE];
	size_t signature_size = sizeof(signature);
	size_t digest_size;
	EVP_PKEY_CTX *context = NULL;

	if (key->signing[digest] == NULL) {
		error_set(err, "a public key cannot sign");
		goto out;
	}
	digest_size = digest_body(digest, body, digest_bytes);
	context = EVP_PKEY_CTX_dup(key->signing[digest]);
	if (context == NULL || EVP_PKEY_sign(context, signature, &signature_size, digest_bytes,
				       digest_size) != 1) {
		openssl_error(err, "cannot sign");
		goto out;
	}
	out[base64_encode(BASE64_STANDARD, signature, signature_size, out)] = '\0';
	status = STATUS_OK;
out:
	EVP_PKEY_CTX_free(context);
	return status;
}

bool rsa_key_verify(const struct rsa_key *key, enum rsa_digest digest, struct slice body,
	struct slice signature_base64)
{
	uint8_t digest_bytes[DIGEST_SHA256_SIZE];
	uint8_t signature[RSA_SIGNATURE_SIZE];
	size_t signature_size;
	size_t digest_size;
	EVP_PKEY_CTX *context;
	bool valid;

	if (!base64_decode(BASE64_STANDARD, signature_base64, signature, sizeof(signature),
		    &signature_size))
		return false;
	digest_size = digest_body(digest, body, digest_bytes);
	context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	REPOSTAL_ASSERT(context != NULL);
	valid = EVP_PKEY_verify_init(context) == 1 && context_set(context, digest) &&
		EVP_PKEY_verify(context, signature, signature_size, digest_bytes, digest_size) == 1;
	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	return valid;
}
