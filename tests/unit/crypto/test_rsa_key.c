/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repostal/memory.h"
#include "repostal/rsa_key.h"

#define KEYS "tests/unit/crypto/"

enum {
	TEXT_SIZE_MAX = 64 * 1024,
	THREADS = 4,
	ROUNDS = 50
};

/* Computed once by the openssl command, from test-only-pkcs8.pem. */
static const char key_id[] = "cefb263d2d38c94dda9e5ca5b031337b1f184142a328986a229e3784702e9fd8";
static const char key_base64[] =
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAq+7Mh0Y5vq2SstkJS06Pcz6QblGMY08/YPvk"
	"dNs0yH0/JW9qfGgj/LjLkaxycxksyxeK0qmbjz1nQVAqjsNaQzydpt3iH6sk2BiKJ73UN8Sc0NTvEcOo"
	"TnJEsLqIldrY5fbNGWr8poEd6cGUa21BxDPEFSdw9VvOeDJd9UKYDJtM5z4DwGhFUx8oxPmFSPk9eqtI"
	"07zLJ5jzwKmd/lQnn8c+ljuABacHw+6mc4n3zNgwKA1WwuNz2gbTBnyiVj0362OgZV9S7eM7Xqj1ldZ9"
	"sjlB5btLUNiNMmh0laNS91MSittcNnNldm8MoRiGlIa46frPKfSUwbfWfvFjG2rfJQIDAQAB";
static const char key_modulus[] =
	"q-7Mh0Y5vq2SstkJS06Pcz6QblGMY08_YPvkdNs0yH0_JW9qfGgj_LjLkaxycxksyxeK0qmbjz1nQVAq"
	"jsNaQzydpt3iH6sk2BiKJ73UN8Sc0NTvEcOoTnJEsLqIldrY5fbNGWr8poEd6cGUa21BxDPEFSdw9VvO"
	"eDJd9UKYDJtM5z4DwGhFUx8oxPmFSPk9eqtI07zLJ5jzwKmd_lQnn8c-ljuABacHw-6mc4n3zNgwKA1W"
	"wuNz2gbTBnyiVj0362OgZV9S7eM7Xqj1ldZ9sjlB5btLUNiNMmh0laNS91MSittcNnNldm8MoRiGlIa4"
	"6frPKfSUwbfWfvFjG2rfJQ";
static const char body[] = "{\"event\":\"MessageSent\",\"uuid\":\"\xc3\xa9\"}";
static const char signature_sha1[] =
	"Srcv2jkovl2+T6i06l5bzO8J3De4IrWk+ctvGmrd2HIB0OFgWVjFLIfQxAam956lHBHoanWv88QlE71b"
	"9Agxf0zQZKBkfQe2+QJvfXlf16WNHGD/OSYKC3KtHfdZb0HkE8ZGSQ4Z9lqGoU5Wvdp5oOu//HiN2IhV"
	"ibjQOiPdOGWjCJX+i9Rc6ntaSIb8hCfP7qAFXoQ5rxDB4xJB2vy3P5pml7KlgkyRh8QNpAfazxj+s84G"
	"Tmkt8VfQXnoyxMapzeTAZvnx2Q0ZFXWKXP88JYTEJNTzhgcqKNUUqVPZAbVCk+xQzk2rJkswcb9fzPZK"
	"AW2RBjX2ZpcY8iWlfIQ30g==";
static const char signature_sha256[] =
	"a+ZMTNYESoxtelmWTTpsehEBqZzWM+jZ8xwH1vNh3bbxfQDtTblnDxO6vgjXIYA97sCaJGWFFJ9dMZ5v"
	"qZyJI+6VLEVeDy9C8QPxj8OdNzPAsGU2Bjfo+8aJnMiGRORa7nIXxkpTU73Pkv3n3uBDNl9qax8RBPDN"
	"ZkIhplMREwLLBqX7m1Kane7WSdeX4RqZERL5mg0yXSlcp3XG+A8N2XQaqGvpr9aVb2nFGd5VytD83Afo"
	"ChjekKgPjqDayCItiqZobVoC/MPq5RMM1bVWwG/pFNVHzINOExjO499M1Y/qxaw1CZxqfGRHLBw4IgW2"
	"BkrXF70mDWCrMTNJHyUHag==";

static struct rsa_key *load(const char *path)
{
	struct rsa_key *key = NULL;
	struct error err = { "" };

	if (rsa_key_load_private(path, &key, NULL, &err) != STATUS_OK)
		fail_msg("%s", err.text);
	return key;
}

static char *read_text(const char *path)
{
	char *text = memory_zalloc(TEXT_SIZE_MAX);
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	assert_true(fread(text, 1, TEXT_SIZE_MAX - 1, file) > 0);
	fclose(file);
	return text;
}

static void test_load_private(void **state)
{
	static const struct {
		const char *path;
		enum status want;
		const char *reason;
	} cases[] = {
		{ KEYS "test-only-pkcs8.pem", STATUS_OK, NULL },
		{ KEYS "test-only-pkcs1.pem", STATUS_OK, NULL },
		{ KEYS "no-such-file.pem", STATUS_IO, "No such file" },
		{ KEYS, STATUS_IO, "directory" },
		{ KEYS "test-only-public.pem", STATUS_INVALID, "not an unencrypted PEM" },
		{ KEYS "test-only-encrypted.pem", STATUS_INVALID, "not an unencrypted PEM" },
		{ KEYS "README.md", STATUS_INVALID, "not an unencrypted PEM" },
		{ KEYS "test-only-1024-bits.pem", STATUS_INVALID, "1024 bits" },
		{ KEYS "test-only-ec.pem", STATUS_INVALID, "not an RSA key" },
		{ KEYS "test-only-pss.pem", STATUS_INVALID, "not an RSA key" },
		{ KEYS "test-only-mismatched.pem", STATUS_INVALID, "" },
		{ "/dev/zero", STATUS_INVALID, "too long" },
		{ "/dev/null", STATUS_INVALID, "not an unencrypted PEM" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rsa_key *key = NULL;
		struct error err = { "" };
		enum status got = rsa_key_load_private(cases[i].path, &key, NULL, &err);

		if (got != cases[i].want)
			fail_msg("%s: status %d, %s", cases[i].path, (int)got, err.text);
		if ((got == STATUS_OK) != (key != NULL))
			fail_msg("%s: a key and a failure", cases[i].path);
		if (got != STATUS_OK && (strstr(err.text, cases[i].path) == NULL ||
						strstr(err.text, cases[i].reason) == NULL))
			fail_msg("%s: says '%s'", cases[i].path, err.text);
		if (got == STATUS_OK) {
			assert_string_equal(rsa_key_id(key), key_id);
			assert_int_equal(rsa_key_bits(key), 2048);
		}
		rsa_key_free(&key);
		assert_null(key);
	}
}

static void test_print(void **state)
{
	static const struct {
		const char *name;
		void (*print)(const struct rsa_key *key, struct buf *out);
		const char *want;
	} cases[] = {
		{ "base64", rsa_key_print_base64, key_base64 },
		{ "modulus", rsa_key_print_modulus, key_modulus },
		{ "exponent", rsa_key_print_exponent, "AQAB" },
	};
	struct rsa_key *key = load(KEYS "test-only-pkcs8.pem");
	char *pem = read_text(KEYS "test-only-public.pem");
	struct buf out;

	(void)state;
	buf_init(&out, TEXT_SIZE_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		buf_reset(&out);
		cases[i].print(key, &out);
		if (!slice_is(buf_slice(&out), cases[i].want))
			fail_msg("%s: %s", cases[i].name, out.data);
	}
	buf_reset(&out);
	rsa_key_print_pem(key, &out);
	assert_string_equal(out.data, pem);
	buf_free(&out);
	free(pem);
	rsa_key_free(&key);
}

static void test_signatures_of_openssl(void **state)
{
	struct rsa_key *key = load(KEYS "test-only-pkcs8.pem");
	char signature[RSA_BASE64_SIZE];

	(void)state;
	assert_int_equal(rsa_key_sign(key, RSA_SHA1, slice_text(body), signature, NULL), STATUS_OK);
	assert_string_equal(signature, signature_sha1);
	assert_int_equal(
		rsa_key_sign(key, RSA_SHA256, slice_text(body), signature, NULL), STATUS_OK);
	assert_string_equal(signature, signature_sha256);
	rsa_key_free(&key);
}

static void test_verify(void **state)
{
	static const struct {
		const char *name;
		enum rsa_digest digest;
		const char *body;
		const char *signature;
		bool want;
	} cases[] = {
		{ "SHA-1", RSA_SHA1, body, signature_sha1, true },
		{ "SHA-256", RSA_SHA256, body, signature_sha256, true },
		{ "the other digest", RSA_SHA256, body, signature_sha1, false },
		{ "another body", RSA_SHA1, "{}", signature_sha1, false },
		{ "empty body", RSA_SHA1, "", signature_sha1, false },
		{ "no signature", RSA_SHA1, body, "", false },
		{ "not base64", RSA_SHA1, body, "!!!!", false },
		{ "too short", RSA_SHA1, body, "Zm9v", false },
		{ "a part of it", RSA_SHA1, body, signature_sha1 + 4, false },
	};
	struct rsa_key *key = NULL;

	(void)state;
	assert_int_equal(rsa_key_parse_public(slice_text(key_base64), &key, NULL), STATUS_OK);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		bool got = rsa_key_verify(key, cases[i].digest, slice_text(cases[i].body),
			slice_text(cases[i].signature));

		if (got != cases[i].want)
			fail_msg("%s: %d", cases[i].name, got);
	}
	rsa_key_free(&key);
}

static void check_public(const char *name, const char *text, bool want)
{
	struct rsa_key *key = NULL;
	struct error err = { "" };
	char signature[RSA_BASE64_SIZE];
	enum status got = rsa_key_parse_public(slice_text(text), &key, &err);

	if (got != (want ? STATUS_OK : STATUS_INVALID))
		fail_msg("%s: status %d, %s", name, (int)got, err.text);
	if (!want && (err.text[0] == '\0' || key != NULL))
		fail_msg("%s: no reason, or a key", name);
	if (want && strcmp(rsa_key_id(key), key_id) != 0)
		fail_msg("%s: another key", name);
	if (want && rsa_key_sign(key, RSA_SHA1, slice_text(body), signature, &err) == STATUS_OK)
		fail_msg("%s: a public key signs", name);
	rsa_key_free(&key);
}

static void test_parse_public(void **state)
{
	static const struct {
		const char *path;
		bool want;
	} files[] = {
		{ KEYS "test-only-public.pem", true },
		{ KEYS "test-only-public-pkcs1.pem", true },
		{ KEYS "test-only-ec.pem", false },
		{ KEYS "test-only-1024-bits.pem", false },
		{ KEYS "test-only-encrypted.pem", false },
		{ KEYS "README.md", false },
	};
	char folded[sizeof(key_base64) + 8];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		char *text = read_text(files[i].path);

		check_public(files[i].path, text, files[i].want);
		free(text);
	}
	check_public("bare base64", key_base64, true);
	(void)snprintf(folded, sizeof(folded), " %.64s\r\n\t%s\n", key_base64, key_base64 + 64);
	check_public("bare base64 on two lines", folded, true);
	(void)snprintf(folded, sizeof(folded), "%sAAAA", key_base64);
	check_public("trailing bytes", folded, false);
	(void)snprintf(folded, sizeof(folded), "%.200s", key_base64);
	check_public("a part of it", folded, false);
	check_public("empty", "", false);
	check_public("no base64", "?", false);
	check_public("PEM without an end", "-----BEGIN PUBLIC KEY-----\nAAAA", false);
}

static void test_parse_public_too_long(void **state)
{
	char *text = memory_alloc(2 * TEXT_SIZE_MAX);
	struct rsa_key *key = NULL;

	(void)state;
	memset(text, 'A', 2 * TEXT_SIZE_MAX);
	for (size_t size = 1024; size <= 2 * TEXT_SIZE_MAX; size *= 2)
		assert_int_equal(
			rsa_key_parse_public(slice_of(text, size), &key, NULL), STATUS_INVALID);
	assert_null(key);
	free(text);
}

static void test_from_jwk(void **state)
{
	static const struct {
		const char *name;
		const char *n;
		const char *e;
		bool want;
	} cases[] = {
		{ "as printed", key_modulus, "AQAB", true },
		{ "no modulus", "", "AQAB", false },
		{ "no exponent", key_modulus, "", false },
		{ "short modulus", "AQAB", "AQAB", false },
		{ "long exponent", key_modulus, "AQABAQABAQAB", false },
		{ "standard base64", "q+7M", "AQAB", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rsa_key *key = NULL;
		struct error err = { "" };
		enum status got = rsa_key_from_jwk(
			slice_text(cases[i].n), slice_text(cases[i].e), &key, &err);

		if (got != (cases[i].want ? STATUS_OK : STATUS_INVALID))
			fail_msg("%s: status %d, %s", cases[i].name, (int)got, err.text);
		if (got == STATUS_OK && strcmp(rsa_key_id(key), key_id) != 0)
			fail_msg("%s: another key", cases[i].name);
		if (got != STATUS_OK && err.text[0] == '\0')
			fail_msg("%s: no reason", cases[i].name);
		rsa_key_free(&key);
	}
}

/* A new folder for the files of one test. */
static void make_folder(char *folder, size_t size)
{
	(void)snprintf(folder, size, "/tmp/repostal-rsa-key-XXXXXX");
	assert_non_null(mkdtemp(folder));
}

static void test_generate(void **state)
{
	char folder[64];
	char path[128];
	struct rsa_key *key = NULL;
	struct rsa_key *again = NULL;
	struct error err = { "" };
	struct stat info;
	bool permissive = true;
	mode_t mask = umask(0277);

	(void)state;
	make_folder(folder, sizeof(folder));
	(void)chmod(folder, 0700);
	(void)snprintf(path, sizeof(path), "%s/signing.key", folder);
	assert_int_equal(rsa_key_generate(path, &key, &err), STATUS_OK);
	umask(mask);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	assert_int_equal(rsa_key_load_private(path, &again, &permissive, &err), STATUS_OK);
	assert_false(permissive);
	assert_string_equal(rsa_key_id(key), rsa_key_id(again));
	assert_int_equal(rsa_key_bits(key), 2048);
	rsa_key_free(&again);
	rsa_key_free(&key);

	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(rsa_key_load_private(path, &again, &permissive, &err), STATUS_OK);
	assert_true(permissive);
	rsa_key_free(&again);

	assert_int_equal(rsa_key_generate(path, &key, &err), STATUS_BUSY);
	assert_non_null(strstr(err.text, path));
	assert_null(key);
	assert_int_equal(stat(path, &info), 0);
	assert_true(info.st_size > 0);
	unlink(path);
	rmdir(folder);
	assert_int_equal(rsa_key_generate(path, &key, &err), STATUS_IO);
	assert_null(key);
}

static void *sign_many(void *data)
{
	const struct rsa_key *key = data;
	char signature[RSA_BASE64_SIZE];

	for (int i = 0; i < ROUNDS; i++) {
		enum rsa_digest digest = i % 2 == 0 ? RSA_SHA1 : RSA_SHA256;
		const char *want = i % 2 == 0 ? signature_sha1 : signature_sha256;

		if (rsa_key_sign(key, digest, slice_text(body), signature, NULL) != STATUS_OK ||
			strcmp(signature, want) != 0)
			return data;
	}
	return NULL;
}

static void test_threads_share_a_key(void **state)
{
	struct rsa_key *key = load(KEYS "test-only-pkcs8.pem");
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_many, key), 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	rsa_key_free(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load_private),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_signatures_of_openssl),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_parse_public),
		cmocka_unit_test(test_parse_public_too_long),
		cmocka_unit_test(test_from_jwk),
		cmocka_unit_test(test_generate),
		cmocka_unit_test(test_threads_share_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
