/* SPDX-License-Identifier: MIT */
/*
 * store_proof.h - how a gateway proves that it is the one of this store
 *
 * Promise    Pure. Who is asked answers a challenge with a digest that only those can make who can read the
 *            store; nothing of the secret can be learned from it. The place is part of it, so that an answer
 *            for one listener cannot be passed on as that of another.
 * Threads    Any.
 */
#ifndef REPOSTAL_STORE_PROOF_H
#define REPOSTAL_STORE_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/slice.h"

enum {
	STORE_PROOF_SECRET_SIZE = 32,
	STORE_PROOF_TEXT_SIZE = 65,     /* hexadecimal, with its NUL */
	STORE_PROOF_CHALLENGE_MIN = 32, /* characters */
	STORE_PROOF_CHALLENGE_MAX = 128,
};

bool store_proof_is_challenge(struct slice challenge);
/* place: admin.address and the port as the listener has them, or "" over the Unix socket. */
void store_proof_make(const uint8_t secret[STORE_PROOF_SECRET_SIZE], struct slice challenge,
	const char *place, char proof_out[STORE_PROOF_TEXT_SIZE]);

#endif
