/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "repostal/digest.h"
#include "repostal/memory.h"

enum {
	THREADS = 4,
	ROUNDS = 2000
};

struct digest_case {
	const char *name;
	struct slice parts[3];
	size_t count;
	const char *sha1;
	const char *sha256;
};

/* The vectors of FIPS 180. */
static const struct digest_case cases[] = {
	{ "no part", { { 0 } }, 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "an empty part without a pointer", { { NULL, 0 } }, 1,
		"da39a3ee5e6b4b0d3255bfef95601890afd80709",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", { { "abc", 3 } }, 1, "a9993e364706816aba3e25717850c26c9cd0d89d",
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abc in three parts, one empty", { { "a", 1 }, { NULL, 0 }, { "bc", 2 } }, 3,
		"a9993e364706816aba3e25717850c26c9cd0d89d",
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "two blocks",
		{ { "abcdbcdecdefdefgefghfghighijhijk", 32 }, { "ijkljklmklmnlmnomnopnopq", 24 } },
		2, "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	{ "a NUL is a byte", { { "\0", 1 } }, 1, "5ba93c9db0cff93f52b521d7420e43f6eda2784f",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
};

static bool case_holds(const struct digest_case *row)
{
	uint8_t sha1[DIGEST_SHA1_SIZE];
	uint8_t sha256[DIGEST_SHA256_SIZE];
	char sha1_hex[2 * DIGEST_SHA1_SIZE + 1];
	char sha256_hex[2 * DIGEST_SHA256_SIZE + 1];

	digest_sha1(row->parts, row->count, sha1);
	digest_sha256(row->parts, row->count, sha256);
	digest_hex(sha1, sizeof(sha1), sha1_hex);
	digest_hex(sha256, sizeof(sha256), sha256_hex);
	return strcmp(sha1_hex, row->sha1) == 0 && strcmp(sha256_hex, row->sha256) == 0;
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (!case_holds(&cases[i]))
			fail_msg("%s", cases[i].name);
	}
}

static void *run_all(void *wrong)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (!case_holds(&cases[(size_t)i % ARRAY_COUNT(cases)]))
			*(int *)wrong += 1;
	}
	return NULL;
}

static void test_threads_do_not_mix(void **state)
{
	pthread_t threads[THREADS];
	int wrong[THREADS] = { 0 };

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_all, &wrong[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
}

static void test_hex(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x0f, 0xa9, 0xff };
	char hex[9];

	(void)state;
	digest_hex(bytes, sizeof(bytes), hex);
	assert_string_equal(hex, "000fa9ff");
	digest_hex(bytes, 0, hex);
	assert_string_equal(hex, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_threads_do_not_mix),
		cmocka_unit_test(test_hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
