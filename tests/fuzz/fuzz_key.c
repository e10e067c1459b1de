/* SPDX-License-Identifier: MIT */
/*
 * Keys that come from elsewhere: a public key as PEM or base64, an entry of a JWKS (first line n, second
 * line e), and the file of a private key. What is accepted is an RSA key of a size that is allowed, and
 * can be written and read back.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "repostal/rsa_key.h"

enum {
	PRINTED_SIZE_MAX = 64 * 1024,
	PATH_SIZE = 64
};

static void check_key(const struct rsa_key *key)
{
	struct rsa_key *again = NULL;
	struct buf printed;

	REPOSTAL_ASSERT(rsa_key_bits(key) >= 2048 && rsa_key_bits(key) <= 8192);
	REPOSTAL_ASSERT(strlen(rsa_key_id(key)) == RSA_KEY_ID_SIZE - 1);
	REPOSTAL_ASSERT(
		!rsa_key_verify(key, RSA_SHA256, SLICE_LITERAL("x"), SLICE_LITERAL("AA==")));
	buf_init(&printed, PRINTED_SIZE_MAX);
	rsa_key_print_pem(key, &printed);
	REPOSTAL_ASSERT(!fuzz_contains(buf_slice(&printed), SLICE_LITERAL("PRIVATE KEY")));
	REPOSTAL_ASSERT(rsa_key_parse_public(buf_slice(&printed), &again, NULL) == STATUS_OK);
	REPOSTAL_ASSERT(strcmp(rsa_key_id(key), rsa_key_id(again)) == 0);
	rsa_key_free(&again);
	buf_free(&printed);
}

static enum status load_private(struct slice text, struct rsa_key **key_out, struct error *err)
{
	static char path[PATH_SIZE];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("signing.key", MFD_CLOEXEC);
		REPOSTAL_ASSERT(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	REPOSTAL_ASSERT(ftruncate(fd, 0) == 0);
	REPOSTAL_ASSERT(
		text.size == 0 || pwrite(fd, text.data, text.size, 0) == (ssize_t)text.size);
	return rsa_key_load_private(path, key_out, NULL, err);
}

static void check_result(enum status status, struct rsa_key **keyp, const struct error *err)
{
	REPOSTAL_ASSERT(status == STATUS_OK || status == STATUS_INVALID);
	REPOSTAL_ASSERT((status == STATUS_OK) == (*keyp != NULL));
	if (*keyp != NULL)
		check_key(*keyp);
	else
		REPOSTAL_ASSERT(fuzz_is_plain_text(slice_text(err->text)));
	rsa_key_free(keyp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = fuzz_input(data, size);
	struct slice exponent = text;
	struct slice modulus = slice_cut(&exponent, '\n');
	struct error err = { .text = "" };
	struct rsa_key *key = NULL;

	check_result(rsa_key_parse_public(text, &key, &err), &key, &err);
	check_result(rsa_key_from_jwk(modulus, exponent, &key, &err), &key, &err);
	check_result(load_private(text, &key, &err), &key, &err);
	return 0;
}
