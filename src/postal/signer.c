/* SPDX-License-Identifier: MIT */
#include "repostal/signer.h"

#include <stdlib.h>

#include "repostal/memory.h"

struct signer {
	struct rsa_key *keys[SIGNER_KEYS_MAX];
	size_t keys_count;
};

static bool has_key(const struct signer *signer, const struct rsa_key *key)
{
	for (size_t i = 0; i < signer->keys_count; i++) {
		if (strcmp(rsa_key_id(signer->keys[i]), rsa_key_id(key)) == 0)
			return true;
	}
	return false;
}

enum status signer_load(
	const struct signing_settings *settings, struct signer **signer_out, struct error *err)
{
	struct signer *signer;

	if (settings->keys_count > SIGNER_KEYS_MAX) {
		error_set(err, "%zu signing keys; %d are the limit", settings->keys_count,
			SIGNER_KEYS_MAX);
		return STATUS_INVALID;
	}
	signer = memory_zalloc(sizeof(*signer));
	for (size_t i = 0; i < settings->keys_count; i++) {
		struct rsa_key *key = NULL;
		enum status status = rsa_key_load_private(settings->keys[i], &key, NULL, err);

		if (status != STATUS_OK) {
			signer_free(&signer);
			return status;
		}
		/* Two paths to one key: a key id must be in a JWKS once only. */
		if (has_key(signer, key))
			rsa_key_free(&key);
		else
			signer->keys[signer->keys_count++] = key;
	}
	*signer_out = signer;
	return STATUS_OK;
}

void signer_free(struct signer **signerp)
{
	struct signer *signer = *signerp;

	if (signer == NULL)
		return;
	*signerp = NULL;
	for (size_t i = 0; i < signer->keys_count; i++)
		rsa_key_free(&signer->keys[i]);
	free(signer);
}

bool signer_is_on(const struct signer *signer)
{
	return signer->keys_count > 0;
}

const char *signer_key_id(const struct signer *signer)
{
	return signer_is_on(signer) ? rsa_key_id(signer->keys[0]) : "";
}

struct signature *signer_sign(const struct signer *signer, struct slice body, struct error *err)
{
	/* Postal's own spelling on the wire, in its order. */
	static const char *const names[SIGNATURE_HEADERS] = {
		"X-Postal-Signature-Kid: ",
		"X-Postal-Signature: ",
		"X-Postal-Signature-256: ",
	};
	char sha1[RSA_BASE64_SIZE];
	char sha256[RSA_BASE64_SIZE];
	const char *values[SIGNATURE_HEADERS] = { NULL, sha1, sha256 };
	struct signature *signature;
	size_t size = 0;
	char *end;

	if (!signer_is_on(signer)) {
		error_set(err, "there is no signing key");
		return NULL;
	}
	values[0] = rsa_key_id(signer->keys[0]);
	if (rsa_key_sign(signer->keys[0], RSA_SHA1, body, sha1, err) != STATUS_OK ||
		rsa_key_sign(signer->keys[0], RSA_SHA256, body, sha256, err) != STATUS_OK)
		return NULL;
	for (size_t i = 0; i < SIGNATURE_HEADERS; i++)
		size += strlen(names[i]) + strlen(values[i]) + 1;
	signature = memory_alloc(sizeof(*signature) + size);
	end = signature->text;
	for (size_t i = 0; i < SIGNATURE_HEADERS; i++) {
		signature->lines[i] = end;
		end = mempcpy(end, names[i], strlen(names[i]));
		end = mempcpy(end, values[i], strlen(values[i]) + 1);
	}
	return signature;
}

void signer_print_jwks(const struct signer *signer, struct buf *out)
{
	buf_append_text(out, "{\"keys\":[");
	for (size_t i = 0; i < signer->keys_count; i++) {
		const struct rsa_key *key = signer->keys[i];

		buf_append_text(
			out, i == 0 ? "{\"kty\":\"RSA\",\"n\":\"" : ",{\"kty\":\"RSA\",\"n\":\"");
		rsa_key_print_modulus(key, out);
		buf_append_text(out, "\",\"e\":\"");
		rsa_key_print_exponent(key, out);
		buf_append_text(out, "\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"");
		buf_append_text(out, rsa_key_id(key));
		buf_append_text(out, "\"}");
	}
	buf_append_text(out, "]}");
}
