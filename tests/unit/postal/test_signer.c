/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "repostal/memory.h"
#include "repostal/signer.h"

#define KEYS "tests/unit/crypto/"
#define KEY_ID "cefb263d2d38c94dda9e5ca5b031337b1f184142a328986a229e3784702e9fd8"
#define MODULUS                                                                            \
	"q-7Mh0Y5vq2SstkJS06Pcz6QblGMY08_YPvkdNs0yH0_JW9qfGgj_LjLkaxycxksyxeK0qmbjz1nQVAq" \
	"jsNaQzydpt3iH6sk2BiKJ73UN8Sc0NTvEcOoTnJEsLqIldrY5fbNGWr8poEd6cGUa21BxDPEFSdw9VvO" \
	"eDJd9UKYDJtM5z4DwGhFUx8oxPmFSPk9eqtI07zLJ5jzwKmd_lQnn8c-ljuABacHw-6mc4n3zNgwKA1W" \
	"wuNz2gbTBnyiVj0362OgZV9S7eM7Xqj1ldZ9sjlB5btLUNiNMmh0laNS91MSittcNnNldm8MoRiGlIa4" \
	"6frPKfSUwbfWfvFjG2rfJQ"

enum {
	JWKS_SIZE_MAX = 64 * 1024
};

static char pkcs8[] = KEYS "test-only-pkcs8.pem";
static char pkcs1[] = KEYS "test-only-pkcs1.pem"; /* the same key */
static char too_short[] = KEYS "test-only-1024-bits.pem";
static char missing[] = KEYS "no-such-file.pem";

static const char jwk[] = "{\"kty\":\"RSA\",\"n\":\"" MODULUS "\",\"e\":\"AQAB\",\"use\":\"sig\","
			  "\"alg\":\"RS256\",\"kid\":\"" KEY_ID "\"}";

static struct signer *load(char **keys, size_t count)
{
	struct signing_settings settings = { .keys = keys, .keys_count = count };
	struct signer *signer = NULL;
	struct error err;

	if (signer_load(&settings, &signer, &err) != STATUS_OK)
		fail_msg("%s", err.text);
	return signer;
}

static void check_jwks(const struct signer *signer, const char *want)
{
	struct buf out;

	buf_init(&out, JWKS_SIZE_MAX);
	signer_print_jwks(signer, &out);
	assert_string_equal(out.data, want);
	buf_free(&out);
}

/* The value of a header line, which must begin with name. */
static struct slice value_of(const char *line, const char *name)
{
	size_t name_size = strlen(name);

	if (strncmp(line, name, name_size) != 0)
		fail_msg("'%s' does not begin with '%s'", line, name);
	return slice_text(line + name_size);
}

static void test_headers(void **state)
{
	static const char body[] = "{\"event\":\"MessageSent\"}";
	char *keys[] = { pkcs8 };
	struct signer *signer = load(keys, 1);
	struct signature *signature = signer_sign(signer, slice_text(body), NULL);
	struct rsa_key *key = NULL;

	(void)state;
	assert_true(signer_is_on(signer));
	assert_non_null(signature);
	assert_int_equal(rsa_key_load_private(pkcs8, &key, NULL, NULL), STATUS_OK);
	assert_string_equal(signature->lines[0], "X-Postal-Signature-Kid: " KEY_ID);
	assert_true(rsa_key_verify(key, RSA_SHA1, slice_text(body),
		value_of(signature->lines[1], "X-Postal-Signature: ")));
	assert_true(rsa_key_verify(key, RSA_SHA256, slice_text(body),
		value_of(signature->lines[2], "X-Postal-Signature-256: ")));
	for (size_t i = 0; i < SIGNATURE_HEADERS; i++) {
		assert_true(strlen(signature->lines[i]) < SIGNATURE_LINE_SIZE);
		assert_null(strpbrk(signature->lines[i], "\r\n"));
	}
	free(signature);
	rsa_key_free(&key);
	signer_free(&signer);
	assert_null(signer);
}

static void test_same_body_same_signature(void **state)
{
	char *keys[] = { pkcs8 };
	struct signer *signer = load(keys, 1);
	struct signature *first = signer_sign(signer, SLICE_LITERAL("{}"), NULL);
	struct signature *second = signer_sign(signer, SLICE_LITERAL("{}"), NULL);

	(void)state;
	for (size_t i = 0; i < SIGNATURE_HEADERS; i++)
		assert_string_equal(first->lines[i], second->lines[i]);
	free(first);
	free(second);
	signer_free(&signer);
}

static void test_off(void **state)
{
	struct signer *signer = load(NULL, 0);
	struct error err = { "" };

	(void)state;
	assert_false(signer_is_on(signer));
	check_jwks(signer, "{\"keys\":[]}");
	assert_null(signer_sign(signer, SLICE_LITERAL("{}"), &err));
	assert_string_not_equal(err.text, "");
	signer_free(&signer);
}

static void test_jwks(void **state)
{
	char *same_key_twice[] = { pkcs8, pkcs1 };
	struct signer *signer = load(same_key_twice, 1);
	struct buf want;

	(void)state;
	buf_init(&want, JWKS_SIZE_MAX);
	buf_printf(&want, "{\"keys\":[%s]}", jwk);
	check_jwks(signer, want.data);
	signer_free(&signer);
	signer = load(same_key_twice, 2);
	check_jwks(signer, want.data);
	signer_free(&signer);
	buf_free(&want);
}

/* Rotation: the old key stays published behind the new one, which signs. */
static void test_second_key_is_published(void **state)
{
	char folder[] = "/tmp/repostal-signer-XXXXXX";
	char path[64];
	char *keys[] = { path, pkcs8 };
	struct rsa_key *key = NULL;
	struct signer *signer;
	struct signature *signature;
	struct buf jwks;
	const char *ours;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/new.key", folder);
	assert_int_equal(rsa_key_generate(path, &key, NULL), STATUS_OK);
	signer = load(keys, 2);
	signature = signer_sign(signer, SLICE_LITERAL("{}"), NULL);
	assert_true(slice_is(
		value_of(signature->lines[0], "X-Postal-Signature-Kid: "), rsa_key_id(key)));
	buf_init(&jwks, JWKS_SIZE_MAX);
	signer_print_jwks(signer, &jwks);
	ours = strstr(jwks.data, rsa_key_id(key));
	assert_non_null(ours);
	assert_non_null(strstr(ours, "\"},{\"kty\":\"RSA\",\"n\":\"" MODULUS "\",\"e\":\"AQAB\""));
	buf_free(&jwks);
	free(signature);
	signer_free(&signer);
	rsa_key_free(&key);
	unlink(path);
	rmdir(folder);
}

static void test_refusals(void **state)
{
	char *too_many[SIGNER_KEYS_MAX + 1];
	char *second_missing[] = { pkcs8, missing };
	char *weak[] = { too_short };
	const struct {
		const char *name;
		struct signing_settings settings;
		enum status want;
		const char *reason;
	} cases[] = {
		{ "the second is missing", { second_missing, 2 }, STATUS_IO, missing },
		{ "too short", { weak, 1 }, STATUS_INVALID, "1024 bits" },
		{ "too many", { too_many, SIGNER_KEYS_MAX + 1 }, STATUS_INVALID, "16" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(too_many); i++)
		too_many[i] = pkcs8;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct signer *signer = NULL;
		struct error err = { "" };
		enum status got = signer_load(&cases[i].settings, &signer, &err);

		if (got != cases[i].want || signer != NULL)
			fail_msg("%s: status %d", cases[i].name, (int)got);
		if (strstr(err.text, cases[i].reason) == NULL)
			fail_msg("%s: says '%s'", cases[i].name, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_same_body_same_signature),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_jwks),
		cmocka_unit_test(test_second_key_is_published),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
