/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "repostal/digest.h"
#include "repostal/memory.h"
#include "repostal/store_proof.h"

/* RFC 4231, test cases 1 and 2. */
static void test_hmac(void **state)
{
	static const struct {
		struct slice key, text;
		const char *want;
	} cases[] = {
		{ { "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
		    "\x0b",
			  20 },
			{ "Hi There", 8 },
			"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ { "Jefe", 4 }, { "what do ya want for nothing?", 28 },
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint8_t digest[DIGEST_SHA256_SIZE];
		char hex[2 * DIGEST_SHA256_SIZE + 1];

		digest_hmac_sha256(cases[i].key, cases[i].text, digest);
		digest_hex(digest, sizeof(digest), hex);
		assert_string_equal(hex, cases[i].want);
	}
}

static void test_a_proof_is_for_one_question(void **state)
{
	static const uint8_t secret[STORE_PROOF_SECRET_SIZE] = { 1 };
	static const uint8_t other[STORE_PROOF_SECRET_SIZE] = { 2 };
	struct slice challenge = SLICE_LITERAL("00112233445566778899aabbccddeeff");
	struct slice another = SLICE_LITERAL("10112233445566778899aabbccddeeff");
	char proof[STORE_PROOF_TEXT_SIZE], again[STORE_PROOF_TEXT_SIZE];

	(void)state;
	store_proof_make(secret, challenge, "127.0.0.1 8026", proof);
	store_proof_make(secret, challenge, "127.0.0.1 8026", again);
	assert_string_equal(proof, again);
	store_proof_make(other, challenge, "127.0.0.1 8026", again);
	assert_string_not_equal(proof, again);
	store_proof_make(secret, another, "127.0.0.1 8026", again);
	assert_string_not_equal(proof, again);
	store_proof_make(secret, challenge, "127.0.0.1 8027", again);
	assert_string_not_equal(proof, again);
	store_proof_make(secret, challenge, "", again);
	assert_string_not_equal(proof, again);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_a_proof_is_for_one_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
