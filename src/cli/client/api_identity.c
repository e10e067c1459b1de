/* SPDX-License-Identifier: MIT */
#include "api_identity.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "repostal/buf.h"
#include "repostal/digest.h"
#include "repostal/random.h"
#include "repostal/slice.h"
#include "repostal/store_proof.h"
#include "repostal/store_reader.h"

enum {
	CHALLENGE_BYTES = 32,
	ANSWER_SIZE_MAX = 64 * 1024,
	PLACE_SIZE = 128,
	HTTP_OK = 200,
	HTTP_UNAVAILABLE = 503,
};

static enum status read_secret(const struct config *config, uint8_t *secret_out, struct error *why)
{
	struct store_reader *reader = NULL;
	enum status status = store_reader_open(&config->store, &reader, why);

	if (status == STATUS_OK)
		status = store_reader_secret(reader, secret_out, why);
	store_reader_close(&reader);
	return status;
}

static bool has_proof(const struct buf *answer, const char *want)
{
	json_t *json = json_loadb(answer->data == NULL ? "" : answer->data, answer->size, 0, NULL);
	const char *proof = json_string_value(json_object_get(json, "proof"));
	bool is_right =
		proof != NULL && slice_equal_constant_time(slice_text(proof), slice_text(want));

	json_decref(json);
	return is_right;
}

static enum api_identity judge(const struct api_http *http, const struct config *config,
	const char *challenge, int http_status, const struct buf *answer, struct error *why)
{
	uint8_t secret[STORE_SECRET_SIZE];
	char want[STORE_PROOF_TEXT_SIZE];
	char place[PLACE_SIZE] = "";

	if (http_status == HTTP_UNAVAILABLE) {
		error_set(why, "the gateway cannot read its store yet");
		return API_IDENTITY_UNKNOWN;
	}
	if (http_status == HTTP_OK && read_secret(config, secret, why) != STATUS_OK)
		return API_IDENTITY_UNKNOWN;
	if (!api_http_is_local(http))
		snprintf(place, sizeof(place), "%s %d", config->admin.address, config->admin.port);
	if (http_status == HTTP_OK) {
		store_proof_make(secret, slice_text(challenge), place, want);
		if (has_proof(answer, want))
			return API_IDENTITY_PROVEN;
	}
	error_set(why, "what answers at %s is not the gateway of this store", api_http_name(http));
	return API_IDENTITY_WRONG;
}

enum api_identity api_identity_ask(
	struct api_http *http, const struct config *config, struct error *why)
{
	enum api_identity identity = API_IDENTITY_ABSENT;
	char challenge[2 * CHALLENGE_BYTES + 1];
	uint8_t bytes[CHALLENGE_BYTES];
	char query[sizeof("challenge=") + sizeof(challenge)];
	int http_status = 0;
	enum status status;
	struct buf answer;

	random_secret(bytes, sizeof(bytes));
	digest_hex(bytes, sizeof(bytes), challenge);
	snprintf(query, sizeof(query), "challenge=%s", challenge);
	buf_init(&answer, ANSWER_SIZE_MAX);
	status = api_http_identify(http, query, &http_status, &answer, why);
	if (status == STATUS_OK)
		identity = judge(http, config, challenge, http_status, &answer, why);
	else if (status != STATUS_NOT_FOUND)
		identity = API_IDENTITY_WRONG;
	buf_free(&answer);
	return identity;
}
