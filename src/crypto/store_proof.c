/* SPDX-License-Identifier: MIT */
#include "repostal/store_proof.h"

#include "repostal/buf.h"
#include "repostal/digest.h"
#include "repostal/memory.h"

enum {
	TEXT_SIZE_MAX = 1024
};

bool store_proof_is_challenge(struct slice challenge)
{
	if (challenge.size < STORE_PROOF_CHALLENGE_MIN ||
		challenge.size > STORE_PROOF_CHALLENGE_MAX)
		return false;
	for (size_t i = 0; i < challenge.size; i++) {
		char c = challenge.data[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

void store_proof_make(const uint8_t secret[STORE_PROOF_SECRET_SIZE], struct slice challenge,
	const char *place, char proof_out[STORE_PROOF_TEXT_SIZE])
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct buf text;

	buf_init(&text, TEXT_SIZE_MAX);
	buf_append_text(&text, "repostal admin\n");
	buf_append_slice(&text, challenge);
	buf_append_char(&text, '\n');
	buf_append_text(&text, place);
	REPOSTAL_ASSERT(!text.overflowed);
	digest_hmac_sha256(
		slice_of((const char *)secret, STORE_PROOF_SECRET_SIZE), buf_slice(&text), digest);
	digest_hex(digest, sizeof(digest), proof_out);
	buf_free(&text);
}
