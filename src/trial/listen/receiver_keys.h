/* SPDX-License-Identifier: MIT */
/*
 * receiver_keys.h - the public keys that a receiver checks Postal's signatures with
 *
 * Promise    With a JWKS URL the keys follow it: an unknown key id fetches it again, at most once
 *            in ten seconds (once in a second as long as no key is known, since the sender may
 *            only just be starting).
 * Threads    Checking: any number at once. A check may wait for the JWKS, a few seconds at most.
 * Errors     STATUS_INVALID not a key; STATUS_IO the file or the URL cannot be read.
 */
#ifndef REPOSTAL_TRIAL_RECEIVER_KEYS_H
#define REPOSTAL_TRIAL_RECEIVER_KEYS_H

#include "repostal/error.h"
#include "repostal/slice.h"

/* From BAD on they are bad. */
enum signature_check {
	SIGNATURE_NONE,      /* not sent */
	SIGNATURE_UNCHECKED, /* sent, but no key was given to check with */
	SIGNATURE_OK,
	SIGNATURE_BAD,
	SIGNATURE_UNKNOWN_KEY, /* its key id is not in the JWKS */
};

/* X-Postal-Signature-KID, X-Postal-Signature, X-Postal-Signature-256; empty when not sent. */
struct signature_headers {
	struct slice kid;
	struct slice sha1;
	struct slice sha256;
};

struct signature_checks {
	enum signature_check sha1;
	enum signature_check sha256;
};

struct receiver_keys;

/* A file with a PEM or bare base64 public key, or the bare base64 itself. */
enum status receiver_keys_load(
	const char *path_or_text, struct receiver_keys **keys_out, struct error *err);
/* The keys at an http:// or https:// URL. Always gives keys; an error means there are none yet. */
enum status receiver_keys_fetch(
	const char *url, struct receiver_keys **keys_out, struct error *err);
void receiver_keys_free(struct receiver_keys **keysp);

/* keys may be NULL: nothing is checked. */
struct signature_checks receiver_keys_check(
	struct receiver_keys *keys, struct slice body, const struct signature_headers *headers);

#endif
