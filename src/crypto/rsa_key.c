/* SPDX-License-Identifier: MIT */
#include "repostal/rsa_key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "openssl_priv.h"
#include "repostal/base64.h"
#include "repostal/memory.h"

enum {
	KEY_BITS_MIN = 2048,
	KEY_BITS_MAX = 8192,
	PUBLIC_TEXT_SIZE_MAX = 64 * 1024,
	MODULUS_SIZE_MAX = KEY_BITS_MAX / 8,
	/* OpenSSL itself refuses longer ones for large keys: they make every verification slow. */
	EXPONENT_SIZE_MAX = 8,
	SPKI_SIZE_MAX = MODULUS_SIZE_MAX + 128,
};

void openssl_error(struct error *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	error_set(err, "%s: %s", what, reason == NULL ? "refused by OpenSSL" : reason);
	ERR_clear_error();
}

int openssl_refuse_passphrase(char *buf, int size, int for_writing, void *data)
{
	(void)buf;
	(void)size;
	(void)for_writing;
	(void)data;
	return -1;
}

static enum status compute_id(struct rsa_key *key, struct error *err)
{
	unsigned char *der = NULL; /* for an RSA key, PKCS#1 RSAPublicKey */
	int der_size = i2d_PublicKey(key->pkey, &der);
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct slice part;

	if (der_size <= 0) {
		openssl_error(err, "cannot encode the public key");
		return STATUS_INVALID;
	}
	part = slice_of((const char *)der, (size_t)der_size);
	digest_sha256(&part, 1, digest);
	digest_hex(digest, sizeof(digest), key->id);
	OPENSSL_free(der);
	return STATUS_OK;
}

static bool exponent_is_small(const EVP_PKEY *pkey)
{
	BIGNUM *exponent = NULL;
	bool small = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
		     BN_num_bytes(exponent) <= EXPONENT_SIZE_MAX;

	BN_free(exponent);
	return small;
}

enum status rsa_key_wrap(EVP_PKEY *pkey, struct rsa_key **key_out, struct error *err)
{
	struct rsa_key *key;
	int bits;

	/* RSASSA-PSS keys are of another name: they must not sign the way Postal does. */
	if (!EVP_PKEY_is_a(pkey, "RSA")) {
		error_set(err, "not an RSA key");
		return STATUS_INVALID;
	}
	bits = EVP_PKEY_get_bits(pkey);
	if (bits < KEY_BITS_MIN || bits > KEY_BITS_MAX) {
		error_set(err, "an RSA key of %d bits; %d to %d are accepted", bits, KEY_BITS_MIN,
			KEY_BITS_MAX);
		return STATUS_INVALID;
	}
	if (!exponent_is_small(pkey)) {
		error_set(err, "an RSA key with a public exponent of more than %d bits",
			8 * EXPONENT_SIZE_MAX);
		return STATUS_INVALID;
	}
	key = memory_zalloc(sizeof(*key));
	REPOSTAL_ASSERT(EVP_PKEY_up_ref(pkey) == 1);
	key->pkey = pkey;
	key->bits = bits;
	if (compute_id(key, err) != STATUS_OK) {
		rsa_key_free(&key);
		return STATUS_INVALID;
	}
	*key_out = key;
	return STATUS_OK;
}

void rsa_key_free(struct rsa_key **keyp)
{
	struct rsa_key *key = *keyp;

	if (key == NULL)
		return;
	*keyp = NULL;
	EVP_PKEY_CTX_free(key->signing[RSA_SHA1]);
	EVP_PKEY_CTX_free(key->signing[RSA_SHA256]);
	EVP_PKEY_free(key->pkey);
	free(key);
}

const char *rsa_key_id(const struct rsa_key *key)
{
	return key->id;
}

int rsa_key_bits(const struct rsa_key *key)
{
	return key->bits;
}

static EVP_PKEY *decode_pem(struct slice text)
{
	const unsigned char *data = (const unsigned char *)text.data;
	size_t size = text.size;
	EVP_PKEY *pkey = NULL;
	OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(
		&pkey, "PEM", NULL, NULL, EVP_PKEY_PUBLIC_KEY, NULL, NULL);

	REPOSTAL_ASSERT(decoder != NULL);
	OSSL_DECODER_CTX_set_pem_password_cb(decoder, openssl_refuse_passphrase, NULL);
	if (OSSL_DECODER_from_data(decoder, &data, &size) != 1) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	OSSL_DECODER_CTX_free(decoder);
	ERR_clear_error();
	return pkey;
}

/* Bare base64 as people paste it: broken into lines, with spaces around. */
static EVP_PKEY *decode_bare(struct slice text)
{
	char compact[BASE64_SIZE(SPKI_SIZE_MAX)];
	uint8_t der[SPKI_SIZE_MAX];
	const unsigned char *rest = der;
	size_t size = 0;
	EVP_PKEY *pkey;

	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] != '\0' && strchr(" \t\r\n", text.data[i]) != NULL)
			continue;
		if (size == sizeof(compact))
			return NULL;
		compact[size++] = text.data[i];
	}
	if (!base64_decode(BASE64_STANDARD, slice_of(compact, size), der, sizeof(der), &size))
		return NULL;
	pkey = d2i_PUBKEY(NULL, &rest, (long)size);
	if (pkey != NULL && rest != der + size) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	ERR_clear_error();
	return pkey;
}

enum status rsa_key_parse_public(struct slice text, struct rsa_key **key_out, struct error *err)
{
	static const char pem_start[] = "-----BEGIN ";
	EVP_PKEY *pkey = NULL;
	enum status status;

	if (text.size > 0 && text.size <= PUBLIC_TEXT_SIZE_MAX) {
		if (memmem(text.data, text.size, pem_start, sizeof(pem_start) - 1) != NULL)
			pkey = decode_pem(text);
		else
			pkey = decode_bare(text);
	}
	if (pkey == NULL) {
		error_set(
			err, "not a public key: neither PEM nor base64 of a SubjectPublicKeyInfo");
		return STATUS_INVALID;
	}
	status = rsa_key_wrap(pkey, key_out, err);
	EVP_PKEY_free(pkey);
	return status;
}

static BIGNUM *decode_number(struct slice text, size_t size_max)
{
	uint8_t bytes[MODULUS_SIZE_MAX];
	size_t size;

	REPOSTAL_ASSERT(size_max <= sizeof(bytes));
	if (!base64_decode(BASE64_URL, text, bytes, size_max, &size) || size == 0)
		return NULL;
	return BN_bin2bn(bytes, (int)size, NULL);
}

static EVP_PKEY *from_numbers(const BIGNUM *n, const BIGNUM *e)
{
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params = NULL;
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

	REPOSTAL_ASSERT(builder != NULL && context != NULL);
	if (OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(builder);
	if (params != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
		EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(context);
	return pkey;
}

enum status rsa_key_from_jwk(
	struct slice n, struct slice e, struct rsa_key **key_out, struct error *err)
{
	enum status status = STATUS_INVALID;
	BIGNUM *modulus = decode_number(n, MODULUS_SIZE_MAX);
	BIGNUM *exponent = decode_number(e, EXPONENT_SIZE_MAX);
	EVP_PKEY *pkey = NULL;

	if (modulus == NULL || exponent == NULL) {
		error_set(err, "n or e is not the base64url of a number of an RSA key");
		goto out;
	}
	pkey = from_numbers(modulus, exponent);
	if (pkey == NULL) {
		openssl_error(err, "n and e make no RSA key");
		goto out;
	}
	status = rsa_key_wrap(pkey, key_out, err);
out:
	EVP_PKEY_free(pkey);
	BN_free(exponent);
	BN_free(modulus);
	return status;
}
