/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "openssl_priv.h"
#include "repostal/base64.h"
#include "repostal/memory.h"

/* A key that was accepted can be encoded: failure here is memory running out inside OpenSSL. */

static void print_base64(
	enum base64_alphabet alphabet, const uint8_t *bytes, size_t size, struct buf *out)
{
	char *room = buf_reserve(out, BASE64_SIZE(size));

	if (room != NULL)
		buf_commit(out, base64_encode(alphabet, bytes, size, room));
}

void rsa_key_print_pem(const struct rsa_key *key, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long size;

	REPOSTAL_ASSERT(bio != NULL && PEM_write_bio_PUBKEY(bio, key->pkey) == 1);
	size = BIO_get_mem_data(bio, &data);
	buf_append(out, data, (size_t)size);
	BIO_free(bio);
}

void rsa_key_print_base64(const struct rsa_key *key, struct buf *out)
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(key->pkey, &der);

	REPOSTAL_ASSERT(size > 0);
	print_base64(BASE64_STANDARD, der, (size_t)size, out);
	OPENSSL_free(der);
}

static void print_number(const struct rsa_key *key, const char *name, struct buf *out)
{
	uint8_t bytes[RSA_SIGNATURE_SIZE];
	BIGNUM *number = NULL;

	REPOSTAL_ASSERT(EVP_PKEY_get_bn_param(key->pkey, name, &number) == 1);
	REPOSTAL_ASSERT(BN_num_bytes(number) <= (int)sizeof(bytes));
	print_base64(BASE64_URL, bytes, (size_t)BN_bn2bin(number, bytes), out);
	BN_free(number);
}

void rsa_key_print_modulus(const struct rsa_key *key, struct buf *out)
{
	print_number(key, OSSL_PKEY_PARAM_RSA_N, out);
}

void rsa_key_print_exponent(const struct rsa_key *key, struct buf *out)
{
	print_number(key, OSSL_PKEY_PARAM_RSA_E, out);
}
