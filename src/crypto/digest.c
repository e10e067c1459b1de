/* SPDX-License-Identifier: MIT */
#include "repostal/digest.h"

#include <pthread.h>

#include "openssl_priv.h"
#include "repostal/memory.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key; /* frees a thread's context when it ends */
static EVP_MD *sha1;
static EVP_MD *sha256;
static _Thread_local EVP_MD_CTX *context;

static void context_free(void *mine)
{
	EVP_MD_CTX_free(mine);
	context = NULL;
}

static void fetch(void)
{
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	REPOSTAL_ASSERT(sha1 != NULL && sha256 != NULL);
	REPOSTAL_ASSERT(pthread_key_create(&context_key, context_free) == 0);
}

const EVP_MD *openssl_sha1(void)
{
	pthread_once(&once, fetch);
	return sha1;
}

const EVP_MD *openssl_sha256(void)
{
	pthread_once(&once, fetch);
	return sha256;
}

static void context_make(void)
{
	context = EVP_MD_CTX_new();
	REPOSTAL_ASSERT(context != NULL);
	REPOSTAL_ASSERT(pthread_setspecific(context_key, context) == 0);
}

/* A digest of memory cannot fail; if OpenSSL thinks otherwise, it is out of memory or broken. */
static void digest(const EVP_MD *md, const struct slice *parts, size_t count, uint8_t *out)
{
	if (context == NULL)
		context_make();
	REPOSTAL_ASSERT(EVP_DigestInit_ex2(context, md, NULL) == 1);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].size > 0)
			REPOSTAL_ASSERT(
				EVP_DigestUpdate(context, parts[i].data, parts[i].size) == 1);
	}
	REPOSTAL_ASSERT(EVP_DigestFinal_ex(context, out, NULL) == 1);
}

void digest_sha1(const struct slice *parts, size_t count, uint8_t out[DIGEST_SHA1_SIZE])
{
	digest(openssl_sha1(), parts, count, out);
}

void digest_sha256(const struct slice *parts, size_t count, uint8_t out[DIGEST_SHA256_SIZE])
{
	digest(openssl_sha256(), parts, count, out);
}

void digest_hmac_sha256(struct slice key, struct slice text, uint8_t out[DIGEST_SHA256_SIZE])
{
	size_t size = 0;

	REPOSTAL_ASSERT(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key.data, key.size,
				(const unsigned char *)text.data, text.size, out,
				DIGEST_SHA256_SIZE, &size) != NULL &&
			size == DIGEST_SHA256_SIZE);
}

void digest_hex(const uint8_t *bytes, size_t size, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

const char *digest_library_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}
